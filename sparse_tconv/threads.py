"""The library's threads: one pool, made on first use and remade after a fork."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from threading import Lock, local
from typing import Any, TypeVar
from weakref import WeakSet

from . import _validate as validate

Item = TypeVar("Item")

_wanted: int | None = None  # what set_num_threads said
_override: ContextVar[int | None] = ContextVar(
    "sparse_tconv_threads", default=None
)  # what `with threads(n)` says
_pool: ThreadPoolExecutor | None = None
_pool_lock = Lock()
_inside = local()  # has `worker` in threads of the pool: work inside work runs in line


class ForkSafeLock:
    """A lock for ``with`` that is free in a forked child, whoever held it in the parent."""

    def __init__(self) -> None:
        self._lock = Lock()
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Forget who holds it."""
        self._lock = Lock()


_locks: WeakSet[ForkSafeLock] = WeakSet()


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


def run(function: Callable[[Item], Any], items: Sequence[Item]) -> None:
    """Call `function` on every item, on the calling thread and the pool's together; the first error
    is raised.

    The order in which items are done is not fixed, so they must write to separate places.
    """
    workers = min(num_threads(), len(items))
    if workers <= 1 or getattr(_inside, "worker", False):
        in_line(function, items)
        return
    numbers = count()  # next() on it is atomic: whoever is free takes the next item
    errors: list[BaseException] = []

    def work() -> None:
        while not errors and (number := next(numbers)) < len(items):
            try:
                function(items[number])
            except BaseException as error:  # handed to the caller below
                errors.append(error)

    def helper() -> None:
        _inside.worker = True
        work()

    futures = [_executor(workers - 1).submit(helper) for _ in range(workers - 1)]
    work()
    for future in futures:
        if not future.cancel():  # a helper that never started has nothing left to do
            future.result()
    if errors:
        raise errors[0]


def in_line(function: Callable[[Item], Any], items: Sequence[Item]) -> None:
    """:func:`run` on the calling thread alone."""
    for item in items:
        function(item)


def _executor(workers: int) -> ThreadPoolExecutor:
    """The pool, made anew when it is too small."""
    global _pool
    with _pool_lock:
        size = getattr(_pool, "_max_workers", 0)
        if _pool is None or size < workers:
            if _pool is not None:
                _pool.shutdown(wait=False)
            _pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="sparse_tconv")
        return _pool


def _after_fork() -> None:
    """In a forked child the parent's other threads are gone: so are the pool and the locks they held."""
    global _pool, _pool_lock
    _pool, _pool_lock = None, Lock()
    _inside.__dict__.clear()
    for lock in list(_locks):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _number(n: Any) -> int:
    return validate.integer("n", n, minimum=1, form="a number of threads")


def _default() -> int:
    """OMP_NUM_THREADS if it is a number, else the cores this process may use."""
    stated = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if stated.isdigit() and int(stated) > 0:
        return int(stated)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
