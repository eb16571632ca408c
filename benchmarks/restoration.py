"""Restoring pictures without inverse crime: `deblur`, the best that its model can, and scikit-image.

Every setting is a picture that scikit-image ships, a blur and a noise. The data are made from a
larger part of the picture by the windows of the blur that read nothing beyond it, so no method's
idea of the border is right by construction. Errors are ``|x - truth| / |truth|`` over the pixels of
the data. 'tuned' is the least error of the unknown-boundary Tikhonov solution over a fine grid of
damps, which needs the truth.

    pip install scikit-image
    python benchmarks/restoration.py [--size 160] [--quick] [--out results/restoration.csv]
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import signal

from sparse_tconv.inverse import deblur, psf

PICTURES = ("camera", "astronaut", "coffee", "coins", "moon", "text", "chelsea", "rocket")
NOISES = ("0.2 %", "0.5 %", "1 %", "3 %", "8-bit", "Poisson")
STEPS = 30  # of Richardson and Lucy
GRID = 10.0 ** np.arange(1.0, -4.01, -0.125)


@dataclass
class Setting:
    """Data with a known truth; channels come last where there are any. `sigma` is that of the noise."""

    name: str
    blur: str
    noise: str
    kernel: np.ndarray
    y: np.ndarray
    x: np.ndarray
    sigma: float

    @property
    def channel_axis(self):
        return None if self.y.ndim == 2 else -1

    def error(self, x):
        """Relative to the truth; of integers as of what they stand for."""
        scale = 255.0 if np.asarray(x).dtype == np.uint8 else 1.0
        return float(np.linalg.norm(np.asarray(x) / scale - self.x) / np.linalg.norm(self.x))


def coma():
    """A PSF without any symmetry: a spot with a bent tail."""
    kernel = np.zeros((11, 11))
    for i, (row, column, weight) in enumerate(
        [(4, 4, 4.0), (4, 5, 3.0), (5, 5, 3.0), (5, 6, 2.0), (6, 6, 1.5), (7, 6, 1.0), (8, 5, 0.7)]
    ):
        kernel[row - 1, column - 1] += weight * (1.0 + 0.1 * i)
        kernel[row, column] += 0.5 * weight
    return kernel / kernel.sum()


BLURS = {
    "gauss 1": psf.gauss(1.0),
    "gauss 2": psf.gauss(2.0),
    "gauss 3": psf.gauss(3.0),
    "defocus 3": psf.defocus(3.0),
    "defocus 5": psf.defocus(5.0),
    "motion 9": psf.motion(9.0, 30.0),
    "motion 15": psf.motion(15.0, 75.0),
    "coma": coma(),
}


def picture(name):
    """One of scikit-image's, from 0 to 1."""
    from skimage import data, util

    return util.img_as_float(getattr(data, name)())


def settings(size, seed=0):
    """Pairs of every blur and every noise, the pictures in turn, every other one in color."""
    pictures = {name: picture(name) for name in PICTURES}
    number = 0
    for row, blur in enumerate(BLURS):
        for column, noise in enumerate(NOISES):
            name = PICTURES[(row + column) % len(PICTURES)]
            yield setting(name, pictures[name], blur, noise, size, seed + number, number % 2 == 1)
            number += 1


