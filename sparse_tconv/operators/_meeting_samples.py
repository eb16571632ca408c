"""Sums of integer samples that meet in one entry of a matrix: they must not wrap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DTypeError

_HALF = 32  # bits

_Fold = Callable[[NDArray[Any]], NDArray[Any]]


def folded(fold: _Fold, samples: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """What a linear map of small integer coefficients makes of samples, in a type; integers whose
    sums do not fit it are refused.

    The map is computed in int64: of long integers in halves, neither of which can wrap, and what the
    lower one carries shows in the upper one.
    """
    if dtype.kind not in "iu":
        return fold(samples.astype(dtype))
    limits, shift = np.iinfo(dtype), 0
    values = samples.astype(dtype if dtype.itemsize == 8 else np.int64)
    if dtype.itemsize == 8:
        shift = _HALF
        lower = fold((values & ((1 << _HALF) - 1)).astype(np.int64))
        sums = fold((values >> _HALF).astype(np.int64)) + (lower >> _HALF)
    else:
        sums = fold(values)
    if ((sums < limits.min >> shift) | (sums > limits.max >> shift)).any():
        wider = "np.float64" if shift else "np.int64"
        raise DTypeError(
            f"`x` must have sums of the samples that meet at the border within {limits.min} to "
            f"{limits.max}; got {dtype}, which they overflow. Pass dtype={wider} to to_matrix."
        )
    return fold(samples.astype(dtype)) if shift else sums.astype(dtype)
