"""Where threads end, cannot be started, or belong to others, products are still right."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
from scripts import printed

import sparse_tconv as st
from sparse_tconv.engines import engine_names
from sparse_tconv.threads import _pool, _shelter, run, sheltered

ENGINES = [name for name in engine_names() if name != "auto"]

SETUP = """
import atexit, faulthandler, sys, threading, time
import numpy as np
import sparse_tconv as st

faulthandler.dump_traceback_later(100, exit=True)
st.set_num_threads(4)
x, weight = np.ones((2, 96, 96)), np.ones((2, 2, 3, 3))
ops = [st.Conv(weight, x.shape, padding=1, engine=engine) for engine in sys.argv[1:]]


def products():
    fresh = [st.Conv(weight, x.shape, padding=1, engine=engine) for engine in sys.argv[1:]]
    sums = {round(float(op.apply(x).sum())) for op in [*ops, *fresh]}
    print(len(sums), sums == {4 * (3 * 96 - 2) ** 2}, flush=True)
"""

OUTLIVES = """
def later():
    threading.main_thread().join()
    products()
    products()


products() if early else None
threading.Thread(target=later).start()
"""

DAEMON = """
def forever():
    while True:
        for op in ops:
            op.apply(x)


products()
for _ in range(3):
    threading.Thread(target=forever, daemon=True).start()
time.sleep(0.3)
print("end", flush=True)
"""


@pytest.mark.parametrize("early", [False, True])
def test_a_thread_that_outlives_the_main_thread_computes_right(early: bool) -> None:
    out = printed("-c", f"{SETUP}\nearly = {early}\n{OUTLIVES}", *ENGINES)
    assert out.split() == ["1", "True"] * (2 + early)


@pytest.mark.parametrize("early", [False, True])
def test_functions_called_at_exit_compute_right(early: bool) -> None:
    first = "import atexit\natexit.register(lambda: products())"  # runs after the pool is closed
    lines = [first, SETUP, f"products() if {early} else None", "atexit.register(products)"]
    assert printed("-c", "\n".join(lines), *ENGINES).split() == ["1", "True"] * (2 + early)


def test_the_interpreter_ends_while_daemon_threads_multiply() -> None:
    for _ in range(3):
        assert printed("-c", SETUP + DAEMON, *ENGINES).split() == ["1", "True", "end"]


def test_where_no_thread_can_be_started_the_work_runs_in_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_pool, "start_new_thread", refused)
    monkeypatch.setattr(_pool, "_pool", _pool.Pool())
    monkeypatch.setattr(_shelter, "start_new_thread", refused)
    done: list[int] = []
    with st.threads(4):
        run(done.append, range(10))
    assert done == list(range(10))
    assert sheltered(sum, [1, 2]) == 3


def test_a_sheltered_call_runs_on_another_thread_and_its_error_is_raised_here() -> None:
    assert sheltered(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError, match="division"):
        sheltered(divmod, 1, 0)


def test_coroutines_multiply_on_threads_of_asyncio(rng: np.random.Generator) -> None:
    weight, xs = rng.standard_normal((2, 2, 3, 3)), rng.standard_normal((8, 2, 40, 40))
    op = st.Conv(weight, (2, 40, 40), padding=1)

    async def products() -> list[np.ndarray]:
        return await asyncio.gather(*(asyncio.to_thread(op.apply, x) for x in xs))

    with st.threads(3):
        np.testing.assert_allclose(asyncio.run(products()), op.apply(xs), atol=1e-12)


@pytest.mark.filterwarnings("default")  # of a port that is taken
def test_a_worker_of_dask_multiplies(rng: np.random.Generator) -> None:
    distributed = pytest.importorskip("distributed")
    weight, xs = rng.standard_normal((2, 2, 3, 3)), rng.standard_normal((6, 2, 24, 24))
    op = st.Conv(weight, (2, 24, 24), padding=1)
    with distributed.Client(
        processes=False, n_workers=1, threads_per_worker=3, dashboard_address=":0"
    ) as client:
        answers = client.gather(client.map(op.apply, list(xs), pure=False))
    np.testing.assert_allclose(answers, op.apply(xs), atol=1e-12)