def setting(name, image, blur, noise, size, seed, color):
    """The middle of a picture, blurred, with noise."""
    kernel = BLURS[blur]
    if image.ndim == 3 and not color:
        image = image @ np.array([0.2125, 0.7154, 0.0721])
    sides = [min(size + k - 1, n) for k, n in zip(kernel.shape, image.shape, strict=False)]
    first = [(n - m) // 2 for n, m in zip(image.shape, sides, strict=False)]
    image = image[first[0] : first[0] + sides[0], first[1] : first[1] + sides[1]]
    stack = np.moveaxis(image, -1, 0) if image.ndim == 3 else image[None]
    clean = np.stack([signal.convolve(one, kernel, mode="valid") for one in stack])
    rng = np.random.default_rng(seed)
    if noise == "Poisson":
        y = rng.poisson(1000 * np.clip(clean, 0, None)) / 1000
    elif noise == "8-bit":
        noisy = clean + 0.004 * rng.standard_normal(clean.shape)
        y = np.rint(255 * np.clip(noisy, 0, 1)).astype(np.uint8)
    else:
        level = float(noise.split()[0]) / 100 * np.sqrt(np.mean(clean**2))
        y = clean + level * rng.standard_normal(clean.shape)
    scale = 255.0 if y.dtype == np.uint8 else 1.0
    sigma = float(np.std(y - scale * clean))
    kept = [
        slice(k - 1 - k // 2, k - 1 - k // 2 + n)
        for k, n in zip(kernel.shape, clean.shape[1:], strict=True)
    ]
    truth = stack[:, kept[0], kept[1]]
    back = (lambda a: np.moveaxis(a, 0, -1)) if image.ndim == 3 else (lambda a: a[0])
    return Setting(name, blur, noise, kernel, back(y), back(truth), sigma)


def tuned(setting):
    """The least error of the model's solutions, all damps tried."""
    y = setting.y / 255.0 if setting.y.dtype == np.uint8 else setting.y
    options = {"channel_axis": setting.channel_axis}
    first = deblur(y, setting.kernel, **options)
    errors = {}
    for power in range(-8, 9):
        errors[power] = setting.error(
            deblur(y, setting.kernel, rule=first.damp * 10 ** (power / 8), **options).x
        )
    best = min(errors, key=errors.get)
    while best in (min(errors), max(errors)) and abs(best) < 32:  # the least is at an end: go on
        best += 1 if best > 0 else -1
        errors[best] = setting.error(
            deblur(y, setting.kernel, rule=first.damp * 10 ** (best / 8), **options).x
        )
        best = min(errors, key=errors.get)
    return min(errors.values())


def others(setting):
    """scikit-image's answers, on the picture and on a frame extended by reflection and cropped."""
    from skimage.restoration import richardson_lucy, unsupervised_wiener

    y = setting.y / 255.0 if setting.y.dtype == np.uint8 else setting.y
    stack = y[None] if y.ndim == 2 else np.moveaxis(y, -1, 0)
    wide = [2 * k for k in setting.kernel.shape]

    def wiener(one):
        return unsupervised_wiener(one, setting.kernel, clip=False, rng=0)[0]

    def lucy(one):
        return richardson_lucy(np.clip(one, 0, None), setting.kernel, STEPS, clip=False)

    def framed(method):
        def restored(one):
            extended = np.pad(one, [(w, w) for w in wide], mode="symmetric")
            n, m = one.shape
            return method(extended)[wide[0] : wide[0] + n, wide[1] : wide[1] + m]

        return restored

    found = {}
    methods = {"wiener": wiener, "lucy": lucy}
    methods |= {f"{name} framed": framed(method) for name, method in methods.items()}
    for name, method in methods.items():
        answer = np.stack([method(one) for one in stack])
        found[name] = setting.error(answer[0] if y.ndim == 2 else np.moveaxis(answer, 0, -1))
    return found


def measured(setting):
    """One row of the table."""
    solution = deblur(setting.y, setting.kernel, channel_axis=setting.channel_axis)
    return {
        "picture": setting.name,
        "color": setting.y.ndim == 3,
        "blur": setting.blur,
        "noise": setting.noise,
        "data": setting.error(setting.y),
        "deblur": setting.error(solution.x),
        "tuned": tuned(setting),
        **others(setting),
        "findings": "; ".join(solution.findings),
    }


def summary(rows):
    """What the table comes to."""
    ours = np.array([row["deblur"] for row in rows])
    data = np.array([row["data"] for row in rows])
    ratio = ours / np.array([row["tuned"] for row in rows])
    names = ("wiener", "wiener framed", "lucy", "lucy framed")
    other = np.min([[row[name] for name in names] for row in rows], axis=1)
    warned = np.array([bool(row["findings"]) for row in rows])
    bad = (ours > data) | (ratio > 1.35)
    mean = lambda values: float(np.exp(np.mean(np.log(values))))  # noqa: E731
    return [
        f"{len(rows)} settings; error over the tuned one: geometric mean {mean(ratio):.3f}, worst "
        f"{ratio.max():.2f}",
        f"error over that of the data: geometric mean {mean(ours / data):.3f}, worst {(ours / data).max():.2f}",
        f"error over the better of scikit-image's: geometric mean {mean(ours / other):.3f}; not behind "
        f"on {np.mean(ours <= other):.0%}",
        f"bad answers {bad.sum()}, of which warned {np.sum(bad & warned)}; good ones warned of "
        f"{np.sum(~bad & warned)} of {np.sum(~bad)}",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="every fifth setting")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    chosen = list(settings(arguments.size, arguments.seed))[:: 5 if arguments.quick else 1]
    rows = []
    for one in chosen:
        rows.append(measured(one))
        numbers = "  ".join(
            f"{value:.4f}" for value in rows[-1].values() if isinstance(value, float)
        )
        print(
            f"{one.name:10}{one.blur:10}{one.noise:8}{numbers}  {rows[-1]['findings'][:60]}",
            flush=True,
        )
    print("\n".join(summary(rows)))
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            table = csv.DictWriter(file, rows[0], lineterminator="\n")
            table.writeheader()
            table.writerows(
                {k: f"{v:.5f}" if isinstance(v, float) else v for k, v in row.items()}
                for row in rows
            )


if __name__ == "__main__":
    main()
