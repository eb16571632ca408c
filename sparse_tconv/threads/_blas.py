"""BLAS in one thread while any product runs.

Blocks of work go over the library's own pool, so OpenBLAS must not start threads under each of
them: its waiting threads spin, and two spinning pools on the same cores cost ten times what they
gain. Its number of threads belongs to the process, so it is one while any thread of ours is inside,
and then what it was.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
from scipy.linalg import cython_blas

from ._locks import lock
from ._marks import Marks
from ._number import num_threads
from ._run import in_line, run
from ._whole import whole

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Control(NamedTuple):
    """How many threads one BLAS library uses, and how to say so."""

    ask: Callable[[], int]
    say: Callable[[int], None]


_before: tuple[int, ...] | None = None  # the libraries' own numbers while they are held to one
_holding = Marks()
_turn = lock()


def run_blas(function: Callable[[Item], Any], items: Sequence[Item], shared: bool = True) -> None:
    """Call `function`, which calls BLAS, on every item: over the pool or in line, BLAS in one thread.

    Where BLAS cannot be held to one thread, in line, and BLAS may use as many as it likes.
    """
    single_blas(run if shared and controls() else in_line, function, items)


def blas_workers() -> int:
    """How many items :func:`run_blas` does at a time."""
    return num_threads() if controls() else 1


def single_blas(function: Callable[..., Answer], *args: Any) -> Answer:
    """Call a function with BLAS held to one thread, where that is possible."""
    # Twice: an interrupt can end the inner one before it did its work, and then the outer one does.
    # For a ``with`` block there is no outer one.
    try:
        try:
            return whole(_held, function, *args)
        finally:
            _settle()
    finally:
        _settle()


def _held(function: Callable[..., Answer], *args: Any) -> Answer:
    """A call with BLAS in one thread; who called may have to give it the others back."""
    mark = _holding.mine()
    if mark.locked():
        return function(*args)
    with mark:
        _lower()
        return function(*args)


def _lower() -> None:
    """One thread for each library; their own numbers are written down before they are changed."""
    global _before
    with _turn:
        if _before is None:
            _before = tuple(control.ask() for control in controls())
        for control in controls():
            control.say(1)


def _settle() -> None:
    """Give the libraries their own numbers back, unless a thread still holds them to one."""
    global _before
    if _before is None:
        return
    with _turn:
        if _before is not None and not _holding.anyone():
            for control, number in zip(controls(), _before, strict=True):
                control.say(number)
            _before = None


def _in_child() -> None:
    """Whoever held BLAS to one thread is gone."""
    _holding.forget_others()
    _settle()


@cache
def controls() -> tuple[Control, ...]:
    """The OpenBLAS libraries of SciPy and NumPy; none where SciPy's is another BLAS, or one on
    OpenMP.
    """
    found = [_control(cython_blas.__file__), _control(_numpy_library())]
    return () if found[0] is None else tuple(control for control in found if control is not None)


def _numpy_library() -> str:
    """A file of NumPy's that is linked to its BLAS."""
    return str(getattr(getattr(np.linalg, "_umath_linalg", None), "__file__", ""))


def _control(path: str) -> Control | None:
    """What an extension module's own OpenBLAS answers to."""
    if not path:
        return None
    library = ctypes.CDLL(path)  # a name is looked up in the libraries it is linked to as well
    for prefix in ("scipy_openblas", "openblas"):
        for suffix in ("64_", ""):
            names = (f"{prefix}_{verb}{suffix}" for verb in ("get_num_threads", "set_num_threads"))
            ask, say = (getattr(library, name, None) for name in names)
            kind = getattr(library, f"{prefix}_get_parallel{suffix}", None)
            if ask is not None and say is not None and kind is not None and kind() != 2:
                return Control(ask, say)
    return None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
