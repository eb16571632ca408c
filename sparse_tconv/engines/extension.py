"""The extended sample x~ written out in memory, and the transpose of writing it.

The interior is one copy. What lies outside an axis repeats samples in runs (a wrapped or mirrored
stretch, one edge sample), and each run is one slice.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import Axis, Stretch, stretches
from .borders import add_extended, add_folded, along, extended_along, folded_along
from .scratch import scratch


def extend(axes: Sequence[Axis], x: NDArray[Any], lengths: Sequence[int]) -> NDArray[Any]:
    """x~ of a batch (batch, channels, *size) from the first position read, with zeros behind the
    last up to the lengths given.

    The result is this thread's work space: it is overwritten by the next call.
    """
    starts = []
    for number, axis in enumerate(axes, 2):
        starts.append(axis.first if _in_place(axis) else 0)
        x = x if _in_place(axis) else extended_along(axis, x, number)
    wide = scratch("extended", (*x.shape[:2], *lengths), x.dtype)
    inner = [
        slice(max(start, 0), min(start + _extent(axis), n))
        for start, axis, n in zip(starts, axes, x.shape[2:], strict=True)
    ]
    placed = [
        slice(part.start - start, part.stop - start)
        for part, start in zip(inner, starts, strict=True)
    ]
    for number, part in enumerate(placed, 2):
        along(wide, number, slice(0, part.start))[...] = 0
        along(wide, number, slice(part.stop, None))[...] = 0
    wide[_behind(placed)] = x[_behind(inner)]
    for number, axis in enumerate(axes, 2):
        if _in_place(axis):
            for stretch in _border(axis):
                add_extended(wide, wide, number, stretch)
    return wide


def fold(axes: Sequence[Axis], wide: NDArray[Any]) -> NDArray[Any]:
    """The transpose of :func:`extend`, in fresh memory: a repetition is added to what it
    repeats; `wide` is overwritten.
    """
    for number, axis in enumerate(axes, 2):
        if not _in_place(axis):
            wide = folded_along(axis, wide, number)
            continue
        for stretch in _border(axis):
            add_folded(wide, wide, number, stretch)
    sizes = [axis.n_in for axis in axes]
    starts = [axis.first if _in_place(axis) else 0 for axis in axes]
    ends = [
        start + (_extent(axis) if _in_place(axis) else n)
        for start, axis, n in zip(starts, axes, sizes, strict=True)
    ]
    inner = [
        slice(max(start, 0), min(end, n)) for start, end, n in zip(starts, ends, sizes, strict=True)
    ]
    placed = tuple(
        slice(part.start - start, part.stop - start)
        for part, start in zip(inner, starts, strict=True)
    )
    complete = all(part == slice(0, n) for part, n in zip(inner, sizes, strict=True))
    x = (np.empty if complete else np.zeros)((*wide.shape[:2], *sizes), dtype=wide.dtype)
    x[_behind(inner)] = wide[_behind(placed)]
    return x


def _behind(parts: Sequence[slice]) -> tuple[Any, ...]:
    """An index of the last axes."""
    return (..., *parts)


def _extent(axis: Axis) -> int:
    return axis.last - axis.first + 1


@lru_cache(maxsize=1024)
def _border(axis: Axis) -> tuple[Stretch, ...]:
    """The stretches outside an axis that is read inside too, positions and samples counted from the
    first position read.
    """
    before, behind = max(axis.first, 0), min(axis.last, axis.n_in - 1) + 1
    outside = stretches(axis.mode, axis.n_in, axis.first, before) + stretches(
        axis.mode, axis.n_in, behind, axis.last + 1
    )
    return tuple(stretch.moved(-axis.first, -axis.first) for stretch in outside)


@lru_cache(maxsize=1024)
def _in_place(axis: Axis) -> bool:
    """Whether every sample that the border repeats is itself among the positions read."""
    low, high = max(axis.first, 0), min(axis.last, axis.n_in - 1)
    if low > high:
        return False
    inner = low - axis.first, high - axis.first + 1
    return all(stretch.of_samples(*inner) == stretch for stretch in _border(axis))
