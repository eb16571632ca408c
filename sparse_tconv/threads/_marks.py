"""Which threads are inside something: looked at, not counted."""

from __future__ import annotations

from _thread import LockType, allocate_lock, get_ident


class Marks:
    """One lock for each thread, taken in C (``with marks.mine()``) while the thread is inside, so
    that no interrupt can make the answer wrong.
    """

    def __init__(self) -> None:
        self._of: dict[int, LockType] = {}

    def mine(self) -> LockType:
        """The lock of the thread that asks."""
        thread = get_ident()
        return self._of.get(thread) or self._of.setdefault(thread, allocate_lock())

    def others(self) -> bool:
        """Whether another thread is inside."""
        mine = self.mine()
        return any(mark.locked() for mark in list(self._of.values()) if mark is not mine)

    def anyone(self) -> bool:
        """Whether a thread is inside."""
        return self.mine().locked() or self.others()

    def forget_others(self) -> None:
        """In a forked child: there are no others."""
        self._of = {get_ident(): self.mine()}
