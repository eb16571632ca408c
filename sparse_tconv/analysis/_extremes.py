"""A few singular values of operators without structure: the largest by products, the smallest by
solves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, qr
from scipy.sparse import block_array, csc_array, eye_array
from scipy.sparse.linalg import splu

from ..errors import GeometryError
from ..operators import ConvOperator
from ..spectral import factorize, problem
from ._border import norm_scale, sums_bound
from ._factor_size import guard_factors
from ._inverse import DENSE_SIDE, Inverse, damped_inverse, inverse
from ._krylov import Map, top_eigenpairs
from ._symbol import symbol_bound

LARGEST = ("lanczos", "shift-invert")
SMALLEST = ("lu", "qr", "augmented", "gram")

EPS = float(np.finfo(np.float64).eps)
_GRAM_SIDE = 1024  # of a Gram matrix worth trying first
_GRAM_DIGITS = 1e-8  # relative error up to which a Gram matrix's answer is taken
_QR_WORK = 1e11
_BAND = 64  # entries per row of what is worth a sparse factorization
_LOST = 1e-9  # error, over the norm, beyond which a dense decomposition is tried
_DENSE_WORK = 5e10
_NEAR_ZERO = 1e-4  # over the norm: values that stand out beside inverses of zero
_DAMP = 1e-5  # over the norm: keeps the inverse of zeros small, and values above it apart


@dataclass(frozen=True, eq=False)
class Triplets:
    """Values with the vectors on both sides, in the shape of samples."""

    left: NDArray[Any]
    values: NDArray[np.float64]
    right: NDArray[Any]
    method: str
    error: float


@dataclass(frozen=True, eq=False)
class Pairs:
    """Values of the tall one of the operator and its adjoint, with the vectors that it takes."""

    values: NDArray[np.float64]
    vectors: NDArray[Any]
    method: str
    error: float


def iteration(op: ConvOperator, which: str) -> str:
    """The iteration that answers best."""
    if which == "largest":
        # A band has factors as thin as itself, and its largest values crowd.
        band = len(op.geometry.axes) == 1 and op.geometry.nnz <= _BAND * max(op.shape)
        return "shift-invert" if band else "lanczos"
    rows, columns = max(op.shape), min(op.shape)
    if rows == columns:
        return "lu"
    if columns <= _GRAM_SIDE:
        return "gram"
    return "qr" if rows * columns**2 <= _QR_WORK else "augmented"


def extreme_triplets(op: ConvOperator, k: int, which: str, method: str) -> Triplets:
    """k extreme singular values with their vectors, by one of LARGEST or SMALLEST."""
    wide = np.complex128 if op.dtype.kind == "c" else np.float64
    double = op.with_weight(op.weight.astype(wide))
    tall = double if op.shape[0] >= op.shape[1] else double.H
    scale = norm_scale(problem(op)[0])
    if scale == 0:
        pairs = Pairs(np.zeros(k), np.eye(tall.shape[1], k, dtype=wide), method, 0.0)
    elif which == "smallest":
        pairs = _smallest(tall, k, scale, method)
    else:
        upper = min(symbol_bound(problem(op)[0]), sums_bound(problem(op)[0]))
        pairs = _largest(tall, k, scale, method, upper)
    other = _images(tall, pairs)
    right, left = (pairs.vectors, other) if tall is double else (other, pairs.vectors)
    return Triplets(
        np.ascontiguousarray(left.T).reshape(-1, *op.out_shape),
        pairs.values,
        np.ascontiguousarray(right.T).reshape(-1, *op.in_shape),
        pairs.method,
        pairs.error,
    )


def _images(tall: ConvOperator, pairs: Pairs) -> NDArray[Any]:
    """The vectors on the other side: C v, made orthonormal, which also fills in where C v is
    zero.
    """
    images = np.asarray(tall.matmat(pairs.vectors))
    if (pairs.values > 1e3 * pairs.error).all():
        return images / np.linalg.norm(images, axis=0)
    turned, upper = np.linalg.qr(images)
    phase = np.exp(1j * np.angle(np.diagonal(upper)))
    return np.asarray(turned * (phase if turned.dtype.kind == "c" else phase.real))


def rounding(side: int, scale: float) -> float:
    """Error of a backward stable computation with a matrix of some larger side."""
    return float((16 + 8 * np.sqrt(side)) * EPS * scale)


def _largest(tall: ConvOperator, k: int, scale: float, method: str, upper: float) -> Pairs:
    """Lanczos iteration with C^H C, or with the inverse of what an upper bound of the norm leaves
    above C.
    """
    n = tall.shape[1]
    if k > n - 2:  # ARPACK wants more room
        return _dense(tall, k, largest=True) if _few(tall) else _gram(tall, k, scale, largest=True)
    adjoint = tall.H
    vectors = _shifted(tall, k, upper) if method == "shift-invert" else None
    if vectors is None:
        vectors, method = _free(tall, k), "lanczos"
    # The norms of C v keep the digits of small values that their squares lose.
    images = np.asarray(tall @ vectors)
    values = np.linalg.norm(images, axis=0)
    vectors, values = vectors[:, order := np.argsort(-values)], values[order]
    error = rounding(max(tall.shape), scale)
    back = np.asarray(adjoint @ images[:, order]) - vectors * values**2
    residuals = np.linalg.norm(back, axis=0)[values > error] / values[values > error]
    found = float(residuals.max(initial=0))
    # Where the values crowd, the residual tells less than the bound.
    found = min(found, max(upper - float(values[0]), 0)) if k == 1 else found
    if found > _LOST * scale and _few(tall):
        return _dense(tall, k, largest=True)
    return Pairs(values, vectors, method, found + error)


def _free(tall: ConvOperator, k: int) -> NDArray[Any]:
    """Vectors from products with the operator alone."""
    adjoint = tall.H

    def product(x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(adjoint @ (tall @ x))

    n = tall.shape[1]
    return top_eigenpairs(product, n, k, tall.dtype, tol=1e-12, maxiter=100, sweeps=20)[1]


def _shifted(tall: ConvOperator, k: int, upper: float) -> NDArray[Any] | None:
    """Vectors of the eigenvalues of [[0, C], [C^H, 0]] next to a bound of all of them; None if
    there is no factorization.
    """
    matrix = tall.matrix
    rows, columns = matrix.shape
    system = block_array([[None, matrix], [matrix.conj().T, None]], format="csc")
    shift = upper * (1 + 1e-9)
    try:
        factors = splu(csc_array(shift * eye_array(rows + columns) - system))
    except RuntimeError:  # exactly singular
        return None
    n = rows + columns
    found = top_eigenpairs(factors.solve, n, k, tall.dtype, tol=1e-13, maxiter=100, sweeps=20)[1]
    return np.asarray(qr(found[rows:], mode="economic")[0])


def _smallest(tall: ConvOperator, k: int, scale: float, method: str) -> Pairs:
    """Lanczos iteration with the inverse of C^H C; its squares are not formed."""
    if method == "gram":
        pairs = _gram(tall, k, scale, largest=False)
        if (pairs.error <= _GRAM_DIGITS * pairs.values).all():
            return pairs
        method = "qr"
    n = tall.shape[1]
    guard_factors(tall, method)
    solver = inverse(tall.matrix, scale, method)
    squares, vectors, residuals = _inverse_pairs(solver.solve, n, k, tall.dtype)
    # An error r of an eigenvalue 1 / s^2 of the inverse moves s by r s^3 / 2, and all have at least
    # the rounding of the largest: beside a value of zero little is known of the next ones.
    values = 1 / np.sqrt(np.maximum(squares, 1 / scale**2))
    moved = float(((residuals + 8 * np.sqrt(n) * EPS * squares[0]) * values**3).max())
    least = 2 * solver.perturbation + rounding(max(tall.shape), scale)
    pairs = Pairs(values, vectors, solver.method, min(moved, scale) + least)
    if pairs.error <= _LOST * scale or k == 1:
        return pairs
    if _few(tall):
        return _dense(tall, k)
    pairs = _beside_zeros(tall, solver, k, least)
    if pairs.values[-1] <= _NEAR_ZERO * scale:
        return pairs
    # The inverse of zeros, projected away, leaves rounding in which these values drown.
    guard_factors(tall, "augmented")
    return _beside_zeros(tall, damped_inverse(tall.matrix, _DAMP * scale), k, least)


def _beside_zeros(tall: ConvOperator, solver: Inverse, k: int, least: float) -> Pairs:
    """The search goes on in the complement of what C maps to zero, as often as more of it is found.

    Without it C has moved by what zeros are off, at most, and the residuals tell the rest.
    """
    n = tall.shape[1]
    null = np.empty((n, 0), dtype=tall.dtype)
    while True:
        complement = _outside(solver.solve, null)
        vectors = _inverse_pairs(complement, n, k - null.shape[1], tall.dtype)[1]
        zero = np.linalg.norm(np.asarray(tall.matmat(vectors)), axis=0) <= least
        together = np.linalg.qr(np.hstack([null, vectors[:, zero], vectors[:, ~zero]]))[0]
        null = together[:, : null.shape[1] + int(zero.sum())]
        if not zero.any() or null.shape[1] == k:
            break
    left, values, turn = np.linalg.svd(np.asarray(tall.matmat(together)), full_matrices=False)
    right = together @ turn.conj().T
    residuals = np.linalg.norm(np.asarray(tall.H.matmat(left)) - right * values, axis=0)
    # The left vector of a zero is any; how far the value is from zero is what matters.
    error = float(np.where(values <= least, values, residuals).max()) + 2 * least
    return Pairs(values[::-1], right[:, ::-1], solver.method, error)


def _outside(solve: Map, vectors: NDArray[Any]) -> Map:
    """The map in the complement of orthonormal vectors."""

    def projected(b: NDArray[Any]) -> NDArray[Any]:
        image = solve(b - vectors @ (vectors.conj().T @ b))
        return np.asarray(image - vectors @ (vectors.conj().T @ image))

    return projected


def _few(tall: ConvOperator) -> bool:
    """Whether the whole decomposition takes seconds."""
    return float(tall.shape[0]) * tall.shape[1] ** 2 <= _DENSE_WORK


def _dense(tall: ConvOperator, k: int, largest: bool = False) -> Pairs:
    """The whole decomposition."""
    found = factorize(tall, "dense")
    order = (found.order if largest else found.order[::-1])[:k]
    return Pairs(found.values[order], found.right.columns(order), "dense", found.error)


def _inverse_pairs(
    solve: Map, n: int, k: int, dtype: Any
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64]]:
    """The largest eigenvalues of the inverse; all of a small one at once."""
    if k <= n - 2 and n > 32:
        return top_eigenpairs(solve, n, k, dtype, tol=1e-13, maxiter=300)
    dense = solve(np.eye(n, dtype=dtype))
    values, vectors = eigh((dense + dense.conj().T) / 2)
    values = np.maximum(values[::-1][:k], 0)
    return values, vectors[:, ::-1][:, :k], np.zeros(k)


def _gram(tall: ConvOperator, k: int, scale: float, largest: bool) -> Pairs:
    """Eigenvalues of the matrix C^H C: cheap for a tall C, and half of the digits lost."""
    n = tall.shape[1]
    if n > DENSE_SIDE:
        raise GeometryError(
            f"`method` must fit the operator; got 'gram', but its smaller side is {n:,} and not "
            f"at most {DENSE_SIDE:,}. Pass method='augmented'."
        )
    matrix = tall.matrix
    dense = (matrix.conj().T @ matrix).toarray()
    ends = (n - k, n - 1) if largest else (0, k - 1)
    squares, vectors = eigh(dense, subset_by_index=ends)
    if largest:
        squares, vectors = squares[::-1], vectors[:, ::-1]
    values = np.sqrt(np.maximum(squares, 0))
    lost = rounding(max(tall.shape), scale) * scale
    error = float(np.minimum(np.sqrt(lost), lost / np.maximum(values, EPS * scale)).max())
    return Pairs(values, vectors, "gram", error)
