"""How the loops are compiled: once for all processes, and anew when any of them changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

from numba import njit

# To tell whether what it kept on disk is stale, Numba looks at the file of the function itself. The
# functions that it calls here stand in other files, so a digest of all of them is part of its name.
_STAMP = (
    f"{crc32(b''.join(path.read_bytes() for path in sorted(Path(__file__).parent.glob('*.py')))):x}"
)


def compiled(function: Callable[..., None]) -> Any:
    """`function` compiled at its first call with each type of number, and kept on disk for other
    processes; where nothing can be written each process compiles for itself.
    """
    function.__qualname__ += f"_{_STAMP}"
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # Numba finds no folder that it may write to
        return njit(nogil=True)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """`function` as a part of every compiled function that calls it."""
    return njit(nogil=True, forceinline=True)(function)


def called(function: Callable[..., Any]) -> Any:
    """`function` to be called from compiled functions."""
    return njit(nogil=True)(function)
