"""Items spread over the calling thread and the pool's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from itertools import count
from typing import Any, TypeVar

from ._locks import lock
from ._number import num_threads, one_thread
from ._pool import invite

Item = TypeVar("Item")


def run(function: Callable[[Item], Any], items: Sequence[Item]) -> None:
    """Call `function` on every item, on the calling thread and the pool's together; the first error
    is raised.

    The order in which items are done is not fixed, so they must write to separate places. Work
    inside work of the pool runs in line. When this returns, or raises, no thread is still at it.
    """
    workers = min(num_threads(), len(items))
    if workers <= 1:
        in_line(function, items)
        return
    job = Job(function, items)
    # Twice: an interrupt can end the inner close before it did its work, and then the outer one does.
    try:
        try:
            invite(job, workers - 1)
            job.work()
        finally:
            job.close()
    finally:
        job.close()
    job.raise_error()


def in_line(function: Callable[[Item], Any], items: Sequence[Item]) -> None:
    """:func:`run` on the calling thread alone."""
    for item in items:
        function(item)


class Job:
    """Items that several threads take one by one.

    A helper takes a seat, then looks whether the job is open; who closes it does so first, then
    looks at the seats. So either the helper does nothing, or it is waited for.
    """

    def __init__(self, function: Callable[[Any], Any], items: Sequence[Any]) -> None:
        self._task: tuple[Callable[[Any], Any], Sequence[Any]] | None = (function, items)
        self._numbers = count()  # next() on it is one step: whoever is free takes the next item
        self._seats: list[Any] = []  # a lock for each helper, taken until it has left
        self._errors: list[BaseException] = []
        self._context = copy_context()  # np.errstate and the like hold for the helpers too

    def work(self) -> None:
        """Take items until there are none, or a helper has failed."""
        while (task := self._task) is not None and not self._errors:
            function, items = task
            number = next(self._numbers)
            if number >= len(items):
                break
            function(items[number])

    def join(self) -> None:
        """Help, on a thread of the pool."""
        seat = lock()
        with seat:
            self._seats.append(seat)
            if self._task is not None:
                self._context.copy().run(self._help)

    def _help(self) -> None:
        one_thread()
        try:
            self.work()
        except BaseException as error:  # the caller raises it
            self._errors.append(error)

    def close(self) -> None:
        """Let nobody take an item any more, and wait for those taken: they write to the caller's
        arrays. Interrupts are put off until then.
        """
        self._task = None
        interrupt: BaseException | None = None
        while True:
            try:
                for seat in list(self._seats):
                    with seat:
                        pass
                break
            except BaseException as error:
                interrupt = error
        if interrupt is not None:
            raise interrupt

    def raise_error(self) -> None:
        """Raise what a helper met first."""
        if self._errors:
            try:
                raise self._errors[0]
            finally:
                self._errors = []  # errors hold frames, and those this job
