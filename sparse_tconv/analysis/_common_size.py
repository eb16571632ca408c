"""Expressions of common size: powers of two are taken out of their parts, which are computed in
double precision, and one power is put back into what was found.
"""

from __future__ import annotations

from math import inf, isfinite, ldexp, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._memory import check_fits
from ..errors import DTypeError, GeometryError, MatrixTooLargeError
from ..operators import ConvOperator, Diagonal, Identity, LocalConv, LocalConvTranspose
from ..spectral import problem, restored_error
from ._border import sums_bound
from ._triplets import EPS

_PLAIN = 32  # exponents up to which a part is taken as it is
_BY_PRODUCTS = 1 << 24  # entries of a matrix that is made of products for a bound
_MOST = 1000  # 2.0 to the power of it and of minus it are normal numbers
_FAR = 100_000  # beyond the exponents of all numbers
_NOTHING = -(1 << 20)  # the exponent of zero
_KERNELS = (ConvOperator, LocalConv, LocalConvTranspose)
_VANISHED = 2.0**-1000  # of products of parts of common size that are too small to be numbers
_LEAST = 2.0**-900  # size to which such products are numbers still
_TINY = float(np.finfo(np.float64).tiny)


def common(op: Any) -> tuple[Any, int]:
    """The expression over a power of two, and the exponent: 0 where its parts, and what they make,
    are of common size.
    """
    op, exponent = op.over_powers(_part)
    size = _size(op)
    if not isfinite(size):
        raise GeometryError(
            "`op` must have finite entries; got nan or inf. Replace them, or divide the operator by a "
            "power of two: a matrix that has them has no norm and no singular values."
        )
    op, more = _divided(op, size) if size > _LEAST else (op, 0)
    return op, int(np.clip(exponent + more, -_FAR, _FAR))


def _part(op: Any) -> tuple[Any, int]:
    """A part of an expression over a power of two."""
    if isinstance(op, _KERNELS):
        weight, exponent = _shifted(op.weight)
        op = op if weight is op.weight else op.with_weight(weight)
        return op, exponent if _size(op) else _NOTHING  # taps that meet nothing, or cancel
    if isinstance(op, Diagonal):
        values, exponent = _shifted(op.values)
        return op if values is op.values else Diagonal(values), exponent
    size = _size(op)
    if not size:
        return op, _NOTHING
    op, exponent = _divided(op, size) if isfinite(size) else (op, 0)
    wide = _wide(op.dtype)
    return op if op.dtype == wide else Identity(op.out_shape, wide) @ op, exponent


def _shifted(numbers: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Numbers in double precision over a power of two, unless some would be lost by that."""
    parts = np.stack([numbers.real, numbers.imag]) if numbers.dtype.kind == "c" else numbers[None]
    parts = parts.astype(np.result_type(parts, np.float64), copy=False)
    largest = abs(parts).max(initial=0)
    if not np.isfinite(largest):
        return numbers, 0
    exponent = int(np.frexp(largest)[1]) if largest else 0
    exponent = 0 if abs(exponent) <= _PLAIN else exponent
    moved = np.ldexp(parts, -exponent)
    if exponent and (abs(moved[parts != 0]) < _TINY).any():
        moved, exponent = parts, 0
    if numbers.dtype != _wide(numbers.dtype) or exponent:
        numbers = _joined(moved, numbers.dtype.kind == "c")
    return numbers, exponent if largest else _NOTHING


def _joined(parts: NDArray[Any], is_complex: bool) -> NDArray[Any]:
    """Numbers of their real, and imaginary, parts."""
    with np.errstate(over="ignore"):  # what is infinite is refused
        real = parts.astype(np.float64)
    if not is_complex:
        return real[0]
    joined = np.empty(parts.shape[1:], np.complex128)
    joined.real, joined.imag = real
    return joined


def _size(op: Any) -> float:
    """About the size of the numbers that an operator gives for numbers about 1."""
    rows, columns = op.shape
    what = f"vectors of {columns:,} and {rows:,} entries"
    check_fits("op", what, 24 * columns + 16 * rows, "Use a smaller one.")
    random = np.random.default_rng(0)
    x = random.choice([-1.0, 1.0], op.shape[1]) * random.uniform(1, 2, op.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        image = np.asarray(op @ x)
        return float(max(abs(image.real).max(initial=0), abs(image.imag).max(initial=0)))


def _divided(op: Any, size: float) -> tuple[Any, int]:
    """An operator of some size over a power of two, and the exponent."""
    exponent = int(np.clip(np.frexp(size)[1], -_MOST, _MOST))
    if not size or abs(exponent) <= _PLAIN:
        return op, 0
    return np.ldexp(1.0, -exponent) * op, exponent


def _wide(dtype: np.dtype[Any]) -> Any:
    return np.dtype(np.complex128 if dtype.kind == "c" else np.float64)


def matrix_error(op: Any, dtype: np.dtype[Any], exponent: int = 0) -> float:
    """What the matrix of an expression is off, at most in the 2-norm, as it is made of those of its
    parts: sums in it may cancel, and products vanish. Of an expression of single precision also by
    what its own matrix is off; `dtype` is its type, `exponent` the power that it has lost.
    """
    known: dict[int, float] = {}

    def leaf(part: Any) -> float:
        if id(part) not in known:
            known[id(part)] = size_bound(part)
        return known[id(part)]

    side = max(op.shape)
    bound = op.norm_bound(leaf)
    if not isfinite(bound) or (dtype.kind in "iu" and not exponent and bound < 2.0**53):
        return 0.0  # integers that double precision holds are added up exactly
    # Sums of as many terms as a row has, each of which rounds by chance.
    error = (8 + 2 * sqrt(side)) * EPS * bound + side * _VANISHED
    if dtype.kind in "fc" and np.finfo(dtype).eps > EPS:
        error *= float(np.finfo(dtype).eps) / EPS
        error += side * ldexp(float(np.finfo(dtype).smallest_subnormal), min(-exponent, _MOST))
    return error


def size_bound(op: Any) -> float:
    """A bound of the norm of an operator that is made of no others, from sums of sizes; infinite
    where its matrix is too large to be had.
    """
    if isinstance(op, ConvOperator):
        return sums_bound(problem(op)[0])
    if op.flops is None and op.shape[0] * op.shape[1] > _BY_PRODUCTS:
        return inf
    try:
        sizes = abs(op.matrix.astype(np.result_type(op.dtype, np.float64)))
    except MatrixTooLargeError:
        return inf
    rows, columns = (float(sizes.sum(axis=axis).max()) for axis in (1, 0))
    return float(np.sqrt(rows) * np.sqrt(columns))


def put_back(values: Any, error: float, exponent: int) -> tuple[Any, float]:
    """What was found, for the expression itself; the error rounded up."""
    if not exponent:
        return values, error
    with np.errstate(over="ignore"):
        found = np.ldexp(values, exponent)
    if not np.isfinite(found).all():
        raise DTypeError(
            f"`op` must have answers that float64 can hold; got one of about "
            f"2**{exponent + int(np.frexp(np.max(np.abs(values)))[1])}. Divide it by a power of two."
        )
    return found, restored_error(error, exponent)
