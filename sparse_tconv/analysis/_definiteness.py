"""The signs of the eigenvalues of a Hermitian operator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..operators import ConvOperator
from ..spectral import hermitian_eigenvalues, problem, scaled
from ._triplets import rounding

_WORK = 3e9  # multiplications in an eigenvalue problem: a few seconds


def definiteness(op: ConvOperator) -> str:
    """The word for the signs of the eigenvalues; 'unknown' where they are too many."""
    op, _ = scaled(op)
    base, _ = problem(op)
    if not base.kernel.any():
        return "zero"
    values = hermitian_eigenvalues(op, _WORK)
    if values is None:
        return "unknown"
    return _word(values, rounding(max(op.shape), max(base.weight_norm, float(abs(values).max()))))


def _word(values: NDArray[np.float64], error: float) -> str:
    least, most = float(values.min()), float(values.max())
    if max(abs(least), abs(most)) <= error:
        return "zero"
    if least > error:
        return "positive definite"
    if most < -error:
        return "negative definite"
    if least >= -error:
        return "positive semidefinite"
    return "negative semidefinite" if most <= error else "indefinite"
