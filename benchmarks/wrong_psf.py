"""Answers for PSFs that are nearly right: how many are worse than their data, and how many of them are told.

The settings are those of `restoration.py`, in gray. The PSF is then too small or too large by a
factor, or off its center by some pixels. Answers for the right one are the first row: what is told
of them is a false alarm.

    pip install scikit-image
    python benchmarks/wrong_psf.py [--size 96] [--seed 0] [--out results/wrong_psf.csv]
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from restoration import BLURS, NOISES, PICTURES, picture, setting
from scipy import ndimage

from sparse_tconv.inverse import deblur

FACTORS = (0.67, 0.9, 1.1, 1.2, 1.33, 1.6, 2.0)
SHIFTS = (0.5, 1.0, 2.0)


def zoomed(kernel, factor):
    """A PSF that much larger around the same center, of the same sum."""
    reach = int(np.ceil(max(kernel.shape) * max(factor, 1.0) / 2)) + 1
    places = np.indices((2 * reach + 1,) * 2) - reach
    center = [k // 2 for k in kernel.shape]
    where = [c + axis / factor for c, axis in zip(center, places, strict=True)]
    found = ndimage.map_coordinates(kernel, where, order=1)
    return found / found.sum()


def shifted(kernel, pixels, angle):
    """A PSF off its center by that many pixels."""
    step = pixels * np.array([np.sin(angle), np.cos(angle)])
    found = ndimage.shift(np.pad(kernel, 3), step, order=1)
    return found / found.sum()


def guesses(kernel, rng):
    """The PSF, and all that are nearly it."""
    yield "right", kernel
    for factor in FACTORS:
        yield f"times {factor}", zoomed(kernel, factor)
    for pixels in SHIFTS:
        yield f"off by {pixels}", shifted(kernel, pixels, rng.uniform(0, 2 * np.pi))


def settings(size, seed):
    """Every blur with every noise; where in the list of pictures it begins goes with the seed."""
    rng = np.random.default_rng(seed)
    pictures = {name: picture(name) for name in PICTURES}
    for row, blur in enumerate(BLURS):
        for column, noise in enumerate(NOISES):
            name = PICTURES[(row + column + seed) % len(PICTURES)]
            number = int(rng.integers(2**31))
            yield setting(name, pictures[name], blur, noise, size, number, False)


def counted(rows):
    """One line of the table."""
    worse = [row for row in rows if row["over data"] > 1.0]
    told = sum(bool(row["findings"]) for row in worse)
    alarms = sum(bool(row["findings"]) for row in rows) - told
    return {
        "PSF": rows[0]["PSF"],
        "answers": len(rows),
        "worse than the data": len(worse),
        "of these told": told,
        "others told": alarms,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found = {}
    rng = np.random.default_rng(arguments.seed)
    for one in settings(arguments.size, arguments.seed):
        for name, kernel in guesses(one.kernel, rng):
            solution = deblur(one.y, kernel)
            ratio = one.error(solution.x) / one.error(one.y)
            row = {"PSF": name, "over data": ratio, "findings": solution.findings}
            found.setdefault(name, []).append(row)
    table = [counted(rows) for rows in found.values()]
    for row in table:
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            lines = csv.DictWriter(file, table[0], lineterminator="\n")
            lines.writeheader()
            lines.writerows(table)


if __name__ == "__main__":
    main()
