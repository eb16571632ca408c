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

_OVERFLOW = 1e120  # of an inverse, beyond which norms of vectors may
_ZERO = 64  # units of rounding up to which an image is zero

Map = Callable[[NDArray[Any]], NDArray[Any]]

DENSE_SIDE = 4096  # of the largest matrix that is factorized densely
_SMALL = 256  # up to here that is fast whatever the matrix
_DENSITY = 0.05  # and beyond it for a matrix with so many entries


@dataclass(frozen=True, eq=False)
class Inverse:
    """``b -> (C^H C)^{-1} b`` for tall or square C, by factors of C itself.

    Parameters
    ----------
    solve : callable
        The map, of (n, any number).
    left : callable
        ``b -> C (C^H C)^{-1} b``: a right vector to s^{-1} times the left one, without the
        cancellation that C b suffers where s is small.
    method : str
        How C was factorized; a little may have been added to it, so that it has factors.
    """

    solve: Map
    left: Map
    method: str


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


def damped_inverse(matrix: Any, damp: float) -> Map:
    """``b -> (C^H C + damp^2 I)^{-1} b``, which has the eigenvectors of the inverse."""
    return _augmented(matrix, damp, damp)[0]


def _by_lu(matrix: Any, scale: float) -> Inverse:
    """C^{-1} C^{-H}; the augmented system, which is never singular, where C has no sparse LU."""
    side = matrix.shape[0]
    if side <= _SMALL or (side <= DENSE_SIDE and matrix.nnz > _DENSITY * side**2):
        return _by_dense_lu(matrix, scale)
    try:
        factors = splu(csc_array(matrix))
    except RuntimeError:  # exactly singular
        return _by_augmented(matrix, scale)

    def left(b: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(factors.solve(np.ascontiguousarray(b), "H"))

    def product(b: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(factors.solve(left(b)))

    # Values may be as small as the power of the side: squares of their inverses overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        probe = product(np.random.default_rng(0).standard_normal(side).astype(matrix.dtype))
    if not np.linalg.norm(probe, np.inf) < _OVERFLOW:
        return _by_augmented(matrix, scale)
    return Inverse(product, left, "lu")


def _by_dense_lu(matrix: Any, scale: float) -> Inverse:
    """LAPACK's own functions: scipy.linalg.lu_factor warns of a zero pivot, which is an answer
    here.
    """
    factorize, solve = get_lapack_funcs(("getrf", "getrs"), dtype=matrix.dtype)
    factors, pivots, _ = factorize(matrix.toarray())
    if not _raised(factors, scale):
        return _by_augmented(matrix, scale)

    def left(b: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(solve(factors, pivots, b, trans=2)[0])

    def product(b: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(solve(factors, pivots, left(b))[0])

    return Inverse(product, left, "lu")


def _raised(upper: NDArray[Any], scale: float) -> bool:
    """Raise what vanishes on the diagonal to rounding; not if more than one entry does, as the
    inverse would grow with the power of their number.
    """
    least = float(np.finfo(np.float64).eps * scale)
    small = np.flatnonzero(abs(np.diagonal(upper)) < least)
    if small.size > 1:
        return False
    upper[small, small] = least
    return True


def _by_qr(matrix: Any, scale: float) -> Inverse:
    """R^{-1} R^{-H}, and Q R^{-H} to the left."""
    basis, upper = qr(matrix.toarray(), mode="economic", check_finite=False)
    if not _raised(upper, scale):
        return _by_svd(basis, upper, scale)

    def half(b: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(solve_triangular(upper, b, trans=2, check_finite=False))

    def product(b: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(solve_triangular(upper, half(b), check_finite=False))

    return Inverse(product, lambda b: basis @ half(b), "qr")


def _by_svd(basis: NDArray[Any], upper: NDArray[Any], scale: float) -> Inverse:
    """V S^{-2} V^H of R, which QR without pivots leaves without a good inverse."""
    least = float(np.finfo(np.float64).eps * scale)
    turn, values, right = np.linalg.svd(upper)
    weights = 1 / np.maximum(values, least)

    def product(b: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(right.conj().T @ ((right @ b).T * weights**2).T)

    def left(b: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(basis @ (turn @ ((right @ b).T * weights).T))

    return Inverse(product, left, "qr")


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
            return Inverse(*_twice(moved, scale), "augmented")
        except RuntimeError:  # exactly singular
            continue
    return _by_qr(matrix, scale)


def _twice(matrix: Any, scale: float) -> tuple[Map, Map]:
    """The solve with a weight found by a first one."""
    rounding = np.finfo(np.float64).eps * scale
    found, _ = _augmented(matrix, 1e-8 * scale, rounding)
    vectors = np.random.default_rng(0).standard_normal((matrix.shape[1], 2)).astype(matrix.dtype)
    for _ in range(3):
        vectors = found(np.linalg.qr(vectors)[0])
    smallest = 1 / np.sqrt(np.linalg.norm(vectors, axis=0).max())
    return _augmented(matrix, float(np.clip(smallest, rounding, scale)), rounding)


def _augmented(matrix: Any, weight: float, damp: float) -> tuple[Map, Map]:
    """``b -> (C^H C + damp^2 I)^{-1} b``, and C times it: a damp of rounding makes up for columns
    of zeros.
    """
    rows, columns = matrix.shape
    shift = -(damp**2) / weight * eye_array(columns)
    system = block_array([[weight * eye_array(rows), matrix], [matrix.conj().T, shift]])
    factors = splu(csc_array(system))

    def solved(b: NDArray[Any], place: slice) -> NDArray[Any]:
        right = np.zeros((rows + columns, *b.shape[1:]), dtype=matrix.dtype)
        right[place] = b
        return np.asarray(factors.solve(right))

    def left(b: NDArray[Any]) -> NDArray[Any]:
        found = solved(b, slice(rows, None))[:rows]
        zero = np.linalg.norm(matrix @ b, axis=0) <= _ZERO * damp
        if zero.any():
            # What C maps to zero has any partner in the complement of the range: there the damp
            # leaves vectors as they are.
            start = np.random.default_rng(0).standard_normal((rows, int(zero.sum())))
            found[:, zero] = solved(start, slice(rows))[:rows]
        return np.asarray(found)

    return lambda b: -solved(b, slice(rows, None))[rows:] / weight, left
