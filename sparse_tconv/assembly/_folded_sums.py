"""Sums of integer taps that meet in one entry: they must not wrap."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DTypeError
from ..geometry import Axis, ConvGeometry, copies, folds
from ..pattern import FoldedPatches, Patch, axis_pattern
from ._integer_sums import check_sums
from ._kernel import correlation_kernel

_Map = Callable[[NDArray[Any], int], NDArray[Any]]  # of values, and the number of their tap axis

_ENTRIES = 1 << 12  # that are looked at in one go
_LONG = 1 << 8  # taps, of which no table of all pairs is made


def check_folded_sums(geometry: ConvGeometry, weight: NDArray[Any]) -> None:
    """Refuse integers whose sums over the taps of an entry do not fit their type, and unsigned
    ones where these have signs.

    Under 'zeros' an entry is one tap, and the sum of few small numbers fits: only where neither
    holds are the sums looked at, each kind once.
    """
    if weight.dtype.kind not in "iu":
        return
    check_signs(geometry, weight.dtype)
    signed = not all(copies(axis.mode) for axis in geometry.axes)
    together = prod(axis.k for axis in geometry.axes if axis.mode != "zeros")
    limits = np.iinfo(weight.dtype)
    least, most = int(weight.min()), int(weight.max())
    fits = limits.min <= together * least <= together * most <= limits.max
    if not signed and (together == 1 or fits):
        return
    for maps in product(*map(_maps, geometry.axes)):
        check_sums(
            partial(_sums, geometry, maps),
            weight,
            "`weight` must have sums of the taps",
            "conv_matrix, conv_transpose_matrix or to_matrix",
            far=far(geometry),
        )


def sums_may_wrap(geometry: ConvGeometry, weight: NDArray[Any]) -> bool:
    """Whether sums over the taps of an entry may not fit the integers of a weight with kernels of
    any number; unsigned ones are refused where these have signs.
    """
    if weight.dtype.kind not in "iu":
        return False
    check_signs(geometry, weight.dtype)
    most, signed = _largest(geometry), not all(copies(axis.mode) for axis in geometry.axes)
    if most == 1 and not signed:
        return False
    return most * max(-int(weight.min()), int(weight.max())) > np.iinfo(weight.dtype).max


def check_signs(geometry: ConvGeometry, dtype: np.dtype[Any]) -> None:
    """Refuse unsigned kernels where the border takes differences of taps."""
    if dtype.kind != "u":
        return
    for axis in geometry.axes:
        if not copies(axis.mode):
            raise DTypeError(
                f"`weight` must have a sign under padding_mode={axis.mode!r}, which takes "
                f"differences of taps; got {dtype}. Pass it as int64 or float64."
            )


def far(geometry: ConvGeometry) -> bool:
    """Whether halves of integers times coefficients of this border may not fit int64."""
    return _largest(geometry) >= 1 << 30


def _largest(geometry: ConvGeometry) -> int:
    """The largest sum of coefficients in an entry, without their signs: no sum of taps is more
    times the largest tap.
    """
    return prod(map(_reach, geometry.axes))


def _reach(axis: Axis) -> int:
    """The largest sum of an entry's coefficients without their signs, along one axis."""
    if axis.mode == "zeros":
        return 1
    if not _in_parts(axis):
        return max(map(sum, abs(_meetings(axis)).T.tolist()), default=0)
    made, ones, most = FoldedPatches(axis, False), np.ones(axis.k), 0.0
    for part in _parts(axis):
        rows = made.rows(part)
        sums = replace(rows, coefficients=abs(rows.factors)).sum_taps(made.terms(ones, 0), 0)
        most = max(most, sums.max(initial=0))
    return math.ceil(most * (1 + 1e-9))


def _sums(geometry: ConvGeometry, maps: Sequence[_Map], weight: NDArray[Any]) -> NDArray[Any]:
    """Every value that an entry of the matrix has: patterns of axes meet in all combinations."""
    sums = correlation_kernel(geometry, weight)
    for number, entries in enumerate(maps, 2):
        sums = entries(sums, number)
    return sums


def _maps(axis: Axis) -> list[_Map]:
    """Maps from taps to the different entries of an axis's matrix, some at a time."""
    if axis.mode == "zeros":
        return [partial(_alone, axis)]
    if _in_parts(axis):
        return [partial(_far_met, axis, part) for part in _parts(axis)]
    return [partial(_met, axis)]


def _alone(axis: Axis, values: NDArray[Any], number: int) -> NDArray[Any]:
    """Every entry is one tap, of those that are beyond the axis in every window none."""
    first = axis.position(0, np.arange(axis.k))
    window = np.maximum(-(first // axis.stride), 0)  # the first that holds the tap, if one does
    read = (window < axis.n_out) & (first + window * axis.stride < axis.n_in)
    return values if read.all() else values.compress(read, axis=number)


def _met(axis: Axis, values: NDArray[Any], number: int) -> NDArray[Any]:
    """Each kind of entry once."""
    meetings = _meetings(axis).astype(values.dtype)
    return np.moveaxis(np.moveaxis(values, number, -1) @ meetings, -1, number)


def _far_met(axis: Axis, part: Patch, values: NDArray[Any], number: int) -> NDArray[Any]:
    """The entries of a part, of which each is a sum of sums of taps."""
    made = FoldedPatches(axis, False)
    return made.rows(part).sum_taps(made.terms(values, number), number)


def _in_parts(axis: Axis) -> bool:
    """Whether entries are looked at window by window, and not each kind of them once."""
    return axis.k > _LONG or folds(axis)


def _parts(axis: Axis) -> list[Patch]:
    """Windows of an axis, some at a time."""
    step = max(1, _ENTRIES // min(axis.n_in, axis.k))
    firsts = range(0, axis.n_out, step)
    return [Patch(first, min(first + step, axis.n_out), 0, axis.n_in) for first in firsts]


def _meetings(axis: Axis) -> NDArray[np.int64]:
    """(taps, kinds of entries): how often each tap is in an entry."""
    alone = np.eye(axis.k, dtype=np.int64)
    pattern = axis_pattern(axis, False)
    kinds = [alone[:, :0]]
    for region in pattern.regions:
        rows = pattern.rows(region)
        kinds.append(rows.sum_taps(alone, 1) if rows.folded else alone[:, np.unique(rows.taps)])
    return np.unique(np.hstack(kinds), axis=1)
