"""What must be whole when the process forks or ends: both wait a while until it is.

A forked child has one thread. What another was in the middle of stays as it was for ever: a lock
inside BLAS or an FFT, half a compiled function, a module that is still being imported. Locks of our
own are renewed, those of other libraries cannot be; so a fork waits until no thread is inside. So
does the interpreter's end, which takes daemon threads down wherever they are: in the middle of C++,
and the process would abort.
"""

from __future__ import annotations

import atexit
import os
import sys
from _thread import RLock, get_ident
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any, TypeVar

from ._marks import Marks

Answer = TypeVar("Answer")

PATIENCE = 5.0  # seconds that a fork, or the end, and others wait for each other at most
PATIENCE_WITH_COMPILERS = 60.0  # the same for imports and compilation: a child could do neither
_PAUSE = 5e-4
_LAZY = ("sparse_tconv", "numba", "llvmlite", "scipy", "numpy")  # imported at first use, by us

inside = Marks()
sheltered = Marks()  # threads that import or compile, and wait for nobody
_forking: set[int] = set()
_ending: tuple[int, float] | None = None  # the thread that ends the interpreter, its patience's end


def whole(function: Callable[..., Answer], *args: Any) -> Answer:
    """Call a function that neither a fork nor the interpreter's end may come in the middle of.

    It must not wait for another thread that calls this.
    """
    mark = inside.mine()
    if mark.locked():
        return function(*args)
    while True:
        with mark:  # first inside, then look: a fork looks in the other order
            if _is_open():
                return function(*args)
        _wait(_is_open)


def _is_open() -> bool:
    """Whether a thread may go inside."""
    if _ending is not None and get_ident() != _ending[0] and monotonic() < _ending[1]:
        return False
    return not _forking


def _before() -> None:
    """Wait until no other thread is inside, or in the middle of an import or of Numba's compiler."""
    begin = monotonic()
    end = begin + PATIENCE
    while not _is_settled():
        if _is_building():
            end = min(monotonic() + PATIENCE, begin + PATIENCE_WITH_COMPILERS)
        if monotonic() > end:
            break
        sleep(_PAUSE)


def _is_settled() -> bool:
    _forking.add(get_ident())
    return not inside.others() and not _is_building()


def _is_building() -> bool:
    return sheltered.others() or _importing() or _compiling()


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


def _at_exit() -> None:
    """Let no other thread inside, and wait until none is."""
    global _ending
    _ending = get_ident(), monotonic() + PATIENCE
    _wait(lambda: not inside.others())


def _in_child() -> None:
    """The other threads are gone, and with them what they held."""
    inside.forget_others()
    sheltered.forget_others()
    for held in _compiler_locks():
        held._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    # Written in C where it has to happen: an interrupt inside a hook ends that hook.
    os.register_at_fork(
        before=_before, after_in_parent=_forking.clear, after_in_child=_forking.clear
    )
    os.register_at_fork(after_in_child=_in_child)
atexit.register(_at_exit)
