"""Blurs that change across the image: time of a product over the number of nodes, against one plain
convolution and PyLops's NonStationaryConvolve2D.

All sides alternate in one run, minima are compared:

    python benchmarks/varying.py [--repeat 7] [--size 512] [--kernel 15]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import sparse_tconv as st


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--kernel", type=int, default=15)
    arguments = parser.parse_args()
    n, k = arguments.size, arguments.kernel
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, n))
    calls = {}
    plain = st.inverse.blur(rng.standard_normal((k, k)), x.shape, padding_mode="zeros")
    calls["one convolution"] = lambda: plain.apply(x)
    for nodes in (2, 4, 8, 16):
        psfs = rng.standard_normal((nodes, nodes, k, k))
        # Nodes in a regular grid of whole pixels, which PyLops needs.
        step = n // nodes
        positions = [tuple(range(step // 2, n, step))] * 2
        for at in ("input", "output"):
            op = st.inverse.varying_blur(psfs, positions, x.shape, at=at, padding_mode="zeros")
            calls[f"{nodes}x{nodes} {at}"] = lambda op=op: op.apply(x)
            calls[f"{nodes}x{nodes} {at}, adjoint"] = lambda op=op: op.H.apply(x)
        calls |= theirs(psfs, positions, x, f"{nodes}x{nodes} PyLops")
    for call in calls.values():
        call()
    best = dict.fromkeys(calls, np.inf)
    for _ in range(arguments.repeat):
        for name, call in calls.items():
            best[name] = min(best[name], seconds(call))
    for name, found in best.items():
        print(f"{name:24}{found * 1e3:10.1f} ms{found / best['one convolution']:8.2f}")


def theirs(psfs, positions, x, name):
    """PyLops's operator, where it is installed."""
    try:
        from pylops.signalprocessing import NonStationaryConvolve2D
    except ModuleNotFoundError:
        return {}
    op = NonStationaryConvolve2D(x.shape, psfs, *positions, engine="numpy")
    calls = {name: lambda: op @ x}
    try:
        fast = NonStationaryConvolve2D(x.shape, psfs, *positions, engine="numba")
        calls[f"{name}, Numba"] = lambda: fast @ x
    except (KeyError, ImportError):
        pass
    return calls


if __name__ == "__main__":
    main()
