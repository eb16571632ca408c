"""The extended sample x~ written out in memory, and the transpose of writing it.

The interior is one copy; what lies outside an axis is a few stretches, each one addition of slices.
A product under any boundary is thus one under zeros between the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import Axis, Stretch, extended_axis, extension, positions_axis, stretches
from ..threads import scratch


def extend(
    axes: Sequence[Axis], x: NDArray[Any], lengths: Sequence[int] | None = None
) -> NDArray[Any]:
    """x~ of a batch (batch, channels, *size) from the first to the last position read, with zeros
    behind up to the lengths given.

    The result is x itself where nothing lies outside, or this thread's work space, which the next
    call overwrites.
    """
    lengths = [axis.extent for axis in axes] if lengths is None else lengths
    within = list(axes)
    for number, axis in enumerate(axes):
        if not _in_place(axis):
            x, within[number] = _extended_along(axis, x, number + 2), extended_axis(axis)
    whole = all(axis.first == 0 and axis.last == axis.n_in - 1 for axis in within)
    if whole and x.shape[2:] == tuple(lengths):
        return x
    wide = scratch("extended", (*x.shape[:2], *lengths), x.dtype)
    here, there = zip(*(_overlap(axis) for axis in within), strict=True)
    for number, part in enumerate(there, 2):
        _along(wide, number, slice(0, part.start))[...] = 0
        _along(wide, number, slice(part.stop, None))[...] = 0
    wide[(..., *there)] = x[(..., *here)]
    for number, axis in enumerate(within, 2):
        for stretch in _border(axis):
            _add_extended(wide, wide, number, stretch)
    return wide


def fold(axes: Sequence[Axis], wide: NDArray[Any]) -> NDArray[Any]:
    """The transpose of :func:`extend` without lengths, in fresh memory: every sample gathers what
    its multiples hold; `wide` is overwritten.
    """
    within = list(axes)
    for number, axis in enumerate(axes):
        if not _in_place(axis):
            wide = _folded_along(axis, wide, number + 2)
            within[number] = positions_axis(axis.n_in, 0, axis.n_in)
            continue
        for stretch in _border(axis):
            _add_folded(wide, wide, number + 2, stretch)
    sizes = [axis.n_in for axis in axes]
    here, there = zip(*(_overlap(axis) for axis in within), strict=True)
    complete = all(part == slice(0, n) for part, n in zip(here, sizes, strict=True))
    x = (np.empty if complete else np.zeros)((*wide.shape[:2], *sizes), dtype=wide.dtype)
    x[(..., *here)] = wide[(..., *there)]
    return x


def folding(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """How a transposed product is folded that was computed on the samples of axes with zeros
    outside and on the extended others; empty where it is the result.
    """
    if all(axis.mode == "zeros" for axis in axes):
        return ()
    return tuple(
        positions_axis(axis.n_in, 0, axis.n_in) if axis.mode == "zeros" else axis for axis in axes
    )


def gathered(values: NDArray[Any], number: int, stretch: Stretch) -> NDArray[Any]:
    """What the positions of a stretch, along axis `number`, give to the samples they hold."""
    values = _times(values, number, stretch)
    if stretch.step:
        return values
    return np.asarray(values.sum(axis=number, keepdims=True, dtype=values.dtype))


def _overlap(axis: Axis) -> tuple[slice, slice]:
    """The samples that lie among the positions read, and their places there."""
    start = min(max(axis.first, 0), axis.n_in)
    stop = max(start, min(axis.last + 1, axis.n_in))
    place = start - axis.first if stop > start else 0
    return slice(start, stop), slice(place, place + stop - start)


@lru_cache(maxsize=1024)
def _border(axis: Axis) -> tuple[Stretch, ...]:
    """The stretches outside an axis, positions and samples counted from the first position read."""
    before, behind = max(axis.first, 0), min(axis.last, axis.n_in - 1) + 1
    outside = stretches(axis.mode, axis.n_in, axis.first, before) + stretches(
        axis.mode, axis.n_in, behind, axis.last + 1
    )
    return tuple(stretch.moved(-axis.first, -axis.first) for stretch in outside)


@lru_cache(maxsize=1024)
def _in_place(axis: Axis) -> bool:
    """Whether every sample that the border holds is itself among the positions read."""
    if axis.mode == "zeros":
        return True
    low, high = max(axis.first, 0), min(axis.last, axis.n_in - 1)
    inner = low - axis.first, high - axis.first + 1
    return low <= high and all(part.of_samples(*inner) == part for part in _border(axis))


def _extended_along(axis: Axis, x: NDArray[Any], number: int) -> NDArray[Any]:
    """x from the first to the last position of one of its axes that a window reads."""
    wide = np.zeros((*x.shape[:number], axis.extent, *x.shape[number + 1 :]), dtype=x.dtype)
    for stretch in extension(axis):
        _add_extended(wide, x, number, stretch.moved(-axis.first))
    return wide


def _folded_along(axis: Axis, wide: NDArray[Any], number: int) -> NDArray[Any]:
    """The transpose of :func:`_extended_along`."""
    x = np.zeros((*wide.shape[:number], axis.n_in, *wide.shape[number + 1 :]), dtype=wide.dtype)
    for stretch in extension(axis):
        _add_folded(x, wide, number, stretch.moved(-axis.first))
    return x


def _add_extended(wide: NDArray[Any], x: NDArray[Any], number: int, stretch: Stretch) -> None:
    """Add the multiples of samples that a stretch of one axis holds."""
    values = _along(x, number, stretch.samples)
    _along(wide, number, stretch.places)[...] += _times(values, number, stretch)


def _add_folded(x: NDArray[Any], wide: NDArray[Any], number: int, stretch: Stretch) -> None:
    """The transpose of :func:`_add_extended`."""
    values = gathered(_along(wide, number, stretch.places), number, stretch)
    _along(x, number, stretch.samples)[...] += values


def _times(values: NDArray[Any], number: int, stretch: Stretch) -> NDArray[Any]:
    """The values of each position times its factor."""
    factors = stretch.factors
    if factors == 1:
        return values
    column = np.asarray(factors).astype(values.dtype)  # integers wrap, as products do
    return values * column.reshape(-1, *(1,) * (values.ndim - number - 1))


def _along(array: NDArray[Any], number: int, part: slice) -> NDArray[Any]:
    """A range of one axis, as a view."""
    return array[(slice(None),) * number + (part,)]
