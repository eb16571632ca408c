"""Expressions of operators, of which no structure is known: dense while they are small, iterated
beyond.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from ..errors import GeometryError
from ..operators import ConvOperator, Operator
from ..solution import NormBounds, Result
from ..spectral import restored_error
from ._common_size import common, matrix_error, put_back, size_bound
from ._krylov import Search
from ._sides import check_which
from ._tolerance import tolerance
from ._triplets import EPS, rounding

_METHODS = ("auto", "dense", "lanczos")
_DENSE_SIDE = 4096  # of the smaller side
_DENSE_WORK = 1e11  # multiplications of a decomposition that is made without being asked for
_EXACT_WORK = 3e7  # of one that bounds are worth
_ROUNDING = 1e-11  # by which bounds give way, relative to them


def is_expression(op: Any) -> bool:
    """Whether this is an operator of the library, and no convolution."""
    return isinstance(op, Operator) and not isinstance(op, ConvOperator)


@dataclass(frozen=True, eq=False)
class Parts:
    """Singular values, outermost first, with their vectors as columns; None where not asked for."""

    left: Any
    values: NDArray[np.float64]
    right: Any
    method: str
    error: float
    complete: Literal["proved", "unknown"]

    @property
    def result(self) -> Result:
        """The values."""
        return Result(self.values, self.method, self.error, self.complete)

    def restored(self, exponent: int) -> Parts:
        """For the operator that the power of two was taken out of."""
        values, error = put_back(self.values, self.error, exponent)
        return replace(self, values=values, error=error)

    def triplets(self, op: Any) -> tuple[NDArray[Any], Result, NDArray[Any]]:
        """The values between their vectors in the shapes of samples."""
        left, right = (np.ascontiguousarray(columns.T) for columns in (self.left, self.right))
        return left.reshape(-1, *op.out_shape), self.result, right.reshape(-1, *op.in_shape)


def singular_parts(op: Any, k: Any, which: Any, method: Any, vectors: bool = False) -> Parts:
    """Singular values of an expression, and their vectors if asked for."""
    check_which(which)
    limit = min(op.shape)
    count = limit if k is None else validate.integer("k", k, minimum=1)
    if count > limit:
        raise GeometryError(
            f"`k` must be between 1 and {limit}, the smaller side of `op`; got {count}. Use {limit}."
        )
    dtype, (op, exponent) = op.dtype, common(op)
    if _method(op, count, which, method) == "lanczos":
        found = _iterated(op, count)
        error = found.error + matrix_error(op, dtype, exponent)
        return replace(found, error=error).restored(exponent)
    left, values, right = dense(op, vectors)
    chosen = slice(count) if which == "largest" else slice(None, -count - 1, -1)
    error = rounding(max(op.shape), float(values[0])) + matrix_error(op, dtype, exponent)
    ends = (left[:, chosen], right[:, chosen]) if vectors else (None, None)
    found = Parts(ends[0], values[chosen], ends[1], "dense", error, "proved")
    return found.restored(exponent)


def _method(op: Any, count: int, which: str, method: Any) -> str:
    """The method asked for, or what 'auto' means."""
    if not validate.is_word(method, _METHODS) or (method == "lanczos" and which == "smallest"):
        raise GeometryError(
            f"`method` must be 'dense', 'lanczos' for the largest values, or 'auto' for an "
            f"expression; got {validate.written(method)}. Nothing is known of its structure."
        )
    if method != "auto":
        return str(method)
    rows, columns = op.shape
    side = min(op.shape)
    if side <= _DENSE_SIDE and rows * columns * side <= _DENSE_WORK:
        return "dense"
    if which == "largest" and 8 * count < side:
        return "lanczos"
    raise GeometryError(
        f"`op` must have a side of at most {_DENSE_SIDE:,} for all or the smallest values of an "
        f"expression; got {rows:,} x {columns:,}. Ask for a few of the largest, or pass method='dense'."
    )


def dense(op: Any, vectors: bool, full: bool = False) -> tuple[Any, NDArray[np.float64], Any]:
    """The decomposition of the whole matrix; with all right vectors if it is to be `full`."""
    matrix = op.toarray()
    matrix = matrix.astype(np.complex128 if matrix.dtype.kind == "c" else np.float64, copy=False)
    if not np.isfinite(matrix).all():
        raise GeometryError(
            "`op` must have finite entries; got nan or inf. Replace them: a matrix that has them has "
            "no singular values."
        )
    if not vectors:
        return None, np.linalg.svd(matrix, compute_uv=False), None
    left, values, right = np.linalg.svd(matrix, full_matrices=full)
    return left, values, right.conj().T


def _iterated(op: Any, k: int) -> Parts:
    """The k largest by Lanczos steps on the smaller of C^H C and C C^H.

    With C V = U S exactly and Q = C^H U - V S some matrix within |Q| of C has these values (Kahan,
    Parlett, Jiang 1982), so that by Weyl's theorem as many of C are that near.
    """
    tall = op if op.shape[0] >= op.shape[1] else op.H
    wide = np.dtype(np.complex128 if op.dtype.kind == "c" else np.float64)
    n = tall.shape[1]
    right = Search(lambda x: _gram(tall, x), n, wide, tol=0.0, maxiter=20 * k + 300).top(k)
    left, values, turn = np.linalg.svd(np.asarray(tall @ right), full_matrices=False)
    right = right @ turn.conj().T
    rest = np.asarray(tall.H @ left) - right * values
    error = float(np.linalg.norm(rest, 2)) + rounding(max(op.shape), float(values[0]))
    ends = (left, right) if tall is op else (right, left)
    return Parts(ends[0], values, ends[1], "lanczos", error, "unknown")


def _gram(tall: Any, x: NDArray[Any]) -> NDArray[Any]:
    """C^H C x for the columns of x."""
    return np.asarray(tall.H @ (tall @ x.reshape(len(x), -1))).reshape(x.shape)


def rank(op: Any, tol: Any, method: Any) -> Result:
    """Number of singular values above a tolerance, of the whole matrix."""
    found = singular_parts(op, None, "largest", method)
    limit = _limit(op, tol, found.values)
    unsure = int((abs(found.values - limit) <= found.error).sum())
    return Result(int((found.values > limit).sum()), found.method, unsure, "proved")


def null_space(op: Any, tol: Any, method: Any) -> Result:
    """The right singular vectors of values up to a tolerance, of the whole matrix."""
    _method(op, min(op.shape), "smallest", method)  # refuses what is no whole decomposition
    dtype, (op, exponent) = op.dtype, common(op)
    _, values, right = dense(op, vectors=True, full=op.shape[1] > op.shape[0])
    values = np.concatenate([values, np.zeros(right.shape[1] - values.size)])
    index = np.flatnonzero(values <= _limit(op, tol, values, exponent))
    error = rounding(max(op.shape), float(values[0])) + matrix_error(op, dtype, exponent)
    error += float(values[index].max(initial=0))
    error = restored_error(error, exponent)
    return Result(right[:, index], "dense", error, "proved")


def _limit(op: Any, tol: Any, values: NDArray[np.float64], exponent: int = 0) -> float:
    """The tolerance given, or that of numpy.linalg.matrix_rank, of values over a power of two."""
    return max(op.shape) * EPS * float(values[0]) if tol is None else tolerance(tol, exponent)


def norm_bounds(op: Any, of_convolution: Any) -> NormBounds:
    """Bounds of the norm: below from products, above from the bounds of the parts."""
    side = min(op.shape)
    if side < 3 or op.shape[0] * op.shape[1] * side <= _EXACT_WORK:  # ARPACK wants three
        found = singular_parts(op, 1, "largest", "dense")
        value = float(found.values[0])
        return NormBounds(max(value - found.error, 0.0), value + found.error, "dense")
    known: dict[int, float] = {}

    def leaf(part: Any) -> float:
        if id(part) not in known:
            known[id(part)] = (
                of_convolution(part) if isinstance(part, ConvOperator) else size_bound(part)
            )
        return known[id(part)]

    dtype, (op, exponent) = op.dtype, common(op)
    off = matrix_error(op, dtype, exponent)
    upper = op.norm_bound(leaf) * (1 + _ROUNDING) + off
    if np.isnan(upper):
        upper = np.inf  # of a part that the products do not meet
    tall = op if op.shape[0] >= op.shape[1] else op.H
    wide = np.dtype(np.complex128 if op.dtype.kind == "c" else np.float64)
    search = Search(lambda x: _gram(tall, x), tall.shape[1], wide, tol=1e-4, maxiter=20, sweeps=20)
    best = search.top(1)
    lower = float(np.linalg.norm(tall @ best) / np.linalg.norm(best)) * (1 - _ROUNDING)
    lower = max(lower - off, 0.0)
    lower, rounded = put_back(min(lower, upper), 0.0, exponent)
    return NormBounds(
        max(float(lower) - rounded, 0.0), restored_error(upper, exponent), "lanczos, parts"
    )


def largest_difference(op1: Any, op2: Any) -> float:
    """Of two entries of two matrices, integers in a type that holds them."""
    first, second = map(_wide_matrix, (op1, op2))
    with np.errstate(over="ignore"):
        return float(abs((first - second).data).max(initial=0))


def _wide_matrix(op: Any) -> csr_array:
    """In a type in which integers do not wrap and differences do not round."""
    wide = np.result_type(op.dtype, np.longdouble)
    return op.to_matrix(dtype=wide) if op.dtype.kind in "iu" else op.matrix.astype(wide)
