"""The pool: its size, its errors, nesting, forks, and products from many threads."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv.threads import run


@pytest.fixture(autouse=True)
def restored():
    yield
    st.set_num_threads(None)


def test_the_number_of_threads_comes_from_the_nearest_setting(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert st.num_threads() == 3
    st.set_num_threads(5)
    assert st.num_threads() == 5
    with st.threads(2):
        assert st.num_threads() == 2
        with st.threads(1):
            assert st.num_threads() == 1
        assert st.num_threads() == 2
    assert st.num_threads() == 5
    st.set_num_threads(None)
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert 1 <= st.num_threads() <= os.cpu_count()
    monkeypatch.setenv("OMP_NUM_THREADS", "4,2")
    assert st.num_threads() == 4


def test_a_setting_by_with_holds_in_its_thread_only():
    seen = []
    st.set_num_threads(6)
    with st.threads(2):
        other = threading.Thread(target=lambda: seen.append(st.num_threads()))
        other.start()
        other.join()
    assert seen == [6]


@pytest.mark.parametrize("n", [1, 2, 4])
def test_every_item_is_done_once(n):
    done = np.zeros(1000, int)

    def work(item):
        done[item] += 1

    with st.threads(n):
        run(work, range(1000))
    assert (done == 1).all()


def test_the_first_error_is_raised():
    def work(item):
        if item == 7:
            raise ValueError("seven")

    with st.threads(3), pytest.raises(ValueError, match="seven"):
        run(work, range(100))


def test_work_inside_work_ends():
    total = []

    def outer(item):
        run(lambda inner: total.append((item, inner)), range(10))

    with st.threads(4):
        run(outer, range(10))
    assert sorted(total) == [(i, j) for i in range(10) for j in range(10)]


def test_many_threads_share_the_pool():
    results = np.zeros((8, 500), int)

    def caller(row):
        def work(item):
            results[row, item] = item

        with st.threads(4):
            run(work, range(500))

    callers = [threading.Thread(target=caller, args=(row,)) for row in range(8)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(30)
    assert (results == np.arange(500)).all()


def child(queue, x):
    """In a forked child: functions, operators and the pool work."""
    with st.threads(3):
        done = []
        run(done.append, range(20))
    y = st.conv(x, [1.0, 2.0, 3.0], channels=False)
    queue.put((sorted(done) == list(range(20)), y.sum()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("default")  # other libraries warn of any fork
def test_a_forked_child_computes_right_and_does_not_hang():
    x = np.arange(100.0)
    wanted = st.conv(x, [1.0, 2.0, 3.0], channels=False).sum()
    stop = threading.Event()

    def busy():
        rng = np.random.default_rng(0)
        while not stop.is_set():
            st.conv(x, rng.standard_normal(5), channels=False)
            with st.threads(3):
                run(lambda item: time.sleep(1e-4), range(6))

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        context = multiprocessing.get_context("fork")
        for _ in range(5):
            queue = context.SimpleQueue()
            process = context.Process(target=child, args=(queue, x))
            process.start()
            process.join(30)
            assert process.exitcode == 0
            assert queue.get() == (True, wanted)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "2"])
def test_a_number_of_threads_must_be_one(n):
    with pytest.raises(st.GeometryError, match="`n` must be a number of threads, at least 1"):
        st.set_num_threads(n)
    with pytest.raises(st.GeometryError, match="`n` must be"), st.threads(n):
        pass
