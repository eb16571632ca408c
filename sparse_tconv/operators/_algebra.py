"""What expressions of operators make, simplified where that is exact and free."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import _validate as validate
from ..errors import DTypeError, GeometryError, ShapeError
from ._arithmetic import Algebra
from ._blocks import Blocks
from ._diagonal import Identity
from ._gram import GramOperator
from ._operator import Operator
from ._product import Product
from ._promotion import common_dtype
from ._relative import Relative
from ._scaled import Scaled
from ._wrapped import as_operator, is_foreign

_MOST_FACTORS = 1 << 16  # of a power; each is one more product


def product(a: Any, b: Any) -> Operator:
    """``a @ b``, of which one may be of another library: it takes the shape of the other's end."""
    if not isinstance(a, Operator):
        a = _wrapped(a, in_shape=b.out_shape)
    elif not isinstance(b, Operator):
        b = _wrapped(b, out_shape=a.in_shape)
    if not _agree(a.in_shape, b.out_shape):
        raise ShapeError(
            f"`A @ B` must have an A that takes what B gives; got A from {a.in_shape} to {a.out_shape}, "
            f"B from {b.in_shape} to {b.out_shape}. {_remedy(a.in_shape, b.out_shape)}"
        )
    dtype = common_dtype((a, b))
    if a.in_shape == b.out_shape:  # else an identity reshapes
        if isinstance(a, Identity) and dtype == b.dtype:
            return b
        if isinstance(b, Identity) and dtype == a.dtype:
            return a
    return Product((*_factors(a), *_factors(b)))


def _agree(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two shapes are equal, or of equal size and one of them flat."""
    return a == b or (prod(a) == prod(b) and 1 in (len(a), len(b)))


def _remedy(wanted: tuple[int, ...], given: tuple[int, ...]) -> str:
    """What to do about two shapes that do not agree."""
    if prod(wanted) == prod(given):
        return "Reshape one with st.as_operator(op, in_shape, out_shape)."
    return "Crop with st.Restriction, or choose another padding."


def _wrapped(A: Any, in_shape: Any = None, out_shape: Any = None) -> Operator:
    """An operator of another library, with the shapes of its neighbor where the sizes agree."""
    columns, rows = A.shape[1], A.shape[0]
    fits_in = in_shape is not None and prod(in_shape) == columns
    fits_out = out_shape is not None and prod(out_shape) == rows
    return as_operator(A, in_shape if fits_in else None, out_shape if fits_out else None)


def _factors(op: Operator) -> tuple[Operator, ...]:
    return op.factors if isinstance(op, Product) else (op,)


def total(a: Any, b: Any) -> Operator:
    """``a + b``, of which one may be of another library: it takes the shapes of the other."""
    ours = a if isinstance(a, Operator) else b
    a, b = (
        op
        if isinstance(op, Operator)
        else _wrapped(op, in_shape=ours.in_shape, out_shape=ours.out_shape)
        for op in (a, b)
    )
    if not (_agree(a.in_shape, b.in_shape) and _agree(a.out_shape, b.out_shape)):
        raise ShapeError(
            f"`A + B` must have operators of equal shapes; got A from {a.in_shape} to {a.out_shape}, "
            f"B from {b.in_shape} to {b.out_shape}. Crop with st.Restriction, or reshape with st.as_operator."
        )
    return Blocks((*_terms(a), *_terms(b)), False, False)


def _terms(op: Operator) -> tuple[Operator, ...]:
    return op.parts if isinstance(op, Blocks) and op.adds else (op,)


def multiple(scalar: Any, op: Operator) -> Operator:
    """``scalar * op``; a multiple of a multiple is one, unless their product leaves the range."""
    number, dtype = _number(scalar, op.dtype)
    if isinstance(op, Scaled) and not (dtype.kind == "u" and op.scalar < 0):
        with np.errstate(all="ignore"):
            both = (np.array([number]) * op.scalar)[0]
        if dtype.kind in "iu" or np.finfo(dtype).tiny <= abs(both) <= np.finfo(dtype).max:
            number, op = both, op.of
    return op if number == 1 and dtype == op.dtype else Scaled(number, op, dtype)


def negative(op: Operator) -> Operator:
    """``-op``; of an unsigned operator it keeps the type and the sign, so that only what is
    unsigned itself wraps.
    """
    if op.dtype.kind != "u":
        return multiple(-1, op)
    undone = isinstance(op, Scaled) and op.scalar < 0 and op.dtype == op.of.dtype
    return op.of if undone else Scaled(np.int8(-1), op, op.dtype)


def _number(scalar: Any, dtype: np.dtype[Any]) -> tuple[Any, np.dtype[Any]]:
    """A scalar in the product's type, or in that of its real part, and the product's type.

    Python's numbers are weak, as in NumPy.
    """
    value = _plain(scalar)
    result = validate.numeric_dtype("scalar", np.result_type(value, dtype), "give products of")
    try:
        real = result.kind == "c" and not np.iscomplexobj(value)
        return (result.type(0).real.dtype if real else result).type(value), result
    except (OverflowError, TypeError) as error:
        raise DTypeError(
            f"`scalar` must fit into the operator's dtype {dtype}; got {validate.written(scalar)}. "
            f"Pass a NumPy number of a wider type."
        ) from error


def _plain(scalar: Any) -> Any:
    """A number of Python's or NumPy's."""
    value: Any = scalar[()] if isinstance(scalar, np.ndarray) else scalar
    value = int(value) if isinstance(value, (bool, np.bool_)) else value
    if isinstance(value, np.timedelta64) or not isinstance(value, (int, float, complex, np.number)):
        raise DTypeError(
            f"`scalar` must be a number; got {validate.written(scalar)}. "
            f"Use st.Diagonal for one number per entry."
        )
    return value


def quotient(op: Operator, scalar: Any) -> Operator:
    """``op / 2``."""
    divisor = _plain(scalar)
    if divisor == 0:
        raise GeometryError(
            f"`scalar` must not be zero to divide by; got {scalar!r}. Pass another."
        )
    return multiple(1 / divisor, op)


def power(op: Operator, exponent: Any) -> Operator:
    """``op ** exponent``, products of the operator with itself."""
    count = validate.integer("exponent", exponent, minimum=0)
    if op.in_shape != op.out_shape:
        raise ShapeError(
            f"`A ** n` must have an A that takes what it gives; got A from {op.in_shape} to {op.out_shape}. "
            f"Use A.gram()."
        )
    if count > _MOST_FACTORS:
        raise GeometryError(
            f"`exponent` must be at most {_MOST_FACTORS:,}; got {count:,}. Take powers of the matrix."
        )
    if count == 0:
        return Identity(op.in_shape, op.dtype, spatial_ndim=op.spatial_ndim)
    return op if count == 1 else Product(_factors(op) * count)


# Bound to the base here, since what expressions make builds on it.
Operator._algebra = Algebra(
    product, total, multiple, quotient, negative, power, GramOperator, Relative, is_foreign
)
