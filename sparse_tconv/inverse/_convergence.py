"""When an answer is as exact as was asked for: backward errors, relative to operator and solution."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator


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
    """How little A, or A and b, must change relatively for x to minimize ``|A x - b|``, about.

    Of two changes the smaller one: that of A by a matrix of rank one, ``|A^H r| / |r|`` (Stewart,
    1977), and that which makes the residual r vanish (Rigal and Gaches, 1967). The tests of LSQR and
    LSMR are these. With bounds, `gradient` is what they leave of ``A^H r``.
    """
    steepness, misfit = float(np.linalg.norm(gradient)), float(np.linalg.norm(residual))
    if steepness == 0.0 or misfit == 0.0:
        return 0.0
    optimal = steepness / (norm * misfit)
    consistent = misfit / (norm * float(np.linalg.norm(x)) + float(np.linalg.norm(data)))
    return min(optimal, consistent)
