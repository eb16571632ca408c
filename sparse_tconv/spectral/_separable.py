"""Kernels that are products of one-axis kernels, found to rounding in every entry."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDING = 4  # units of rounding by which an entry may differ from the product of its factors


def factors(kernel: NDArray[Any]) -> list[NDArray[Any]] | None:
    """One factor per axis whose outer product is the kernel, each entry to ``4 eps``; None if there
    are none.

    The factors are the fibers through the largest entry. Singular vectors would be as near in the
    norm, but not in the small entries: tails of a Gaussian would lose their digits, and zeros would
    become values.
    """
    if not np.isfinite(kernel).all() or not kernel.any():
        return None
    wide = kernel.astype(np.result_type(kernel.dtype, np.float64))
    pivot: tuple[Any, ...] = np.unravel_index(np.argmax(abs(wide)), kernel.shape)
    fibers = [wide[(*pivot[:axis], slice(None), *pivot[axis + 1 :])] for axis in range(kernel.ndim)]
    fibers[:-1] = [fiber / wide[pivot] for fiber in fibers[:-1]]
    rounded = [fiber.astype(kernel.dtype) for fiber in fibers]
    product = reduce(np.multiply.outer, [fiber.astype(wide.dtype) for fiber in rounded])
    near = abs(product - wide) <= ROUNDING * np.finfo(kernel.dtype).eps * abs(wide)
    return rounded if near.all() else None
