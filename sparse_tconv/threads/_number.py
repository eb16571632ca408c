"""How many threads a product may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .. import _validate as validate

_wanted: int | None = None  # what set_num_threads said
_override: ContextVar[int | None] = ContextVar(
    "sparse_tconv_threads", default=None
)  # what `with threads(n)` says

_MOST = 1 << 16


def num_threads() -> int:
    """Number of threads that the next product may use.

    The first of these that is set: an enclosing :func:`threads`, :func:`set_num_threads`, the
    environment's ``OMP_NUM_THREADS``, the cores this process may use.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> with st.threads(1):
    ...     st.num_threads()
    1
    """
    override = _override.get()
    if override is not None:
        return override
    return _wanted if _wanted is not None else _default()


def set_num_threads(n: int | None) -> None:
    """Set the number of threads for the whole process.

    Parameters
    ----------
    n : int or None
        At least 1; None returns to the default, ``OMP_NUM_THREADS`` or all usable cores.

    Raises
    ------
    GeometryError
        `n` is not a positive int.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> st.set_num_threads(2)
    >>> st.num_threads()
    2
    >>> st.set_num_threads(None)
    >>> st.set_num_threads(0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `n` must be a number of threads, at least 1; got 0. Use 1 or
        more.
    """
    global _wanted
    _wanted = None if n is None else _number(n)


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Use `n` threads inside a ``with`` block, in this thread or task only.

    Parameters
    ----------
    n : int
        At least 1.

    Raises
    ------
    GeometryError
        `n` is not a positive int.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> with st.threads(1):
    ...     y = st.Conv([1.0, 1.0], (3,), channels=False) @ [1.0, 2.0, 3.0]
    """
    token = _override.set(_number(n))
    try:
        yield
    finally:
        _override.reset(token)


def one_thread() -> None:
    """Use one thread from here on in this context: for what a thread of the pool runs."""
    _override.set(1)


def _number(n: Any) -> int:
    return validate.integer("n", n, minimum=1, maximum=_MOST, form="a number of threads")


def _default() -> int:
    """OMP_NUM_THREADS if it is a number, else the cores this process may use."""
    stated = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if stated.isdigit() and int(stated) > 0:
        return int(stated)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
