"""Extreme eigenvectors by Lanczos iterations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, qr
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigsh

from .._memory import check_fits

Map = Callable[[NDArray[Any]], NDArray[Any]]

_OUTSIDE = 1e-3  # part of a unit vector outside of a span that is more than rounding
_AT_ONCE = 32  # side of a map that is written out as a matrix


@dataclass(frozen=True, eq=False)
class Search:
    """The largest eigenvalues of a positive semi-definite map of vectors (n, any number).

    ARPACK where it converges, subspace iteration from what it found where it does not: an answer
    always; how good it is is for others to find.

    Parameters
    ----------
    product : callable
        The map.
    n : int
        Its side.
    dtype : dtype
    tol, maxiter
        ARPACK's.
    sweeps : int
        Steps of the subspace iteration.
    """

    product: Map
    n: int
    dtype: Any
    tol: float
    maxiter: int
    sweeps: int = 200

    def top(self, k: int) -> NDArray[Any]:
        """k orthonormal vectors near the top eigenspace, the first the first."""
        return self._ritz(self.product, self._top(self.product, k))[:, :k]

    def beside(self, vectors: NDArray[Any], k: int) -> NDArray[Any]:
        """Up to k more in the complement of orthonormal ones: one start vector meets one direction
        of each eigenspace. None where the map has nothing else there.
        """
        k = min(k, self.n - vectors.shape[1])
        if not k:
            return vectors[:, :0]

        def projected(x: NDArray[Any]) -> NDArray[Any]:
            return _outside(self.product(_outside(x, vectors)), vectors)

        found = self._top(projected, k)
        for _ in range(2):  # the second time what rounding left
            found = _outside(found, vectors)
            sizes = np.linalg.norm(found, axis=0)
            found = found[:, sizes > _OUTSIDE] / sizes[sizes > _OUTSIDE]
        if not found.shape[1]:
            return found
        found = qr(found, mode="economic")[0]
        return self._ritz(projected, found)[:, :k]

    def _top(self, product: Map, k: int) -> NDArray[Any]:
        rng = np.random.default_rng(0)
        if self.n <= _AT_ONCE or k > self.n - 2:  # ARPACK wants more room
            dense = product(np.eye(self.n, dtype=self.dtype))
            return np.asarray(eigh((dense + dense.conj().T) / 2)[1][:, ::-1][:, :k])
        width = min(self.n, max(2 * k + 8, 32))
        check_fits(
            "op",
            f"{width} vectors of {self.n:,} entries",
            width * self.n * np.dtype(self.dtype).itemsize,
            "Use a smaller one.",
        )
        operator = LinearOperator(
            (self.n, self.n), matvec=product, matmat=product, dtype=self.dtype
        )
        start = rng.standard_normal(self.n)
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
        return self._ritz(product, qr(vectors, mode="economic")[0])[:, :k]

    def _ritz(self, product: Map, vectors: NDArray[Any]) -> NDArray[Any]:
        """The eigenvectors in the span of orthonormal ones, descending."""
        small = vectors.conj().T @ product(vectors)
        return np.asarray(vectors @ eigh((small + small.conj().T) / 2)[1][:, ::-1])


def _outside(x: NDArray[Any], vectors: NDArray[Any]) -> NDArray[Any]:
    """The part of x that is orthogonal to orthonormal vectors."""
    return np.asarray(x - vectors @ (vectors.conj().T @ x))
