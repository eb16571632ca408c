"""How the loops are compiled: once for all processes, and anew when any of them changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numba import njit, typeof

from ...threads import sheltered

# To tell whether what it kept on disk is stale, Numba looks at the file of the function itself. The
# functions that it calls here stand in other files, so a digest of all of them is part of its name.
_STAMP = (
    f"{crc32(b''.join(path.read_bytes() for path in sorted(Path(__file__).parent.glob('*.py')))):x}"
)


class Compiled:
    """A function compiled at its first call with each type of number, its first argument's.

    Not on the calling thread: an interrupt would leave Numba's compiler locked.
    """

    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher
        self._known: set[np.dtype[Any]] = set()

    def __call__(self, *args: Any) -> None:
        dtype = args[0].dtype
        if dtype not in self._known:
            sheltered(self._dispatcher.compile, tuple(map(typeof, args)))
            self._known.add(dtype)
        self._dispatcher(*args)


def compiled(function: Callable[..., None]) -> Compiled:
    """`function` compiled, and kept on disk for other processes; where nothing can be written each
    process compiles for itself.
    """
    function.__qualname__ += f"_{_STAMP}"
    try:
        return Compiled(njit(nogil=True, cache=True)(function))
    except RuntimeError:  # Numba finds no folder that it may write to
        return Compiled(njit(nogil=True)(function))


def inlined(function: Callable[..., Any]) -> Any:
    """`function` as a part of every compiled function that calls it."""
    return njit(nogil=True, forceinline=True)(function)


def called(function: Callable[..., Any]) -> Any:
    """`function` to be called from compiled functions."""
    return njit(nogil=True)(function)
