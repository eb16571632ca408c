"""Deblurring by lsmr: this library's operator against PyLops, in the same solver.

Each side runs in its own process, so that neither's threads disturb the other; the two alternate,
and the ratio is that of the medians:

    pip install pylops
    python benchmarks/deblur.py [--size 512] [--side 15] [--iterations 30] [--repeat 5]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

import numpy as np
from scipy.sparse.linalg import lsmr

from sparse_tconv.inverse import blur, psf

# name, the least the ratio should be
CASES = [("general", 1.5), ("separable", 3.0)]
SIDES = ("sparse_tconv", "pylops")


def point_spread(name, side):
    """A PSF of full rank, or a Gaussian, which is a product of two."""
    if name == "separable":
        return psf.gauss(side / 6, side)
    weights = np.random.default_rng(1).random((side, side))
    return weights / weights.sum()


def operator(name, which, size, side):
    """The blur under zero boundaries, the only ones that PyLops has."""
    kernel = point_spread(name, side)
    if which == "sparse_tconv":
        return blur(kernel, (size, size), padding_mode="zeros")
    from pylops.signalprocessing import Convolve2D

    return Convolve2D((size, size), h=kernel, offset=(side // 2, side // 2), dtype="float64")


def one_run(name, which, size, side, iterations):
    """Seconds of lsmr, and the norm of what it found."""
    op = operator(name, which, size, side)
    truth = np.random.default_rng(0).random(size * size)
    y = op @ truth  # also builds what the operator builds at its first use
    op.rmatvec(y)
    start = time.perf_counter()
    x = lsmr(op, y, damp=1e-3, atol=0, btol=0, conlim=0, maxiter=iterations)[0]
    elapsed = time.perf_counter() - start
    engine = getattr(op, "engine", "-")
    print(f"{elapsed} {np.linalg.norm(x):.12e} {engine}")


def child(name, which, arguments):
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--child", name, which]
    for option in ("size", "side", "iterations"):
        command += [f"--{option}", str(getattr(arguments, option))]
    # Threads that wait for the next dot product of lsmr would take the cores from both sides alike.
    quiet = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1"}
    environment = {**os.environ, **quiet}
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    elapsed, norm, engine = answer.stdout.split()
    return float(elapsed), float(norm), engine


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--side", type=int, default=15)
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        one_run(*arguments.child, arguments.size, arguments.side, arguments.iterations)
        return
    print(
        f"lsmr, {arguments.iterations} iterations, {arguments.size}x{arguments.size}, "
        f"PSF {arguments.side}x{arguments.side}"
    )
    print(f"{'PSF':12}{'engine':>10}{'ours ms':>10}{'PyLops ms':>11}{'ratio':>8}{'at least':>10}")
    for name, least in CASES:
        seconds = {which: [] for which in SIDES}
        norms, engine = {}, ""
        for _ in range(arguments.repeat):
            for which in SIDES:
                elapsed, norms[which], found = child(name, which, arguments)
                seconds[which].append(elapsed)
                engine = found if which == "sparse_tconv" else engine
        ours, theirs = (statistics.median(seconds[which]) for which in SIDES)
        if not np.isclose(*norms.values(), rtol=1e-6):
            raise SystemExit(f"the two do not solve the same problem: {norms}")
        print(
            f"{name:12}{engine:>10}{ours * 1e3:10.0f}{theirs * 1e3:11.0f}"
            f"{theirs / ours:8.2f}{least:10.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
