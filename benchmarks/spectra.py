"""Spectra against the usual recipe: the time of all singular values over the time of ``fft2`` and
``numpy.linalg.svd`` of the channel matrices at all frequencies.

Both sides alternate in one run, and the ratio is that of their medians; the values of both agree, or
the run fails:

    python benchmarks/spectra.py [--repeat 5]
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

import sparse_tconv as st
from sparse_tconv import analysis

# name, the most the ratio should be, weight shape, size
CASES = [
    ("64->64 32x32 3x3", 0.65, (64, 64, 3, 3), (32, 32)),
    ("16->32 64x64 3x3", float("inf"), (32, 16, 3, 3), (64, 64)),
    ("3->64 56x56 7x7", float("inf"), (64, 3, 7, 7), (56, 56)),
    ("1->1 512x512 9x9", float("inf"), (1, 1, 9, 9), (512, 512)),
]


def recipe(weight, size):
    """Singular values as usually computed (Sedghi, Gupta, Long, arXiv:1805.10408): every frequency,
    in one call.
    """
    blocks = np.fft.fft2(weight, size, axes=(2, 3)).transpose(2, 3, 0, 1)
    return np.linalg.svd(blocks, compute_uv=False)


def measure(weight_shape, size, repeat):
    """Median seconds of the library and of the recipe, and the largest relative difference."""
    weight = np.random.default_rng(0).standard_normal(weight_shape)
    padding = [(k // 2, (k - 1) // 2) for k in weight_shape[2:]]
    op = st.Conv(weight, (weight_shape[1], *size), padding=padding, padding_mode="circular")
    ours, theirs = [], []
    for _ in range(repeat):
        elapsed, found = timed(lambda: analysis.singular_values(op))
        ours.append(elapsed)
        elapsed, wanted = timed(lambda: recipe(weight, size))
        theirs.append(elapsed)
    wanted = np.sort(wanted, axis=None)[::-1]
    difference = float(abs(found.value - wanted).max() / wanted[0])
    return statistics.median(ours), statistics.median(theirs), difference


def timed(call):
    start = time.perf_counter()
    answer = call()
    return time.perf_counter() - start, answer


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    print(f"{'case':20}{'values':>9}{'ours ms':>10}{'recipe ms':>11}{'ratio':>7}{'at most':>9}")
    for name, most, weight_shape, size in CASES:
        ours, theirs, difference = measure(weight_shape, size, repeat)
        if difference > 1e-12:
            raise SystemExit(f"{name}: the values differ by {difference:.1e} of the largest")
        count = min(weight_shape[:2]) * size[0] * size[1]
        times = f"{ours * 1e3:10.1f}{theirs * 1e3:11.1f}{ours / theirs:7.2f}{most:9.2f}"
        print(f"{name:20}{count:9,}{times}", flush=True)


if __name__ == "__main__":
    main()
