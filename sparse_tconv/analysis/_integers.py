"""Matrices of integers that do not wrap."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..operators import ConvOperator
from ._common_size import common, size_bound
from ._row_sums import wide_matrix

_SAFE = 2.0**62  # integers up to which machine words are kept


def integers(op: Any) -> csr_array | None:
    """The matrix of any operator of integers, exact, in words; None of other operators, and of
    expressions whose entries words may not hold.
    """
    if op.dtype.kind not in "iu":
        return None
    if isinstance(op, ConvOperator):
        return wide_matrix(op)
    small, exponent = common(op)
    with np.errstate(over="ignore"):
        bound = np.ldexp(small.norm_bound(size_bound), exponent)
    if not bound < _SAFE:
        return None
    matrix = op.to_matrix(dtype=op.dtype if op.dtype.itemsize == 8 else np.int64)
    matrix.data = matrix.data.view(np.int64)  # what is below zero has wrapped in unsigned words
    return matrix
