"""The problem that all solvers are given, checked and flat."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from ..errors import DTypeError, GeometryError, ShapeError
from ..operators import Diagonal, Identity, Operator, as_operator, block_diag, power_of_two, vstack
from ._arguments import number
from ._regularizer import is_operator, regularizer_operator


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """``min |M (C x - y)|^2 + damp^2 |L x|^2`` over a batch of flat samples.

    A batch is one problem with C repeated; M is the mask. Vectors are (batch, entries), in double
    precision at least.

    Attributes
    ----------
    op : Operator
        C.
    in_shape, out_shape, batch : tuple of int
        Shapes of one sample of x and of y, and of the axes in front.
    y : (count, rows of C) array
        The data, zero where masked.
    mask : (rows of C,) Boolean array, optional
        The rows used.
    damp : float
        At least 0.
    regularizer : Operator, optional
        L; the identity if None.
    dtype : numpy.dtype
        What x is asked for in.
    exponents : tuple of int
        Those of the powers of two that were taken out of C and damp, and of y: norms, starts and
        answers are those of the caller's C and y.
    """

    op: Operator
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    batch: tuple[int, ...]
    y: NDArray[Any]
    mask: NDArray[np.bool_] | None
    damp: float
    regularizer: Operator | None
    dtype: np.dtype[Any]
    exponents: tuple[int, int] = (0, 0)

    @classmethod
    def of(
        cls,
        op: Any,
        y: ArrayLike,
        *,
        damp: Any = 0.0,
        regularizer: Any = None,
        mask: Any = None,
        weights: Any = None,
    ) -> Self:
        """The problem of these arguments, or the error that names the first bad one."""
        given, op = op, _operator(op)
        in_shape, out_shape = op.in_shape, op.out_shape
        damp = number("damp", damp)
        regularizer = regularizer_operator(regularizer, given, in_shape)
        used = _mask(mask, out_shape)
        if np.ma.is_masked(y):
            hint = "Pass y.data, and where the function takes one pass mask=~np.ma.getmaskarray(y)."
            raise validate.masked("y", y, hint)
        data = validate.numeric_array("y", y)
        batch = _batch("y", data, out_shape)
        # An integer problem has no integer answer; everything is computed in double precision.
        dtype = np.result_type(op.dtype, data.dtype)
        if regularizer is not None and regularizer.dtype.kind == "c":
            dtype = np.result_type(dtype, np.complex64)
        dtype = np.dtype(np.float64) if dtype.kind in "iu" else dtype
        flat = data.reshape(prod(batch), -1).astype(np.result_type(dtype, np.float64))
        if used is not None:
            flat[:, ~used] = 0
        wrong = np.count_nonzero(~np.isfinite(flat))
        if wrong:
            raise GeometryError(
                f"`y` must be finite in the rows used; got {wrong} NaN or infinite entries. "
                f"Pass mask=numpy.isfinite(y) to leave them out."
            )
        if weights is not None:
            scale = _weights(weights, out_shape)
            op, flat = Diagonal(scale) @ op, flat * scale.ravel()
        return cls(op, in_shape, out_shape, batch, flat, used, damp, regularizer, dtype)

    def with_damp(self, damp: float) -> Self:
        """The same problem with another damp."""
        return replace(self, damp=damp)

    @property
    def count(self) -> int:
        """Number of samples in the batch."""
        return len(self.y)

    @property
    def rows(self) -> int:
        """Number of data used."""
        kept = self.y.shape[1] if self.mask is None else int(np.count_nonzero(self.mask))
        return self.count * kept

    @property
    def columns(self) -> int:
        """Number of unknowns."""
        return self.count * prod(self.in_shape)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        """M C x."""
        y = _apply(self.op, x)
        return y if self.mask is None else y * self.mask

    def adjoint(self, y: NDArray[Any]) -> NDArray[Any]:
        """C^H M y."""
        return _apply(self.op.H, y if self.mask is None else y * self.mask)

    def penalty(self, x: NDArray[Any]) -> NDArray[Any]:
        """L x."""
        return x if self.regularizer is None else _apply(self.regularizer, x)

    def penalty_adjoint(self, z: NDArray[Any]) -> NDArray[Any]:
        """L^H z."""
        return z if self.regularizer is None else _apply(self.regularizer.H, z)

    def normal(self, x: NDArray[Any]) -> NDArray[Any]:
        """The normal equations' left side, C^H M C x + damp^2 L^H L x."""
        product = self.adjoint(self.forward(x))
        if self.damp:
            product = product + self.damp**2 * self.penalty_adjoint(self.penalty(x))
        return product

    def stacked(self) -> tuple[Operator, NDArray[Any]]:
        """The rows of C over those of damp * L, on one flat vector, and the data over zeros."""
        op = self.op
        if self.mask is not None:
            op = Diagonal(self.mask.astype(np.float64).reshape(self.out_shape)) @ op
        blocks: list[Any] = [block_diag([op] * self.count)]
        if self.damp:
            rows = Identity(self.in_shape) if self.regularizer is None else self.regularizer
            # A 0-d array: the damp is not rounded to the type of C.
            blocks.append(block_diag([rows] * self.count) * np.array(self.damp))
        operator = vstack(as_operator(block, self.columns) for block in blocks)
        rest = operator.shape[0] - self.y.size
        return operator, np.concatenate([self.y.ravel(), np.zeros(rest, self.y.dtype)])

    def start(self, x0: NDArray[Any] | None) -> NDArray[Any]:
        """Where an iteration starts, flat: zero, or a copy of what `sample` made of the user's."""
        if x0 is None:
            return np.zeros(self.columns, self.y.dtype)
        return x0.ravel().astype(self.y.dtype)

    def norms(self, x: NDArray[Any]) -> tuple[float, float]:
        """Residual norm and solution norm."""
        residual = np.linalg.norm(self.forward(x) - self.y)
        of_op, of_y = self.exponents
        sizes = (residual, of_y), (np.linalg.norm(self.penalty(x)), of_y - of_op)
        return tuple(float(power_of_two(size, exponent)) for size, exponent in sizes)  # type: ignore[return-value]

    def sample(self, name: str, value: ArrayLike) -> NDArray[Any]:
        """A user's x in the n-d shape, one for the batch or one each, as (count, columns of C)."""
        array = validate.numeric_array(name, value)
        given = _batch(name, array, self.in_shape)
        if given not in ((), self.batch):
            raise ShapeError(
                f"`{name}` must have the batch axes of y, {self.batch}, or none; got {given}. "
                f"Pass one sample of shape {self.in_shape}, or one for each."
            )
        flat = array.reshape(prod(given), -1).astype(np.result_type(array, self.y.dtype))
        if wrong := np.count_nonzero(~np.isfinite(flat)):
            raise GeometryError(
                f"`{name}` must be finite; got {wrong} NaN or infinite entries. Replace them."
            )
        flat = power_of_two(flat, self.exponents[0] - self.exponents[1])
        return np.broadcast_to(flat, (self.count, flat.shape[1]))

    def shaped(self, x: NDArray[Any]) -> NDArray[Any]:
        """An answer as the caller gets it: n-d, in the dtype of op and y."""
        of_op, of_y = self.exponents
        return held(x, of_y - of_op, self.dtype).reshape(*self.batch, *self.in_shape)


