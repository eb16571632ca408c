"""Forked, spawned and served processes compute right, whatever threads were doing meanwhile."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SWEEP
from scripts import printed

from sparse_tconv.engines import engine_names

ENGINES = [name for name in engine_names() if name != "auto"]
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

STARTED = """
import multiprocessing, sys
import numpy as np
import sparse_tconv as st

ENGINES = sys.argv[2:]
x, weight = np.sin(np.arange(2.0 * 32 * 32)).reshape(2, 32, 32), np.cos(np.arange(36.0)).reshape(2, 2, 3, 3)


def product(op):
    with st.threads(3):
        return op.apply(x)


if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    ops = [st.Conv(weight, x.shape, padding=1, engine=engine) for engine in ENGINES]
    wanted = [product(op) for op in ops]
    with context.Pool(2) as pool:
        answers = pool.map(product, ops)
    print(all(map(np.allclose, answers, wanted)))
"""

LOADER = """
import faulthandler, multiprocessing, os, threading
import numpy as np
import sparse_tconv as st

faulthandler.dump_traceback_later(100, exit=True)
weight = np.cos(np.arange(36.0)).reshape(2, 2, 3, 3)
op = st.Conv(weight, (2, 32, 32), padding=1)
samples = np.sin(np.arange(8 * 2.0 * 32 * 32)).reshape(8, 2, 32, 32)
wanted = op.apply(samples)


def worker(index, tasks, results):
    while (n := tasks.get()) is not None:
        results.put((n, op.apply(samples[n]), st.conv(samples[n], weight, padding=1)))


context = multiprocessing.get_context("fork")
tasks, results = context.SimpleQueue(), context.SimpleQueue()
st.set_num_threads(4)
workers = [context.Process(target=worker, args=(i, tasks, results)) for i in range(3)]
for process in workers:
    process.start()
for n in range(8):
    tasks.put(n)
found = [results.get() for _ in range(8)]
for _ in workers:
    tasks.put(None)
for process in workers:
    process.join()
print(all(np.allclose(y, wanted[n]) for n, *ys in found for y in ys))
"""

COMPILING = """
import faulthandler, os, sys, threading, time
import numpy as np
import sparse_tconv as st

faulthandler.dump_traceback_later(250, exit=True)
x, weight = np.ones((1, 16, 16)), np.ones((1, 1, 3, 3))
op = st.Conv(weight, x.shape, padding=1, engine="direct")
thread = threading.Thread(target=lambda: op.apply(x))
thread.start()
time.sleep(float(sys.argv[1]))
process = os.fork()
right = np.allclose(op.apply(x), st.Conv(weight, x.shape, padding=1, engine="csr").apply(x))
if process == 0:
    os._exit(not right)
thread.join()
print(right, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""


@needs_fork
@pytest.mark.parametrize("engine", ENGINES)
def test_children_forked_while_threads_are_inside_an_engine_answer_right(
    engine: str, seed: int, settings_count: Callable[[int], int]
) -> None:
    count = settings_count(200) if SWEEP else settings_count(40)
    ended = json.loads(printed("forked.py", engine, str(count), str(seed), seconds=3600))
    assert ended == {"0": 3 * count}


@needs_fork
@pytest.mark.parametrize("after", [0.2, 2.5] if SWEEP else [0.2])
def test_a_child_forked_while_loops_are_imported_or_compiled_answers_right(
    after: float, tmp_path: Path
) -> None:
    out = printed("-c", COMPILING, str(after), seconds=300, NUMBA_CACHE_DIR=str(tmp_path))
    assert out.split() == ["True", "0"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_operators_travel_to_processes_that_are_not_forked_here(
    method: str, tmp_path: Path
) -> None:
    script = tmp_path / "started.py"
    script.write_text(STARTED, encoding="utf-8")
    assert printed(str(script), method, *ENGINES).strip() == "True"


@needs_fork
def test_a_forked_loader_of_data_multiplies_by_operators_of_its_parent() -> None:
    assert printed("-c", LOADER).strip() == "True"
