"""One side in a process of its own: reads a request per line, answers with a line, both JSON.

    python benchmarks/worker.py SIDE [--without-fast]

``{"do": "prepare", "case": ..., "dtype": ..., "product": ..., "threads": ...}`` builds what is to
be timed, runs it once and answers with a fingerprint of the result; ``{"do": "turn", "seconds":
s}`` times calls for about that long; ``{"do": "rates", "dtype": ...}`` measures what the machine
can do.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TextIO

import numpy as np
from cases import Case
from sides import Call, NotApplicable, Task, side

LONG = 0.2  # seconds; such a call needs no warming


class Worker:
    """The side, and the call it was last asked to prepare."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.call: Call | None = None

    def prepare(self, case: Any, dtype: str, product: str, threads: int) -> dict[str, Any]:
        self.call = None
        gc.collect()
        task = Task(Case.from_dict(case), dtype, product, threads)
        try:
            self.call = side(self.name, product)(task)
        except (NotApplicable, ImportError) as reason:
            return {"refused": str(reason)}
        result = self.call.run()
        return {
            "note": self.call.note,
            "fingerprint": fingerprint(result),
        }

    def turn(self, seconds: float) -> dict[str, Any]:
        """Times of single calls, at least one, after as many seconds of calls that do not count: the
        system needs a while until the threads of a process that rested run on cores of their own.
        """
        if self.call is None:
            raise RuntimeError("nothing is prepared")
        first = clock(self.call.run)
        if first > LONG:
            return {"times": [first]}
        warm = time.perf_counter()
        while time.perf_counter() - warm < seconds:
            self.call.run()
        times: list[float] = []
        start = time.perf_counter()
        while not times or time.perf_counter() - start < seconds:
            times.append(clock(self.call.run))
        return {"times": times}

    def cpu(self) -> dict[str, Any]:
        """Seconds of processor time used so far."""
        return {"seconds": time.process_time()}

    def rates(self, dtype: str, threads: int) -> dict[str, Any]:
        """Multiply-adds of a large matrix product, and bytes read and written by copying, per
        second.
        """
        n = 1024
        a = np.random.default_rng(0).standard_normal((n, n)).astype(dtype)
        gemm = min(clock(lambda: a @ a) for _ in range(10))
        source = np.zeros(2**25 // a.itemsize, dtype)
        target = np.empty_like(source)
        parts = list(
            zip(np.array_split(target, threads), np.array_split(source, threads), strict=True)
        )
        with ThreadPoolExecutor(threads) as pool:
            copy = min(
                clock(lambda: list(pool.map(lambda part: np.copyto(*part), parts)))
                for _ in range(10)
            )
        return {"flops": 2 * n**3 / gemm, "bytes": 2 * source.nbytes / copy}


def clock(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    kept = call()
    elapsed = time.perf_counter() - start
    del kept  # freeing is not timed
    return elapsed


def fingerprint(result: Any) -> list[float] | None:
    """Size, norm and product with a fixed random vector; of a matrix, those of its product with
    another, and its entries.
    """
    if result is None:
        return None
    entries = 0
    if hasattr(result, "nnz"):
        entries = int(result.nnz)
        result = result @ np.random.default_rng(4).standard_normal(result.shape[1])
    flat = np.asarray(result, dtype=np.float64).ravel()
    probe = np.random.default_rng(3).standard_normal(flat.size)
    return [flat.size, float(np.linalg.norm(flat)), float(flat @ probe), entries]


def serve(worker: Worker, answers: TextIO) -> None:
    gc.disable()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("side")
    parser.add_argument("--without-fast", action="store_true", help="as if Numba were missing")
    arguments = parser.parse_args()
    if arguments.without_fast:
        sys.modules["numba"] = None  # type: ignore[assignment]
    # Whatever a library prints goes to stderr; the answers keep stdout to themselves.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(Worker(arguments.side), answers)


if __name__ == "__main__":
    main()
