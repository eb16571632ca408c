"""Which rule, which boundary: every rule and every boundary of `deblur` on some of the settings.

Settings are those of `restoration.py`, every eighth one. Errors are over that of the data and, where
the boundary is unknown, over the tuned one in `results/restoration.csv`, which must be of the same size.

    pip install scikit-image
    python benchmarks/rules.py [--size 128] [--every 8] [--out results/rules.csv]
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from restoration import settings

from sparse_tconv.inverse import deblur

RULES = ("auto", "gcv", "wgcv", "lcurve", "discrepancy", "ncp")
BOUNDARIES = ("symmetric", "circular", "zeros")
TUNED = Path(__file__).parent / "results" / "restoration.csv"


def cases():
    """(boundary, rule, whether the noise is told)."""
    yield from (("unknown", rule, False) for rule in RULES)
    yield from (("unknown", rule, True) for rule in ("auto", "discrepancy"))
    yield from ((boundary, "auto", False) for boundary in BOUNDARIES)


def measured(setting, tuned):
    """The rows of one setting."""
    base = {"picture": setting.name, "blur": setting.blur, "noise": setting.noise}
    data = setting.error(setting.y)
    for boundary, rule, told in cases():
        found = deblur(
            setting.y,
            setting.kernel,
            channel_axis=setting.channel_axis,
            boundary=boundary,
            rule=rule,
            sigma=setting.sigma if told else None,
        )
        error = setting.error(found.x)
        yield base | {
            "boundary": boundary,
            "rule": rule + (", sigma given" if told else ""),
            "error": f"{error:.5f}",
            "over data": f"{error / data:.4f}",
            "over tuned": f"{error / tuned:.4f}",
            "findings": len(found.findings),
        }


def summary(rows):
    """One line for each boundary and rule."""
    for boundary, rule in dict.fromkeys((row["boundary"], row["rule"]) for row in rows):
        mine = [row for row in rows if (row["boundary"], row["rule"]) == (boundary, rule)]
        over = np.array([float(row["over tuned"]) for row in mine])
        worse = sum(float(row["over data"]) > 1 for row in mine)
        warned = sum(float(row["over data"]) > 1 and row["findings"] > 0 for row in mine)
        yield (
            f"{boundary:12}{rule:26}over tuned {np.exp(np.log(over).mean()):6.3f}, worst {over.max():7.2f}; "
            f"worse than the data {worse} of {len(mine)}, of which warned {warned}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--every", type=int, default=8)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with TUNED.open(newline="") as file:
        tuned = [float(row["tuned"]) for row in csv.DictReader(file)]
    rows = []
    for number, setting in enumerate(settings(arguments.size)):
        if number % arguments.every == 0:
            rows += measured(setting, tuned[number])
            print(setting.name, setting.blur, setting.noise, flush=True)
    print("\n".join(summary(rows)))
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            table = csv.DictWriter(file, rows[0], lineterminator="\n")
            table.writeheader()
            table.writerows(rows)


if __name__ == "__main__":
    main()
