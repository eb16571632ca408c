"""Sums of integer taps that meet in one entry: they must not wrap."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DTypeError
from ..geometry import Axis, ConvGeometry, copies
from ..pattern import axis_pattern
from ._integer_sums import check_sums
from ._kernel import correlation_kernel


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
    check_sums(
        partial(_sums, geometry),
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
    kinds = (abs(_meetings(axis)) for axis in geometry.axes)
    return prod(max(map(sum, kind.T.tolist()), default=0) for kind in kinds)


def _sums(geometry: ConvGeometry, weight: NDArray[Any]) -> NDArray[Any]:
    """Every value that an entry of the matrix has: patterns of axes meet in all combinations."""
    sums = correlation_kernel(geometry, weight)
    for number, axis in enumerate(geometry.axes, 2):
        meetings = _meetings(axis).astype(weight.dtype)
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
