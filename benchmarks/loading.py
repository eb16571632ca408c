"""How compiled loops come by themselves: what the first call, a solver and a second of use notice of it.

Every line is a process of its own, with the disk cache as said; all take turns:

    python benchmarks/loading.py [--repeat 5] [--rows]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from cases import PRODUCTS, Case

WAYS = {
    # name: SPARSE_TCONV_COMPILED, and whether the disk cache is warm
    "without": ("0", True),
    "cold": ("auto", False),
    "warm": ("auto", True),
    "loaded": ("1", True),
}
USE = 1.0  # seconds


def first_call():
    """Milliseconds of the first conv2d of 512^2 9x9."""
    import sparse_tconv as st

    rng = np.random.default_rng(0)
    x, w = rng.random((1, 1, 512, 512)), rng.random((1, 1, 9, 9))
    if os.environ["SPARSE_TCONV_COMPILED"] == "1":
        import numba  # noqa: F401
    start = time.perf_counter()
    st.conv2d(x, w, padding=4)
    return 1e3 * (time.perf_counter() - start)


def solver():
    """Seconds of 200 steps of lsmr on 512^2 9x9."""
    from scipy.sparse.linalg import lsmr

    import sparse_tconv as st

    rng = np.random.default_rng(0)
    op = st.Conv(rng.random((9, 9)), (512, 512), padding=4, channels=False)
    y = op @ rng.random(op.shape[1])
    start = time.perf_counter()
    lsmr(op, y, maxiter=200, atol=0, btol=0, conlim=0)
    return time.perf_counter() - start


def use(case):
    """Engine at first, seconds of use until it has changed, engine then, milliseconds of a product
    after a second of use.
    """
    import sparse_tconv as st

    case = Case.from_dict(json.loads(case))
    cls, in_shape = (st.ConvTranspose, case.y_shape) if case.decoder else (st.Conv, case.x_shape)
    rng = np.random.default_rng(0)
    options = {"stride": case.stride, "padding": case.padding, "groups": case.groups}
    op = cls(rng.standard_normal(case.weight_shape), in_shape, **options)
    op = op if case.decoder else op.T
    x = rng.standard_normal((*case.batch_shape, *op.in_shape))
    first, changed, start = op.engine, None, time.perf_counter()
    while (used := time.perf_counter() - start) < USE:
        op.apply(x)
        if changed is None and op.engine != first:
            changed = time.perf_counter() - start
    del used
    times = []
    while len(times) < 5 or (sum(times) < 0.2 and len(times) < 200):
        start = time.perf_counter()
        op.apply(x)
        times.append(time.perf_counter() - start)
    return first, changed, op.engine, 1e3 * statistics.median(times)


CHILDREN = {"first": first_call, "solver": solver, "use": use}


def child(way, cache, *arguments):
    """What a process of its own measures."""
    mode, warm = WAYS[way]
    with tempfile.TemporaryDirectory() as empty:
        environment = {
            **os.environ,
            "SPARSE_TCONV_COMPILED": mode,
            "NUMBA_CACHE_DIR": cache if warm else empty,
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, __file__, "--child", *arguments]
        answer = subprocess.run(command, env=environment, capture_output=True, check=True)
    return json.loads(answer.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--rows", action="store_true", help="the rows of the comparison too")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, *rest = arguments.child
        print(json.dumps(CHILDREN[name](*rest)))
        return
    with tempfile.TemporaryDirectory() as cache:
        fill = [sys.executable, "-m", "sparse_tconv", "compile", "--dtype", "float64"]
        subprocess.run(fill, env={**os.environ, "NUMBA_CACHE_DIR": cache}, check=True)
        for name, unit, ways in (
            ("first", "ms", ("without", "cold", "warm")),
            ("solver", "s", ("without", "cold", "warm", "loaded")),
        ):
            found = {way: [] for way in ways}
            for _ in range(arguments.repeat):
                for way in ways:
                    found[way].append(child(way, cache, name))
            for way, values in found.items():
                print(f"{name:10}{way:10}{statistics.median(values):10.2f} {unit}", flush=True)
        if arguments.rows:
            rows(cache)


def rows(cache: str | Path):
    """For every row: when compiled loops came, and the time of a product then and from the start."""
    for case in PRODUCTS:
        given = json.dumps(case.as_dict())
        first, changed, last, now = child("warm", cache, "use", given)
        _, _, loaded, wanted = child("loaded", cache, "use", given)
        came = "" if changed is None else f"{changed:.2f} s"
        words = f"{first} -> {last} ({loaded})"
        print(f"{case.name:30}{words:30}{came:>8}{now:10.3f} ms{wanted:10.3f} ms", flush=True)


if __name__ == "__main__":
    main()
