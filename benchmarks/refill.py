"""Refilling against copying: ``op.with_weight(w).matrix`` over ``matrix.data.copy()``.

Both sides alternate in one run, and the ratio is that of their medians:

    python benchmarks/refill.py [--repeat 15]
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np
from assembly import CASES, seconds

import sparse_tconv as st


def measure(name, weight_shape, in_shape, options, repeat):
    """Entries, and median seconds of refilling and of copying the values."""
    cls = st.ConvTranspose if name.startswith("T ") else st.Conv
    rng = np.random.default_rng(0)
    op = cls(rng.standard_normal(weight_shape), in_shape, engine="csr", **options)
    matrix = op.matrix
    weight = rng.standard_normal(weight_shape)
    filled, copied = [], []
    for _ in range(repeat):
        filled.append(seconds(lambda: op.with_weight(weight).matrix))
        copied.append(seconds(matrix.data.copy))
    return matrix.nnz, statistics.median(filled), statistics.median(copied)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=15)
    repeat = parser.parse_args().repeat
    print(f"{'case':28}{'entries':>12}{'refill ms':>11}{'copy ms':>9}{'ratio':>7}")
    for name, _, weight_shape, in_shape, options in CASES:
        nnz, filled, copied = measure(name, weight_shape, in_shape, options, repeat)
        times = f"{filled * 1e3:11.1f}{copied * 1e3:9.1f}{filled / copied:7.2f}"
        print(f"{name:28}{nnz:12,}{times}", flush=True)


if __name__ == "__main__":
    main()
