"""Twelve threads with random geometries, engines and numbers of threads, a small cache that is cleared
now and then, and forks beside them.

``python stressed.py SECONDS SEED`` prints, as JSON, the products and children that were checked, what
was wrong, and the process's memory after a quarter of the time and at the end, in bytes.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from factories import random_setting
from forked import RIGHT, WRONG, ending

import sparse_tconv as st
from sparse_tconv.engines import engine_class, engine_names

THREADS, SETTINGS, CACHE = 12, 40, 1 << 20


class Known(NamedTuple):
    """A setting, the engines that can compute it, and a product by an explicit matrix."""

    setting: Any
    engines: list[str]
    x: Any
    y: Any


def known(rng: np.random.Generator) -> Known:
    setting = random_setting(rng, flip=True)
    weight = setting.weight
    x = rng.standard_normal(setting.in_shape)
    matrix = st.conv_matrix(weight, setting.in_shape, **setting.options)
    geometry = st.ConvGeometry.from_conv(weight.shape, setting.in_shape, **setting.options)
    engines = [
        name
        for name in engine_names()
        if name == "auto" or engine_class(name).refuses(geometry, weight.dtype) is None
    ]
    return Known(setting, engines, x, matrix.toarray() @ x.ravel())


def is_right(case: Known, engine: str, by_function: bool) -> bool:
    """One product, by a function or by a new operator, and an inner product with its transpose."""
    options = case.setting.options | {"engine": engine}
    op = st.Conv(case.setting.weight, case.setting.in_shape, **options)
    y = st.conv(case.x, case.setting.weight, **options) if by_function else op.apply(case.x)
    back = op.T.apply(y)
    close = np.allclose(y.ravel(), case.y, rtol=1e-9, atol=1e-9)
    return close and bool(np.isclose(np.vdot(back, case.x), np.vdot(y, y), rtol=1e-8, atol=1e-8))


def resident() -> int:
    """Bytes of this process that are in memory."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def work(cases: list[Known], seed: int, end: float, done: list[int], faults: list[str]) -> None:
    rng = np.random.default_rng(seed)
    count = 0
    while time.monotonic() < end:
        case = cases[rng.integers(len(cases))]
        engine = case.engines[rng.integers(len(case.engines))]
        try:
            with st.threads(int(rng.integers(1, 5))):
                if not is_right(case, engine, bool(rng.integers(2))):
                    faults.append(f"wrong: {case.setting} {engine}")
            if rng.random() < 0.01:
                st.cache_clear()
        except BaseException as error:  # told at the end
            faults.append(f"{error!r}: {case.setting} {engine}")
        count += 1
    done.append(count)


def forked(cases: list[Known], rng: np.random.Generator) -> str:
    """How a child ended that makes a few products."""
    chosen = [cases[n] for n in rng.integers(len(cases), size=4)]
    process = os.fork()
    if process == 0:
        code = WRONG
        try:
            right = [is_right(case, name, True) for case in chosen for name in case.engines]
            code = RIGHT if all(right) else WRONG
        finally:
            os._exit(code)
    return ending(process)


def main(seconds: float, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    st.set_cache_limit(CACHE)
    cases = [known(rng) for _ in range(SETTINGS)]
    for case in cases:  # everything is imported and compiled
        for name in case.engines:
            is_right(case, name, False)
    begin = time.monotonic()
    done: list[int] = []
    faults: list[str] = []
    workers = [
        threading.Thread(target=work, args=(cases, seed + n, begin + seconds, done, faults))
        for n in range(THREADS)
    ]
    for worker in workers:
        worker.start()
    children, memory = 0, []
    while time.monotonic() < begin + seconds:
        faulthandler.dump_traceback_later(120, exit=True)
        end = forked(cases, rng)
        children += 1
        if end != str(RIGHT):
            faults.append(f"a child ended with {end}")
        if not memory and time.monotonic() > begin + seconds / 4:
            memory.append(resident())
        time.sleep(rng.uniform(0, 0.2))
    for worker in workers:
        worker.join()
    faulthandler.cancel_dump_traceback_later()
    memory.append(resident())
    held = st.cache_info().nbytes
    return {
        "products": sum(done),
        "children": children,
        "faults": faults[:10],
        "memory": memory,
        "held": held,
    }


if __name__ == "__main__":
    faulthandler.enable()
    print(json.dumps(main(float(sys.argv[1]), int(sys.argv[2]))))
