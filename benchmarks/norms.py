"""``spectral_norm(rtol=1e-2)`` of layers of networks: what it costs in products, and what it proves.

The cost is processor time over that of a product, the mean of C x and C^T y, both measured in turns
in one run; ``products`` counts those that the search takes. Writes what it prints:

    python benchmarks/norms.py [--out results/norms.csv]
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np

import sparse_tconv as st
from sparse_tconv import analysis

RTOL = 1e-2

# weight, size, stride, the most products' time
CASES = [
    ((64, 3, 7, 7), 224, 2, 60),
    ((64, 64, 3, 3), 56, 1, 1000),
    ((128, 128, 3, 3), 28, 1, 1000),
    ((256, 256, 3, 3), 14, 1, 1000),
    ((512, 512, 3, 3), 14, 1, 2000),
    ((512, 512, 3, 3), 28, 1, 2000),
    ((1024, 1024, 1, 1), 14, 1, 2000),
]
COLUMNS = ["weight", "size", "stride", "times", "at_most", "products", "lower", "upper", "width"]


def measure(weight, size, stride):
    """One row: the answer and its cost."""
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal(weight) / np.sqrt(np.prod(weight[1:]))
    op = st.Conv(kernel, (weight[1], size, size), stride=stride, padding=weight[2] // 2)
    x, y = rng.standard_normal(op.shape[1]), rng.standard_normal(op.shape[0])
    adjoint = op.H
    single = min(timed(lambda: (op @ x, adjoint @ y))[0] for _ in range(3)) / 2
    spent, norm = timed(lambda: analysis.spectral_norm(op, rtol=RTOL))
    single = min(single, *(timed(lambda: (op @ x, adjoint @ y))[0] / 2 for _ in range(3)))
    lower, upper = norm.bounds
    products = counted(lambda: analysis.spectral_norm(op, rtol=RTOL))
    return {
        "weight": "x".join(map(str, weight)),
        "size": size,
        "stride": stride,
        "times": f"{spent / single:.0f}",
        "products": products,
        "lower": f"{lower:.6f}",
        "upper": f"{upper:.6f}",
        "width": f"{(upper - lower) / upper:.1e}",
    }


def timed(call):
    """Processor seconds, of all threads."""
    start = time.process_time()
    answer = call()
    return time.process_time() - start, answer


def counted(call):
    """Products of convolutions with a vector that a call makes."""
    inner = st.Conv.__matmul__
    count = 0

    def counting(self, other):
        nonlocal count
        count += 1 if np.ndim(other) == 1 else np.shape(other)[-1]
        return inner(self, other)

    kinds = (st.Conv, st.ConvTranspose)
    for kind in kinds:
        kind.__matmul__ = counting
    try:
        call()
    finally:
        for kind in kinds:
            del kind.__matmul__
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="a .csv file for the rows")
    parser.add_argument("--rows", type=int, nargs="*", help="numbers of the rows to measure")
    arguments = parser.parse_args()
    rows = []
    for number, (weight, size, stride, most) in enumerate(CASES):
        if arguments.rows and number not in arguments.rows:
            continue
        row = measure(weight, size, stride) | {"at_most": most}
        rows.append({name: row[name] for name in COLUMNS})
        print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
