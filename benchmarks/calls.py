"""The cost of a call, where arithmetic is small: ours over SciPy's and PyTorch's.

Both sides take turns in one process with one thread, and a ratio is that of the medians of turns:

    python benchmarks/calls.py [--turns 31] [--only WORD]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy.linalg
from scipy.sparse import csr_array, diags_array, kron
from scipy.sparse.linalg import aslinearoperator

import sparse_tconv as st

_SECONDS = 2e-3  # what a turn of one side takes, about

# x with a batch axis, weight, options
CASES = {
    "(1,1,64) k=5": ((1, 1, 64), (1, 1, 5), {}),
    "(1,3,16,16) to 8, 3x3": ((1, 3, 16, 16), (8, 3, 3, 3), {}),
    "(1,1,32,32) 3x3 stride 2": ((1, 1, 32, 32), (1, 1, 3, 3), {"stride": 2}),
    "(4,2,6,6,6) 3^3": ((4, 2, 6, 6, 6), (2, 2, 3, 3, 3), {}),
}


def products(x_shape, weight_shape, options):
    """What is done, the most the ratio should be, and a call of each side: products by operators."""
    rng = np.random.default_rng(0)
    op = st.Conv(rng.standard_normal(weight_shape), x_shape[1:], **options)
    theirs = aslinearoperator(op.to_matrix())
    v, u = rng.standard_normal(op.shape[1]), rng.standard_normal(op.shape[0])
    yield "op @ v", 2.0, lambda: op @ v, lambda: theirs @ v
    yield "op.H @ u", 1.5, lambda: op.H @ u, lambda: theirs.H @ u
    yield "op.T @ u", 1.5, lambda: op.T @ u, lambda: theirs.T @ u


def functions(x_shape, weight_shape, options):
    """The same for functions and construction, beside PyTorch."""
    import torch

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    n = len(weight_shape) - 2
    forward = getattr(torch.nn.functional, f"conv{n}d")
    backward = getattr(torch.nn.functional, f"conv_transpose{n}d")
    ours, ours_back = getattr(st, f"conv{n}d"), getattr(st, f"conv_transpose{n}d")
    for dtype in (np.float32, np.float64):
        x, w = (rng.standard_normal(s).astype(dtype) for s in (x_shape, weight_shape))
        tx, tw = torch.from_numpy(x), torch.from_numpy(w)
        y = forward(tx, tw, **options).numpy()
        ty = torch.from_numpy(y)
        name = np.dtype(dtype).name
        with torch.no_grad():
            yield (
                f"conv{n}d {name}",
                3.0,
                lambda x=x, w=w: ours(x, w, **options),
                lambda x=tx, w=tw: forward(x, w, **options),
            )
            yield (
                f"conv_transpose{n}d {name}",
                3.0,
                lambda y=y, w=w: ours_back(y, w, **options),
                lambda y=ty, w=tw: backward(y, w, **options),
            )
            yield (
                f"Conv(...) {name}",
                3.0,
                lambda w=w: st.Conv(w, x_shape[1:], **options),
                lambda x=tx, w=tw: forward(x, w, **options),
            )


def matrices():
    """The same for small matrices, beside what one writes with SciPy."""
    rng = np.random.default_rng(0)
    for n in (10, 100):
        kernel = rng.standard_normal(3)
        yield (
            f"conv_matrix n={n}",
            2.0,
            lambda n=n, k=kernel: st.conv_matrix(
                k, (n,), padding="full", flip=True, channels=False
            ),
            lambda n=n, k=kernel: csr_array(scipy.linalg.convolution_matrix(k, n)),
        )
    for n in (8, 32):
        kernel = rng.standard_normal((3, 3))
        yield (
            f"conv_matrix {n}x{n} 3x3",
            0.3,
            lambda n=n, k=kernel: st.conv_matrix(k, (n, n), padding=1, channels=False),
            lambda n=n, k=kernel: sum_of_krons(k, n),
        )


def sum_of_krons(kernel, n):
    """A 3x3 kernel on an n x n image: one Kronecker product per row of the kernel."""
    rows = [diags_array(row, offsets=(-1, 0, 1), shape=(n, n)) for row in kernel]
    shifts = [diags_array([1.0], offsets=[offset], shape=(n, n)) for offset in (-1, 0, 1)]
    return csr_array(sum(kron(s, r) for s, r in zip(shifts, rows, strict=True)))


def measure(ours, theirs, turns):
    """Median seconds per call of both sides, which take turns."""
    counts = [max(1, int(_SECONDS / max(seconds(call, 3), 1e-7))) for call in (ours, theirs)]
    times = ([], [])
    for _ in range(turns):
        for call, count, found in zip((ours, theirs), counts, times, strict=True):
            found.append(seconds(call, count))
    return tuple(map(statistics.median, times))


def seconds(call, count):
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def rows():
    """Case and row for everything measured."""
    for case, arguments in CASES.items():
        for row in products(*arguments):
            yield case, *row
        for row in functions(*arguments):
            yield case, *row
    for row in matrices():
        yield "matrix", *row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=31)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    print(f"{'case':26}{'call':26}{'ours us':>9}{'theirs us':>10}{'ratio':>7}{'at most':>9}")
    for case, name, most, ours, theirs in rows():
        if arguments.only not in f"{case} {name}":
            continue
        mine, other = measure(ours, theirs, arguments.turns)
        mark = "" if mine <= most * other else "  *"
        times = f"{mine * 1e6:9.1f}{other * 1e6:10.1f}{mine / other:7.2f}{most:9.1f}"
        print(f"{case:26}{name:26}{times}{mark}", flush=True)


if __name__ == "__main__":
    main()
