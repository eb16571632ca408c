"""Sums of integer taps that meet in one entry: they must not wrap."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DTypeError
from ..geometry import Axis, ConvGeometry, copies
from ..pattern import axis_pattern
from ._kernel import correlation_kernel

_HALF = 32  # bits


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
    long = weight.itemsize == 8
    if signed and _largest(geometry) * max(-least, most) >= 1 << 62:
        sums, first, last = _sums(geometry, weight, object), limits.min, limits.max
    elif signed:
        sums, first, last = _sums(geometry, weight), limits.min, limits.max
    elif long:
        # In halves: neither can wrap, and what the lower one carries shows in the upper one.
        lower = _sums(geometry, weight & ((1 << _HALF) - 1))
        sums = _sums(geometry, weight >> _HALF) + (lower >> _HALF)
        first, last = limits.min >> _HALF, limits.max >> _HALF
    else:
        sums, first, last = _sums(geometry, weight), limits.min, limits.max
    if ((sums < first) | (sums > last)).any():
        wider = "np.float64" if long else "np.int64"
        raise DTypeError(
            f"`weight` must have sums of the taps that meet at the border within "
            f"{limits.min} to {limits.max}; got {weight.dtype}, which they overflow. "
            f"Pass dtype={wider} to conv_matrix, conv_transpose_matrix or to_matrix."
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


def _largest(geometry: ConvGeometry) -> int:
    """The largest sum of coefficients in an entry, without their signs: no sum of taps is more
    times the largest tap.
    """
    kinds = (abs(_meetings(axis)) for axis in geometry.axes)
    return prod(max(map(sum, kind.T.tolist()), default=0) for kind in kinds)


def _sums(geometry: ConvGeometry, weight: NDArray[Any], dtype: Any = np.int64) -> NDArray[Any]:
    """Every value that an entry of the matrix has: patterns of axes meet in all combinations."""
    sums = correlation_kernel(geometry, weight).astype(dtype)
    for number, axis in enumerate(geometry.axes, 2):
        meetings = _meetings(axis).astype(dtype)
        sums = np.moveaxis(np.moveaxis(sums, number, -1) @ meetings, -1, number)
    return sums


def _meetings(axis: Axis) -> NDArray[np.int64]:
    """(taps, kinds of entries): how often each tap is in an entry."""
    alone = np.eye(axis.k, dtype=np.int64)
    pattern = axis_pattern(axis, False)
    kinds = [alone[:, :0]]
    for region in pattern.regions:
        rows = pattern.rows(region)
        kinds.append(rows.sum_taps(alone, 1) if rows.folded else alone[:, np.unique(rows.taps)])
    return np.unique(np.hstack(kinds), axis=1)
