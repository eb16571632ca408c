"""Solves with C^H C that lose no digits to squaring, for the smallest singular values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs, qr, solve_triangular
from scipy.sparse import block_array, csc_array, eye_array
from scipy.sparse.linalg import splu

from ..errors import GeometryError

Map = Callable[[NDArray[Any]], NDArray[Any]]

DENSE_SIDE = 4096  # up to here a dense factorization is as fast as a sparse one with its fill-in


@dataclass(frozen=True, eq=False)
class Inverse:
    """``b -> (C^H C)^{-1} b`` for tall or square C, by factors of C itself.

    Parameters
    ----------
    solve : callable
        The map, of (n, any number).
    method : str
        How C was factorized.
    perturbation : float
        Norm of what was added to C so that it has factors.
    """

    solve: Map
    method: str
    perturbation: float


def inverse(matrix: Any, scale: float, method: str) -> Inverse:
    """Factors of a matrix that has as many rows as columns, or more.

    Parameters
    ----------
    matrix : csr_array, m >= n
        C, in double precision.
    scale : float
        An upper bound of its norm.
    method : {'lu', 'qr', 'augmented'}
        LU of a square matrix; dense QR; sparse LU of the augmented system.
    """
    if method == "qr":
        return _by_qr(matrix, scale)
    if method == "augmented":
        return _by_augmented(matrix, scale)
    if matrix.shape[0] != matrix.shape[1]:
        raise GeometryError(
            f"`method` must fit the operator; got 'lu', but it is {matrix.shape[0]:,} x "
            f"{matrix.shape[1]:,} and not square. Pass method='qr' or 'augmented'."
        )
    return _by_lu(matrix, scale)


def damped_inverse(matrix: Any, damp: float) -> Inverse:
    """``b -> (C^H C + damp^2 I)^{-1} b``, which has the eigenvectors of the inverse."""
    return Inverse(_augmented(matrix, damp, damp), "augmented", 0.0)


def _by_lu(matrix: Any, scale: float) -> Inverse:
    """C^{-1} C^{-H}; the augmented system, which is never singular, where C has no sparse LU."""
    if matrix.shape[0] <= DENSE_SIDE:
        return _by_dense_lu(matrix, scale)
    try:
        factors = splu(csc_array(matrix))
    except RuntimeError:  # exactly singular
        return _by_augmented(matrix, scale)
    return Inverse(lambda b: factors.solve(factors.solve(b, "H")), "lu", 0.0)


def _by_dense_lu(matrix: Any, scale: float) -> Inverse:
    """LAPACK's own functions: scipy.linalg.lu_factor warns of a zero pivot, which is an answer
    here.
    """
    factorize, solve = get_lapack_funcs(("getrf", "getrs"), dtype=matrix.dtype)
    factors, pivots, _ = factorize(matrix.toarray())
    raised = _raise_diagonal(factors, scale)
    if raised is None:
        return _by_augmented(matrix, scale)

    def product(b: NDArray[Any]) -> NDArray[Any]:
        half, _ = solve(factors, pivots, b, trans=2)
        return np.asarray(solve(factors, pivots, half)[0])

    # L, whose entries are at most 1, stretches what is added to U.
    return Inverse(product, "lu", raised * np.sqrt(matrix.shape[0]))


def _raise_diagonal(upper: NDArray[Any], scale: float) -> float | None:
    """Raise what vanishes on the diagonal to rounding; by how much at most.

    None if more than one does: the inverse would grow with the power of their number.
    """
    least = float(np.finfo(np.float64).eps * scale)
    diagonal = np.diagonal(upper)
    small = np.flatnonzero(abs(diagonal) < least)
    if small.size > 1:
        return None
    upper[small, small] = least
    return 2 * least if small.size else 0.0


def _by_qr(matrix: Any, scale: float) -> Inverse:
    """R^{-1} R^{-H}."""
    upper = qr(matrix.toarray(), mode="r", check_finite=False)[0][: matrix.shape[1]]
    raised = _raise_diagonal(upper, scale)
    if raised is None:
        return _by_svd(upper, scale)

    def product(b: NDArray[Any]) -> NDArray[Any]:
        half = solve_triangular(upper, b, trans=2, check_finite=False)
        return np.asarray(solve_triangular(upper, half, check_finite=False))

    return Inverse(product, "qr", raised)


def _by_svd(upper: NDArray[Any], scale: float) -> Inverse:
    """V S^{-2} V^H of R, which QR without pivots leaves without a good inverse."""
    least = float(np.finfo(np.float64).eps * scale)
    _, values, right = np.linalg.svd(upper)
    weights = 1 / np.maximum(values, least) ** 2

    def product(b: NDArray[Any]) -> NDArray[Any]:
        coefficients = right @ b
        return np.asarray((coefficients.T * weights @ right.conj()).T)

    return Inverse(product, "qr", least)


def _by_augmented(matrix: Any, scale: float) -> Inverse:
    """Björck's system [[a I, C], [C^H, 0]]: the error stays that of C if a is near its smallest
    singular value, so it is solved twice.

    A rank-deficient C may leave it singular; then its entries are moved by their rounding.
    """
    rng = np.random.default_rng(0)
    rounding = float(np.finfo(np.float64).eps)
    for units in (0, 4, 64, 1024):
        moved = matrix.copy()
        moved.data = matrix.data * (1 + units * rounding * rng.uniform(-1, 1, matrix.nnz))
        try:
            return Inverse(_twice(moved, scale), "augmented", (units + 1) * rounding * scale)
        except RuntimeError:  # exactly singular
            continue
    return _by_qr(matrix, scale)


def _twice(matrix: Any, scale: float) -> Map:
    """The solve with a weight found by a first one."""
    rounding = np.finfo(np.float64).eps * scale
    found = _augmented(matrix, 1e-8 * scale, rounding)
    vectors = np.random.default_rng(0).standard_normal((matrix.shape[1], 2)).astype(matrix.dtype)
    for _ in range(3):
        vectors = found(np.linalg.qr(vectors)[0])
    smallest = 1 / np.sqrt(np.linalg.norm(vectors, axis=0).max())
    return _augmented(matrix, float(np.clip(smallest, rounding, scale)), rounding)


def _augmented(matrix: Any, weight: float, damp: float) -> Map:
    """``b -> (C^H C + damp^2 I)^{-1} b``: a damp of rounding makes up for columns of zeros."""
    rows, columns = matrix.shape
    shift = -(damp**2) / weight * eye_array(columns)
    system = block_array([[weight * eye_array(rows), matrix], [matrix.conj().T, shift]])
    factors = splu(csc_array(system))

    def solve(b: NDArray[Any]) -> NDArray[Any]:
        flat = b.reshape(columns, -1)
        right = np.zeros((rows + columns, flat.shape[1]), dtype=matrix.dtype)
        right[rows:] = flat
        return np.asarray(-factors.solve(right)[rows:]).reshape(b.shape) / weight

    return solve
