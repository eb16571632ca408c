"""How far rounding can take a computed singular value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._problem import Problem

EPS = float(np.finfo(np.float64).eps)


def rounding(problem: Problem, values: NDArray[np.float64]) -> float:
    """Error of computed singular values.

    LAPACK is backward stable with a factor that stays below the square root of the side in
    practice, above the 64 units within which divide and conquer takes values as one; a transform adds
    less. The side is that of C even if the blocks are smaller, so that the values agree with those
    of the whole matrix, whose rounding counts too. The scale is that of the taps, which may cancel
    in the largest value, or of that value, which samples that the border repeats may raise.
    """
    growth = 64 + 8 * np.sqrt(max(problem.geometry.shape))
    return float(growth * EPS * max(problem.weight_norm, values.max(initial=0)))
