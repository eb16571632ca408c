"""Extreme singular values by Lanczos iterations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, qr
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigsh

Map = Callable[[NDArray[Any]], NDArray[Any]]

_OUTSIDE = 1e-3  # part of a unit vector outside of a span that is more than rounding


def top_eigenpairs(
    product: Map, n: int, k: int, dtype: Any, *, tol: float, maxiter: int, sweeps: int = 200
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64]]:
    """The k largest eigenvalues of a positive semi-definite map of vectors (n, any number),
    descending, with vectors and the norms of their residuals.

    ARPACK where it converges, subspace iteration from what it found where it does not: an answer
    always, and the residual says how good it is.
    """
    search = Search(product, n, dtype, tol, maxiter, sweeps)
    vectors = search.top(k)
    values, vectors, residuals = _ritz(product, vectors)
    # One start vector meets one direction of each eigenspace: look for more in the complement.
    while 1 < k < n - vectors.shape[1] and values[k - 1] > 0:
        more = search.beside(vectors)
        if more is None:
            break
        values, vectors, residuals = _ritz(product, np.hstack([vectors, more]))
        if not (more.conj().T @ product(more)).real.item() > values[k - 1] * (1 + 1e-10):
            break
    return values[:k], vectors[:, :k], residuals[:k]


@dataclass(frozen=True, eq=False)
class Search:
    """ARPACK's arguments, and what is done where it gives up."""

    product: Map
    n: int
    dtype: Any
    tol: float
    maxiter: int
    sweeps: int

    def top(self, k: int) -> NDArray[Any]:
        """Orthonormal vectors near the top eigenspace, k or more."""
        return self._top(self.product, k)

    def beside(self, vectors: NDArray[Any]) -> NDArray[Any] | None:
        """The top vector orthogonal to others; None if the search does not leave their span, where
        the map has nothing else.
        """

        def projected(x: NDArray[Any]) -> NDArray[Any]:
            inside = x - vectors @ (vectors.conj().T @ x)
            image = self.product(inside)
            return np.asarray(image - vectors @ (vectors.conj().T @ image))

        found = self._top(projected, 1)[:, :1]
        for _ in range(2):  # the second time what rounding left
            found = found - vectors @ (vectors.conj().T @ found)
            size = float(np.linalg.norm(found))
            if size < _OUTSIDE:
                return None
            found = found / size
        return np.asarray(found)

    def _top(self, product: Map, k: int) -> NDArray[Any]:
        operator = LinearOperator(
            (self.n, self.n), matvec=product, matmat=product, dtype=self.dtype
        )
        rng = np.random.default_rng(0)
        start, width = rng.standard_normal(self.n), min(self.n, max(2 * k + 8, 32))
        options = {"k": k, "ncv": width, "v0": start, "tol": self.tol, "maxiter": self.maxiter}
        try:
            vectors = eigsh(operator, which="LA", **options)[1]
        except ArpackNoConvergence as failure:
            vectors = self._subspace(product, failure.eigenvectors, k, rng)
        except ArpackError:  # such as a start vector that a zero operator maps to zero
            vectors = self._subspace(product, np.empty((self.n, 0)), k, rng)
        # For a complex operator ARPACK's vectors of equal eigenvalues are not orthogonal.
        return np.asarray(qr(vectors, mode="economic")[0])

    def _subspace(
        self, product: Map, start: NDArray[Any], k: int, rng: np.random.Generator
    ) -> NDArray[Any]:
        """Subspace iteration with some vectors more than are wanted."""
        width = min(self.n, k + 8)
        vectors = np.empty((self.n, width), dtype=self.dtype)
        vectors[:, : start.shape[1]] = start[:, :width]
        vectors[:, start.shape[1] :] = rng.standard_normal((self.n, width - start.shape[1]))
        last = 0.0
        for _ in range(self.sweeps):
            vectors = qr(vectors, mode="economic")[0]
            image = product(vectors)
            size = float(np.linalg.norm(image))
            if size == 0 or abs(size - last) <= 1e-14 * size:
                break
            vectors, last = image, size
        small = _ritz(product, qr(vectors, mode="economic")[0])[1]
        return small[:, :k]


def _ritz(
    product: Map, vectors: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64]]:
    """The eigenvalues in the span of orthonormal vectors, descending, vectors and residuals."""
    image = product(vectors)
    small = vectors.conj().T @ image
    values, turn = eigh((small + small.conj().T) / 2)
    values, turn = values[::-1], turn[:, ::-1]
    vectors, image = vectors @ turn, image @ turn
    residuals = np.linalg.norm(image - vectors * values, axis=0)
    return np.maximum(values, 0.0), vectors, residuals
