"""Work space of one thread, kept for its next product: fresh memory costs a page fault every 4
kB.
"""

from __future__ import annotations

import os
from math import prod
from sys import getrefcount
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEPT_BYTES = 1 << 25  # what needs more is released after use


class _Spaces(local):
    def __init__(self) -> None:
        self.held: dict[str, NDArray[np.uint8]] = {}


_spaces = _Spaces()
_probe = {"": np.empty(0)}
_UNUSED = getrefcount(_probe[""])  # references to what only a dict holds


def scratch(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array of this thread's own, with anything in it; the next call with this name gives the
    same memory, unless a part of it is still in use.

    It is where a signal's handler or a finalizer calls the library in the middle of a product.
    """
    nbytes = prod(shape) * dtype.itemsize
    kept = _spaces.held
    if name in kept and kept[name].nbytes >= nbytes and getrefcount(kept[name]) == _UNUSED:
        space = kept[name]
    else:
        space = np.empty(nbytes, dtype=np.uint8)
        if nbytes <= KEPT_BYTES:
            kept[name] = space
    return space[:nbytes].view(dtype).reshape(shape)


def forget() -> None:
    """Give up this thread's work space."""
    _spaces.held = {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget)  # the parent's pages would be copied one by one
