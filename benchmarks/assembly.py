"""Assembly against copying: the time of building C over the time of ``C.copy()``, and the peak
memory.

Both sides alternate in one run, and the ratio is that of their medians:

    python benchmarks/assembly.py [--repeat 15]
"""

from __future__ import annotations

import argparse
import statistics
import time
import tracemalloc

import numpy as np

import sparse_tconv as st

# name, the most the ratio should be, weight shape, in_shape, options; "T" in front: a transposed
# convolution; "local": one kernel for each output position
CASES = [
    ("512x512 9x9", 1.0, (1, 1, 9, 9), (1, 512, 512), {"padding": 4}),
    ("16->32 64x64 3x3", 1.0, (32, 16, 3, 3), (16, 64, 64), {"padding": 1}),
    ("64->64 32x32 3x3", 1.0, (64, 64, 3, 3), (64, 32, 32), {"padding": 1}),
    ("1,000,000 samples k=25", 1.0, (1, 1, 25), (1, 10**6), {"padding": 12}),
    ("1024x1024 3x3 stride 2", 1.3, (1, 1, 3, 3), (1, 1024, 1024), {"padding": 1, "stride": 2}),
    ("96^3 3^3", 1.3, (1, 1, 3, 3, 3), (1, 96, 96, 96), {"padding": 1}),
    (
        "512x512 9x9 symmetric",
        1.3,
        (1, 1, 9, 9),
        (1, 512, 512),
        {"padding": 4, "padding_mode": "symmetric"},
    ),
    (
        "512x512 9x9 circular",
        1.3,
        (1, 1, 9, 9),
        (1, 512, 512),
        {"padding": 4, "padding_mode": "circular"},
    ),
    ("T 512x512 4x4 stride 2", 1.3, (1, 1, 4, 4), (1, 512, 512), {"padding": 1, "stride": 2}),
    ("T 256x256 4x4 stride 2", 1.3, (1, 1, 4, 4), (1, 256, 256), {"padding": 1, "stride": 2}),
    ("T 512x512 3x3 stride 2", 1.3, (1, 1, 3, 3), (1, 512, 512), {"padding": 1, "stride": 2}),
    ("T 1024x1024 3x3 stride 2", 1.3, (1, 1, 3, 3), (1, 1024, 1024), {"padding": 1, "stride": 2}),
    (
        "T 32^3 5^3 stride 2 reflect",
        1.3,
        (1, 1, 5, 5, 5),
        (1, 32, 32, 32),
        {"padding": 2, "stride": 2, "padding_mode": "reflect"},
    ),
    (
        "T 64^3 5^3 stride 2 reflect",
        1.3,
        (1, 1, 5, 5, 5),
        (1, 64, 64, 64),
        {"padding": 2, "stride": 2, "padding_mode": "reflect"},
    ),
    ("T 16->32 64x64 3x3", 1.3, (16, 32, 3, 3), (16, 64, 64), {"padding": 1}),
    ("depthwise 32x128x128 3x3", 1.3, (32, 1, 3, 3), (32, 128, 128), {"padding": 1, "groups": 32}),
    (
        "64x64 63x63 circular",
        1.3,
        (1, 1, 63, 63),
        (1, 64, 64),
        {"padding": 31, "padding_mode": "circular"},
    ),
    ("local 256x256 9x9", 1.5, (1, 1, 9, 9), (1, 256, 256), {"padding": 4}),
    ("local 512x512 5x5 stride 2", 1.5, (1, 1, 5, 5), (1, 512, 512), {"padding": 2, "stride": 2}),
    ("local 1,000,000 samples k=9", 1.5, (1, 1, 9), (1, 10**6), {"padding": 4}),
    ("local 16->32 32x32 3x3", 1.5, (32, 16, 3, 3), (16, 32, 32), {"padding": 1}),
    (
        "local 256x256 9x9 symmetric",
        1.5,
        (1, 1, 9, 9),
        (1, 256, 256),
        {"padding": 4, "padding_mode": "symmetric"},
    ),
    ("T local 256x256 9x9", 1.5, (1, 1, 9, 9), (1, 256, 256), {"padding": 4}),
]


def measure(name, weight_shape, in_shape, options, repeat):
    """Median seconds of building and of copying, and peak memory over the matrix's."""
    build = builder(name, weight_shape, in_shape, options)
    matrix = build()
    built, copied = [], []
    for _ in range(repeat):
        built.append(seconds(build))
        copied.append(seconds(matrix.copy))
    size = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    tracemalloc.start()
    build()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return matrix.nnz, statistics.median(built), statistics.median(copied), peak / size


def builder(name, weight_shape, in_shape, options):
    """What builds the matrix of a case."""
    rng = np.random.default_rng(0)
    transposed = name.startswith("T ")
    if "local" in name:
        plain = st.Conv(np.zeros(weight_shape), in_shape, **options)
        weight = rng.standard_normal((*weight_shape, *plain.out_shape[1:]))
        op = st.LocalConv(weight, in_shape, **options)
        return op.T.to_matrix if transposed else op.to_matrix
    weight = rng.standard_normal(weight_shape)
    build = st.conv_transpose_matrix if transposed else st.conv_matrix
    return lambda: build(weight, in_shape, **options)


def seconds(call):
    start = time.perf_counter()
    kept = call()
    elapsed = time.perf_counter() - start
    del kept
    return elapsed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=15)
    repeat = parser.parse_args().repeat
    print(
        f"{'case':28}{'entries':>12}{'build ms':>10}{'copy ms':>9}"
        f"{'ratio':>7}{'at most':>9}{'memory':>8}"
    )
    for name, most, weight_shape, in_shape, options in CASES:
        nnz, built, copied, memory = measure(name, weight_shape, in_shape, options, repeat)
        times = f"{built * 1e3:10.1f}{copied * 1e3:9.1f}{built / copied:7.2f}{most:9.1f}"
        print(f"{name:28}{nnz:12,}{times}{memory:8.3f}", flush=True)


if __name__ == "__main__":
    main()
