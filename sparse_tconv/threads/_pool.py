"""The pool's threads: daemons that wait for jobs, as many as were ever asked for at once.

No executor of the standard library: interrupted while it hands work over it can hang for ever, and
after the main thread's end it refuses. Here a job is handed over by one step in C, and nobody waits
for a thread that has not begun.
"""

from __future__ import annotations

import atexit
import os
from _thread import LockType, allocate_lock, start_new_thread
from queue import SimpleQueue
from time import monotonic
from typing import Protocol

PATIENCE = 5.0  # seconds that the interpreter's exit waits for work at most
_WAITING = 4  # invitations for each thread; with more of them waiting, no thread is free


class Work(Protocol):
    """What threads may join."""

    def join(self) -> None:
        """Take part until there is nothing left; never raises."""


class Pool:
    """Threads and the queue that feeds them."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Work] = SimpleQueue()
        self._busy: list[LockType] = []  # one lock for each thread, taken while it works
        self._open = True

    def invite(self, work: Work, helpers: int) -> None:
        """Let up to `helpers` threads join, when they are free; where none can be started nobody
        comes.
        """
        while self._open and len(self._busy) < helpers:
            busy = allocate_lock()
            try:
                start_new_thread(self._serve, (busy,))
            except RuntimeError:  # no more threads, or the interpreter is ending
                break
            self._busy.append(busy)
        if self._open and self._queue.qsize() <= _WAITING * len(self._busy):
            for _ in range(min(helpers, len(self._busy))):
                self._queue.put(work)

    def close(self) -> None:
        """Invite nobody any more, and wait a while for those who work: a thread that the
        interpreter's end finds inside a compiled library may bring the process down.
        """
        self._open = False
        end = monotonic() + PATIENCE
        for busy in self._busy:
            busy.acquire(timeout=max(end - monotonic(), 0))

    def _serve(self, busy: LockType) -> None:
        """What a thread of the pool does."""
        while True:
            work = self._queue.get()
            with busy:
                work.join()
            del work  # or the arrays of the last one would live until the next


_pool = Pool()


def invite(work: Work, helpers: int) -> None:
    """Let up to `helpers` threads of the pool join in some work."""
    _pool.invite(work, helpers)


def _renew() -> None:
    """In a forked child there are no threads."""
    global _pool
    _pool = Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
atexit.register(lambda: _pool.close())
