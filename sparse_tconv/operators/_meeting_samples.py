"""Integer samples that meet in one entry of a matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..assembly import check_sums


def folded(
    fold: Callable[[NDArray[Any]], NDArray[Any]], samples: NDArray[Any], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """What a linear map of small integer coefficients makes of samples, in a type; integers whose
    sums do not fit it are refused.
    """
    samples = samples.astype(dtype)
    check_sums(fold, samples, "`x` must have sums of the samples", "to_matrix")
    return fold(samples)
