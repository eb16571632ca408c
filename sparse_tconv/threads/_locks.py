"""Locks that are free in a forked child, whoever held them in the parent."""

from __future__ import annotations

import os
from _thread import RLock
from weakref import ref

# Only methods written in C touch it, and each is one step: neither an interrupt nor a fork can come
# in the middle of one. A reference takes itself out when its lock is gone.
_locks: set[ref[RLock]] = set()


def lock() -> RLock:
    """A lock for ``with``, which takes and releases it in C, so that no interrupt can leave it taken.

    Its own thread may take it again: a signal's handler and a finalizer run in the middle of
    anything, and may call the library. A thread that holds it does not exist in a forked child, so
    there it is free. So what it guards must be published by one assignment, never half built.
    """
    made = RLock()
    _locks.add(ref(made, _locks.discard))
    return made


def _renew() -> None:
    """In a forked child: forget who holds the locks."""
    for reference in list(_locks):
        held = reference()
        if held is not None:
            held._at_fork_reinit()  # type: ignore[attr-defined]  # as the standard library's own


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
