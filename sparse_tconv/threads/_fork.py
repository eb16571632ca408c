"""What must be whole when the process forks: a fork waits a while until it is.

A forked child has one thread. What another was in the middle of stays as it was for ever: a lock
inside BLAS or an FFT, half a compiled function, a module that is still being imported. Locks of our
own are renewed, those of other libraries cannot be; so a fork waits until no thread is inside.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock, get_ident
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any, TypeVar

from ._marks import Marks

Answer = TypeVar("Answer")

PATIENCE = 5.0  # seconds that a fork waits for others at most
_PAUSE = 5e-4
_LAZY = ("sparse_tconv", "numba", "llvmlite", "scipy", "numpy")  # imported at first use, by us

inside = Marks()
_forking: set[int] = set()


def whole(function: Callable[..., Answer], *args: Any) -> Answer:
    """Call a function that no fork may come in the middle of.

    It must not wait for another thread that calls this.
    """
    mark = inside.mine()
    if mark.locked():
        return function(*args)
    while True:
        with mark:  # first inside, then look: a fork looks in the other order
            if not _forking:
                return function(*args)
        _wait(lambda: not _forking)


def _before() -> None:
    """Wait until no other thread is inside, or in the middle of an import or of Numba's compiler."""
    _wait(_settled)


def _settled() -> bool:
    _forking.add(get_ident())
    return not inside.others() and not _importing() and not _compiling()


def _wait(condition: Callable[[], bool]) -> None:
    """Until it is true, or patience ends."""
    end = monotonic() + PATIENCE
    while not condition() and monotonic() < end:
        sleep(_PAUSE)


def _importing() -> bool:
    """Whether a module that we import at first use is half there."""
    return any(
        getattr(getattr(module, "__spec__", None), "_initializing", False)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in _LAZY
    )


def _compiling() -> bool:
    """Whether another thread holds one of Numba's locks."""
    for held in _compiler_locks():
        if not held.acquire(False):
            return True
        held.release()
    return False


def _compiler_locks() -> Iterator[Any]:
    """The lock of Numba's compiler and the one around LLVM, where Numba is loaded."""
    for module, path in (
        ("numba.core.compiler_lock", ("global_compiler_lock", "_lock")),
        ("llvmlite.binding.ffi", ("lib", "_lock", "_lock")),
    ):
        found: Any = sys.modules.get(module)
        for name in path:
            found = getattr(found, name, None)
        if isinstance(found, RLock):
            yield found


def _in_child() -> None:
    """The other threads are gone, and with them what they held."""
    inside.forget_others()
    for held in _compiler_locks():
        held._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    # Written in C where it has to happen: an interrupt inside a hook ends that hook.
    os.register_at_fork(
        before=_before, after_in_parent=_forking.clear, after_in_child=_forking.clear
    )
    os.register_at_fork(after_in_child=_in_child)
