"""Golub-Kahan bidiagonalization: what an operator looks like from one vector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Product = Callable[[NDArray[Any]], NDArray[Any]]

# A vector that keeps this share of its norm is orthogonal to those subtracted; else subtract again.
_KEPT = 0.7


class Bidiagonalization:
    """``A V = U B`` with U, V of orthonormal columns, u_1 along b, and B lower bidiagonal.

    The columns of V are orthogonalized against all before, which keeps those of U orthogonal enough
    (Simon and Zha, SIAM J. Sci. Comput. 21, 2000): U is not stored. Without that, V is not stored
    either, and B is good for quadratures only.

    Parameters
    ----------
    forward, adjoint : callable
        A and A^H on flat vectors.
    b : array
        Where to start.
    orthogonalize : bool, default True
        Whether V is kept orthogonal.
    """

    def __init__(
        self, forward: Product, adjoint: Product, b: NDArray[Any], orthogonalize: bool = True
    ) -> None:
        self._forward, self._adjoint = forward, adjoint
        self._orthogonalize = orthogonalize
        self.norm = float(np.linalg.norm(b))
        self._alphas: list[float] = []
        self._betas: list[float] = []
        self._u = b / self.norm if self.norm else b
        self._v: NDArray[Any] | None = None
        self._columns = np.empty((0, 0), b.dtype)
        self._scale = 0.0
        self.exhausted = self.norm == 0.0

    @property
    def steps(self) -> int:
        """Number of columns so far."""
        return len(self._betas)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """B, (steps + 1, steps)."""
        k = np.arange(self.steps)
        matrix = np.zeros((self.steps + 1, self.steps))
        matrix[k, k] = self._alphas
        matrix[k + 1, k] = self._betas
        return matrix

    @property
    def columns(self) -> NDArray[Any]:
        """V^T, (steps, size of x); empty if it is not kept."""
        return self._columns[: self.steps]

    def extend(self, steps: int) -> None:
        """Go on to that many columns, or until nothing is left to see."""
        if self._orthogonalize and self.norm and len(self._columns) < steps:
            self._reserve(steps)
        while self.steps < steps and not self.exhausted:
            self._step()

    def _reserve(self, steps: int) -> None:
        """Rows for the columns to come."""
        size = self._columns.shape[1] or self._adjoint(self._u).size
        wider = np.empty((steps, size), self._columns.dtype)
        if self.steps:
            wider[: self.steps] = self.columns
        self._columns = wider

    def _step(self) -> None:
        """One more column of V and of B."""
        v = self._adjoint(self._u)
        self._scale = max(self._scale, float(np.linalg.norm(v)))
        if self._v is not None:
            v = self._orthogonal(v - self._betas[-1] * self._v)
        alpha = float(np.linalg.norm(v))
        if alpha <= self._negligible(v):
            self.exhausted = True
            return
        v = v / alpha
        u = self._forward(v) - alpha * self._u
        beta = float(np.linalg.norm(u))
        if beta <= self._negligible(u):
            beta, self.exhausted = 0.0, True
        if self._orthogonalize:
            self._columns[self.steps] = v
        self._alphas.append(alpha)
        self._betas.append(beta)
        self._v, self._u = v, u / beta if beta else u

    def _orthogonal(self, v: NDArray[Any]) -> NDArray[Any]:
        """V without what the columns before have of it."""
        if not self._orthogonalize:
            return v
        for _ in range(2):  # twice is enough (Kahan and Parlett)
            size = float(np.linalg.norm(v))
            # The conjugates of the coefficients: columns.conj() would copy all of them.
            conjugates = self.columns @ v.conj()
            v = v - conjugates.conj() @ self.columns
            if float(np.linalg.norm(v)) > _KEPT * size:
                break
        return v

    def _negligible(self, vector: NDArray[Any]) -> float:
        """What rounding leaves of a vector that should be zero."""
        return 10 * float(np.finfo(vector.dtype).eps) * self._scale
