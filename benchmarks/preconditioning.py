"""Iterations of conjugate gradients with and without a preconditioner, over blur and damp.

The numbers are counts, not times, and the same on every machine to an iteration or two:

    python benchmarks/preconditioning.py [--size 256] [--out results/preconditioning.csv]
"""

from __future__ import annotations

import argparse
import csv
import warnings
from pathlib import Path

import numpy as np

from sparse_tconv.inverse import (
    ConvergenceWarning,
    blur,
    circulant_preconditioner,
    cosine_preconditioner,
    kronecker_preconditioner,
    problems,
    psf,
    solve,
)

MAKERS = {
    "circulant": circulant_preconditioner,
    "cosine": cosine_preconditioner,
    "kronecker": kronecker_preconditioner,
}

DAMP_SQUARES = (1e-1, 1e-2, 1e-3, 1e-4)

# name, PSF, boundary
CASES = [
    ("gauss 0.7", lambda: psf.gauss(0.7, 9), "zeros"),
    ("gauss 1", lambda: psf.gauss(1.0, 9), "zeros"),
    ("gauss 1.5", lambda: psf.gauss(1.5, 13), "zeros"),
    ("gauss 2", lambda: psf.gauss(2.0), "zeros"),
    ("gauss 4", lambda: psf.gauss(4.0), "zeros"),
    ("defocus 5", lambda: psf.defocus(5.0), "zeros"),
    ("motion 15,30", lambda: psf.motion(15.0, 30.0), "zeros"),
    ("gauss 1", lambda: psf.gauss(1.0, 9), "symmetric"),
    ("motion 15,30", lambda: psf.motion(15.0, 30.0), "symmetric"),
    ("motion 15,30", lambda: psf.motion(15.0, 30.0), "replicate"),
]


def iterations(op, y, damp, preconditioner):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = solve(
            op, y, method="cg", damp=damp, preconditioner=preconditioner, rtol=1e-6, maxiter=5000
        )
    return found.iterations


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--out", type=Path, help="a .csv file for the counts")
    arguments = parser.parse_args()
    size = arguments.size
    print(f"CG iterations to rtol 1e-6, {size}x{size}, 1 % noise; in brackets: times fewer")
    heads = "".join(f"{name:>17}" for name in MAKERS)
    print(f"{'blur':14}{'boundary':11}{'damp^2':>8}{'plain':>7}{heads}  no help")
    rows = [["blur", "boundary", "damp^2", "plain", *MAKERS]]
    for name, make, mode in CASES:
        problem = problems.deblurring(make(), size, padding_mode=mode, image="phantom")
        op = blur(make(), problem.op.in_shape, padding_mode=mode)
        for square in DAMP_SQUARES:
            damp = float(np.sqrt(square))
            plain = iterations(op, problem.y, damp, None)
            counts = {
                word: iterations(op, problem.y, damp, make_preconditioner(op, damp))
                for word, make_preconditioner in MAKERS.items()
            }
            cells = "".join(f"{count:8} ({plain / count:5.1f}x)" for count in counts.values())
            # A preconditioned iteration costs two transforms more than a plain one, or four products.
            idle = ", ".join(word for word, count in counts.items() if plain < 1.3 * count)
            print(f"{name:14}{mode:11}{square:8.0e}{plain:7}{cells}  {idle}", flush=True)
            rows.append([name, mode, f"{square:.0e}", plain, *counts.values()])
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
