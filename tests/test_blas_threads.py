"""BLAS is held to one thread while products run, and has its own number back afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv.threads import _blas as blas
from sparse_tconv.threads import blas_workers, run_blas, single_blas


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Two libraries that use 5 and 7 threads."""
    held = [5, 7]

    def control(place: int) -> blas.Control:
        return blas.Control(lambda: held[place], lambda number: held.__setitem__(place, number))

    monkeypatch.setattr(blas, "controls", lambda: (control(0), control(1)))
    yield held
    assert held == [5, 7]


def test_both_libraries_have_one_thread_inside_and_their_own_number_after(
    libraries: list[int],
) -> None:
    assert single_blas(single_blas, list, libraries) == [1, 1]
    assert libraries == [5, 7]
    seen: list[list[int]] = []
    run_blas(lambda item: seen.append(list(libraries)), [0, 1])
    assert seen == [[1, 1], [1, 1]]


def test_an_error_inside_gives_the_numbers_back(libraries: list[int]) -> None:
    with pytest.raises(ZeroDivisionError, match="division"):
        run_blas(lambda item: 1 // item, [1, 0])
    assert libraries == [5, 7]


def test_the_last_thread_to_leave_gives_the_numbers_back(libraries: list[int]) -> None:
    entered, leave = threading.Event(), threading.Event()

    def stay() -> None:
        entered.set()
        leave.wait(30)

    other = threading.Thread(target=single_blas, args=(stay,))
    other.start()
    assert entered.wait(30)
    single_blas(list)
    assert libraries == [1, 1]
    leave.set()
    other.join(30)
    assert libraries == [5, 7]


def test_where_blas_cannot_be_held_the_work_runs_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "controls", tuple)
    seen: list[int] = []
    with st.threads(4):
        assert blas_workers() == 1
        run_blas(lambda item: seen.append(threading.get_ident()), range(20))
    assert seen == [threading.get_ident()] * 20
    assert single_blas(lambda: 7) == 7


def test_the_installed_libraries_do_as_they_are_told() -> None:
    def told() -> list[int]:
        assert np.allclose(np.eye(300) @ np.eye(300), np.eye(300))
        return [control.ask() for control in blas.controls()]

    before = told()
    assert set(single_blas(told)) <= {1}
    assert told() == before
