"""Iterations of conjugate gradients with and without a preconditioner, over blur and damp.

The numbers are counts, not times, and the same on every machine to an iteration or two:

    python benchmarks/preconditioning.py [--size 256]
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

from sparse_tconv.inverse import (
    ConvergenceWarning,
    blur,
    circulant_preconditioner,
    cosine_preconditioner,
    problems,
    psf,
    solve,
)

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
    size = parser.parse_args().size
    print(f"CG iterations to rtol 1e-6, {size}x{size}, 1 % noise; in brackets: times fewer")
    print(
        f"{'blur':14}{'boundary':11}{'damp^2':>8}{'plain':>7}{'circulant':>17}{'cosine':>17}"
        f"  no help"
    )
    for name, make, mode in CASES:
        problem = problems.deblurring(make(), size, padding_mode=mode, image="phantom")
        op = blur(make(), problem.op.in_shape, padding_mode=mode)
        for square in DAMP_SQUARES:
            damp = float(np.sqrt(square))
            plain = iterations(op, problem.y, damp, None)
            fewer = []
            cells = ""
            for make_preconditioner in (circulant_preconditioner, cosine_preconditioner):
                count = iterations(op, problem.y, damp, make_preconditioner(op, damp))
                fewer.append(plain / count)
                cells += f"{count:8} ({fewer[-1]:5.1f}x)"
            # A preconditioned iteration costs two transforms more than a plain one.
            words = ("circulant", "cosine")
            idle = ", ".join(word for word, f in zip(words, fewer, strict=True) if f < 1.3)
            print(f"{name:14}{mode:11}{square:8.0e}{plain:7}{cells}  {idle}", flush=True)


if __name__ == "__main__":
    main()
