"""Calls that an interrupt must not end in the middle."""

from __future__ import annotations

from _thread import allocate_lock, get_ident, start_new_thread
from collections.abc import Callable
from threading import main_thread
from typing import Any

from . import _whole


def in_main_thread() -> bool:
    """Whether this is the thread that signals come to."""
    return get_ident() == main_thread().ident


def sheltered(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function on a thread that no interrupt reaches, and wait for it.

    For other libraries' code that an interrupt leaves broken: imports, compilers. Interrupted while
    it waits, the caller goes on, and so does the call. Interrupts come to the main thread only; where
    no thread can be started, the call is made as it is.
    """
    if not in_main_thread():
        return function(*args)
    done, answers, errors = allocate_lock(), [], []

    def call() -> None:
        with _whole.sheltered.mine():  # a fork waits for it
            try:
                answers.append(function(*args))
            except BaseException as error:  # the caller raises it
                errors.append(error)
            finally:
                done.release()

    done.acquire()
    try:
        start_new_thread(call, ())
    except RuntimeError:  # no more threads, or the interpreter is ending
        return function(*args)
    with done:
        pass
    if errors:
        raise errors.pop()
    return answers[0]
