"""Sums of integers that meet in one entry of a matrix: they must not wrap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DTypeError

_HALF = 32  # bits


def check_sums(
    linear: Callable[[NDArray[Any]], NDArray[Any]],
    values: NDArray[Any],
    subject: str,
    takers: str,
    *,
    far: bool = False,
) -> None:
    """Refuse integers whose sums, which a linear map of integer coefficients gives, do not fit their
    type.

    The map is computed in int64: of long integers in halves, neither of which can wrap, and what the
    lower one carries shows in the upper one. Where coefficients reach 2^30, `far`, in longdouble.
    `subject` is "`argument` must have sums of the things", `takers` are what takes a `dtype`.
    """
    if values.dtype.kind not in "iu":
        return
    limits, shift = np.iinfo(values.dtype), 0
    if far:
        sums = linear(values.astype(np.longdouble))
    elif values.itemsize < 8:
        sums = linear(values.astype(np.int64))
    else:
        shift = _HALF
        lower = linear((values & ((1 << _HALF) - 1)).astype(np.int64))
        sums = linear((values >> _HALF).astype(np.int64)) + (lower >> _HALF)
    if ((sums < limits.min >> shift) | (sums > limits.max >> shift)).any():
        wider = "np.float64" if values.itemsize == 8 else "np.int64"
        raise DTypeError(
            f"{subject} that meet at the border within {limits.min} to {limits.max}; got "
            f"{values.dtype}, which they overflow. Pass dtype={wider} to {takers}."
        )
