"""A KeyboardInterrupt at any point leaves nothing taken, half built or miscounted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SWEEP
from interrupted import ENDINGS, INTERRUPTED
from scripts import printed

from sparse_tconv.engines import engine_names

ENGINES = [name for name in engine_names() if name != "auto"]

HAMMERED = """
import faulthandler, itertools, os, signal, sys, threading, time
import numpy as np
import sparse_tconv as st

seconds, period, engine = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
faulthandler.dump_traceback_later(seconds + 60, exit=True)
sys.unraisablehook = lambda unraisable: None
rng = np.random.default_rng(0)
st.set_num_threads(4)
armed, wanted, interrupts, calls = [], {}, 0, 0


def strike(*_):
    if armed:
        raise KeyboardInterrupt


def call(n):
    weight = np.cos(np.arange(36.0) + n).reshape(2, 2, 3, 3)
    x = np.sin(np.arange(2.0 * 64 * 64) + n).reshape(2, 64, 64)
    op = st.Conv(weight, x.shape, padding=1, engine=engine)
    return [op.apply(x), op.T.apply(x), st.conv(x, weight, padding=1, engine=engine)]


def struck(n):
    try:
        armed.append(True)
        signal.setitimer(signal.ITIMER_REAL, *rng.uniform(1e-5, period, 2))
        return call(n)
    finally:
        armed.clear()


signal.signal(signal.SIGALRM, strike)
for n in range(4):
    wanted[n] = call(n)  # compiles what is not on disk
end = time.monotonic() + seconds
while time.monotonic() < end:
    n = int(rng.integers(4))
    calls += 1
    try:
        answers = struck(n)
    except KeyboardInterrupt:
        interrupts += 1
        answers = []
        thread = threading.Thread(target=lambda: answers.extend(call(n)))
        thread.start()
        thread.join()
    assert len(answers) == 3 and all(map(np.allclose, answers, wanted[n])), calls
    if calls % 7 == 0:
        st.cache_clear()
signal.setitimer(signal.ITIMER_REAL, 0)  # the interpreter's end has no handler for it
print(interrupts)
"""

COLD = """
import faulthandler, os, signal, sys, threading, time
import numpy as np
import sparse_tconv as st

faulthandler.dump_traceback_later(300, exit=True)
x, weight = np.ones((1, 16, 16)), np.ones((1, 1, 3, 3))
op = st.Conv(weight, x.shape, padding=1, engine="direct")
signal.signal(signal.SIGALRM, signal.default_int_handler)
try:
    signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
    op.apply(x)
    signal.setitimer(signal.ITIMER_REAL, 0)
except KeyboardInterrupt:
    print("interrupted")
wanted = st.Conv(weight, x.shape, padding=1, engine="csr")
assert np.allclose(op.apply(x), wanted.apply(x))
answers = []
thread = threading.Thread(target=lambda: answers.append(op.T.apply(x)))
thread.start()
thread.join()
assert np.allclose(answers[0], wanted.T.apply(x))
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_after_an_interrupt_at_any_point_the_next_calls_are_right(
    engine: str, seed: int, record_property: Callable[[str, object], None]
) -> None:
    share = 1 if SWEEP else 0.1
    ended = json.loads(printed("interrupted.py", engine, str(share), str(seed), seconds=3600))
    assert set(ended) <= set(ENDINGS)
    assert ended[INTERRUPTED] > 100
    record_property("settings", sum(ended.values()))


@pytest.mark.parametrize("engine", ENGINES)
def test_interrupts_again_and_again_leave_the_next_call_right(engine: str) -> None:
    seconds = 30 if SWEEP else 1
    assert int(printed("-c", HAMMERED, str(seconds), "0.004", engine)) > 0


@pytest.mark.parametrize("after", [0.05, 0.3, 1.0, 3.0] if SWEEP else [0.3])
def test_an_interrupt_while_loops_are_compiled_leaves_the_next_call_right(
    after: float, tmp_path: Path
) -> None:
    out = printed("-c", COLD, str(after), seconds=300, NUMBA_CACHE_DIR=str(tmp_path))
    assert out.strip() == "interrupted"
