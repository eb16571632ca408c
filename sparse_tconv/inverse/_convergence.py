"""When an answer is as exact as was asked for: backward errors, relative to operator and solution."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from .. import solution


class Watched(LinearOperator):  # type: ignore[misc]  # SciPy has no types
    """An operator that remembers the most that it has stretched a vector: its norm, from below.

    A norm too small makes a backward error look too large, never too small.
    """

    def __init__(self, operator: LinearOperator) -> None:
        super().__init__(operator.dtype, operator.shape)
        self._operator = operator
        self.norm = 0.0

    def _matvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._seen(x, self._operator.matvec(x))

    def _rmatvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._seen(x, self._operator.rmatvec(x))

    def _seen(self, x: NDArray[Any], y: Any) -> NDArray[Any]:
        product = np.asarray(y)
        size = float(np.linalg.norm(x))
        if size:
            self.norm = max(self.norm, float(np.linalg.norm(product)) / size)
        return product


def backward_error(
    norm: float,
    data: NDArray[Any],
    x: NDArray[Any],
    residual: NDArray[Any],
    gradient: NDArray[Any],
) -> float:
    """That of :func:`sparse_tconv.solution.backward_error`, from the vectors b, x, r and A^H r."""
    sizes = (float(np.linalg.norm(vector)) for vector in (data, x, residual, gradient))
    return solution.backward_error(norm, *sizes)