def held(values: Any, exponent: int, dtype: Any) -> NDArray[Any]:
    """An answer times a power of two in the type of the caller's, or the error that it is too large."""
    with np.errstate(over="ignore"):
        found = np.asarray(power_of_two(values, exponent)).astype(dtype)
    if exponent and np.isfinite(values).all() and not np.isfinite(found).all():
        raise DTypeError(
            f"`y` must have an answer that {dtype} can hold; got one of about 2**{exponent}. "
            f"Divide y by a power of two, or multiply op by one."
        )
    return found


def _operator(op: Any) -> Operator:
    """Anything with a product as an operator; those of other libraries take flat samples."""
    if isinstance(op, Operator):
        return op
    if not is_operator(op):
        raise DTypeError(
            f"`op` must be an operator, a sparse matrix or an array; got {type(op).__name__}. "
            f"Make one with sparse_tconv.inverse.blur or sparse_tconv.Conv."
        )
    if isinstance(op, np.ndarray):
        op = validate.numeric_array("op", op)
    if len(op.shape) != 2 or 0 in op.shape:
        raise ShapeError(
            f"`op` must be a matrix with rows and columns; got shape {op.shape}. Pass a 2-d array."
        )
    return as_operator(op, op.shape[1], op.shape[0])


def _apply(op: Operator, x: NDArray[Any]) -> NDArray[Any]:
    """The product for a batch of flat samples."""
    return op.apply(x.reshape(len(x), *op.in_shape)).reshape(len(x), -1)


def _mask(mask: Any, out_shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    if mask is None:
        return None
    used = validate.boolean_array("mask", mask, "a Boolean array, True where y is used")
    if used.shape != out_shape:
        raise ShapeError(
            f"`mask` must have the shape of one sample of y, {out_shape}; got {used.shape}. "
            f"It serves the whole batch."
        )
    if not used.any():
        raise GeometryError("`mask` must keep at least one row; got none. Set some entries True.")
    return used.reshape(-1)


def _weights(weights: Any, out_shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The factors of the rows of C and of y."""
    array = validate.numeric_array("weights", weights)
    if array.dtype.kind == "c":
        raise DTypeError(f"`weights` must be real; got {array.dtype}. Pass their absolute values.")
    if array.shape != out_shape:
        raise ShapeError(
            f"`weights` must have the shape of one sample of y, {out_shape}; got {array.shape}. "
            f"They serve the whole batch."
        )
    scale = array.astype(np.float64)
    if not (np.isfinite(scale).all() and (scale >= 0).all() and scale.any()):
        raise GeometryError(
            "`weights` must be finite, at least 0 and not all 0; got others. "
            "Pass inverse standard deviations, 0 where a datum does not count."
        )
    return scale


def _batch(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes in front of one sample."""
    lead = array.ndim - len(shape)
    if lead < 0 or array.shape[lead:] != shape or array.size == 0:
        listed = ", ".join(map(str, shape))
        flat = array.ndim == 1 and array.size == prod(shape)
        hint = f"Reshape it: {name}.reshape({shape})." if flat else "The last axes are one sample."
        raise ShapeError(f"`{name}` must have shape (..., {listed}); got {array.shape}. {hint}")
    return array.shape[:lead]
