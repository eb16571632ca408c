"""The diagonal of a square matrix and its sum."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..assembly import correlation_kernel, fresh_matrix
from ..errors import DTypeError, ShapeError
from ..geometry import Axis, ConvGeometry
from ..operators import ConvOperator, Operator
from ..solution import Result
from ..spectral import checked, restored, restored_error, scaled
from ._common_size import common, matrix_error
from ._integers import integers
from ._row_sums import EPS, finite, rounding, wide_matrix

_SAFE = 1 << 62


def diagonal(op: Operator) -> Result:
    """The diagonal of a square operator's matrix.

    Parameters
    ----------
    op : Conv, ConvTranspose or expression
        The operator, with as many rows as columns.

    Returns
    -------
    Result
        An array (n,), in the order of the rows; exact for integers: int64, or Python's integers
        where a sum of taps is longer. Of an expression whose entries int64 may not hold: float64.

    Raises
    ------
    ShapeError
        The matrix is not square.
    MatrixTooLargeError
        The matrix of an expression, or the diagonal, does not fit.
    GeometryError, DTypeError
        An entry is not finite; `op` is no operator of this library.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import diagonal
    >>> diagonal(Conv([1, -2, 4], (4,), padding=1, padding_mode="symmetric", channels=False)).value
    array([-1, -2, -2,  2])
    >>> diagonal(Conv([1, -2, 1], (4,), channels=False))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `op` must have as many rows as columns; got 2 x 4. Ask for
        gram_diagonal, or for the diagonal of op.H @ op.
    """
    op = square(op)
    folds = isinstance(op, ConvOperator) and op.geometry.x_shape == op.geometry.y_shape
    method = "pattern" if folds else "matrix"
    exact = _of_integers(op, folds)
    if exact is not None:
        return Result(exact, method, 0.0, "proved")
    if isinstance(op, ConvOperator):
        small, exponent = scaled(op)
        error = rounding(small, prod(axis.k for axis in op.geometry.axes))
    else:
        small, exponent = common(op)
        error = matrix_error(small, op.dtype, exponent)
    values = _folded(small) if folds else finite(small, wide_matrix(small)).diagonal()
    if values.dtype.kind == "c":
        parts = restored(np.stack([values.real, values.imag]), exponent)
        values = np.empty(values.shape, np.complex128)
        values.real, values.imag = parts
    else:
        values = restored(values, exponent)
    return Result(values, method, restored_error(error, exponent), "proved")


def trace(op: Operator) -> Result:
    """The sum of the diagonal of a square operator's matrix, which is that of its eigenvalues.

    Parameters
    ----------
    op : Conv, ConvTranspose or expression
        The operator, with as many rows as columns.

    Returns
    -------
    Result
        A float or complex number; an int, exact, for integers.

    Raises
    ------
    ShapeError, MatrixTooLargeError, GeometryError, DTypeError
        As for :func:`diagonal`.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import trace
    >>> trace(Conv([1, -2, 4], (4,), padding=1, padding_mode="symmetric", channels=False)).value
    -3
    """
    found = diagonal(op)
    values = found.value
    if values.dtype.kind not in "fc":
        return Result(sum(values.tolist()), found.method, 0.0, "proved")
    with np.errstate(over="ignore", invalid="ignore"):
        value = values.sum().item()
    if not np.isfinite(value):
        raise DTypeError(
            f"`op` must have a trace that float64 can hold; got a diagonal up to "
            f"{abs(values).max():.3g}. Divide it by a power of two."
        )
    error = len(values) * (found.error + EPS * float(abs(values).max(initial=0)) * 64)
    return Result(value, found.method, error, "proved")


def square(op: Any) -> Any:
    """The argument, if it is an operator whose matrix is square."""
    op = op if isinstance(op, Operator) else checked(op)
    rows, columns = op.shape
    if rows == columns:
        return op
    raise ShapeError(
        f"`op` must have as many rows as columns; got {rows:,} x {columns:,}. "
        "Ask for gram_diagonal, or for the diagonal of op.H @ op."
    )


def _of_integers(op: Any, folds: bool) -> NDArray[Any] | None:
    """The diagonal where it is known to be of integers that do not wrap."""
    if op.dtype.kind in "iu" and folds:
        return _folded(op)
    matrix = integers(op)
    return None if matrix is None else np.asarray(matrix.diagonal())


def _folded(op: ConvOperator) -> NDArray[Any]:
    """The taps that meet on the diagonal, summed, axis by axis; samples and answers have one
    shape.
    """
    g = op.geometry
    weight = op.weight.conj() if op.conjugated else op.weight
    kernel = correlation_kernel(g, weight)
    group = kernel.shape[1]
    channel = np.arange(g.y_channels)
    values = kernel[channel, channel % group]
    met = [_met(axis) for axis in g.axes]
    if values.dtype.kind in "iu":
        most = int(max(abs(int(values.max())), abs(int(values.min())), 1))
        bound = most * prod(max(int(abs(table).sum(axis=1).max()), 1) for table in met)
        values = values.astype(np.int64 if bound < _SAFE else object)
    else:
        values = values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)
    for number, table in enumerate(met, 1):
        moved = np.moveaxis(values, number, -1) @ table.T.astype(values.dtype)
        values = np.moveaxis(moved, -1, number)
    return np.ascontiguousarray(values).reshape(-1)


def _met(axis: Axis) -> NDArray[np.int64]:
    """How often each tap of each window is on the diagonal of the axis's matrix: (window, tap)."""
    geometry = ConvGeometry((axis,), 1, 1, 1, False, False)
    units = np.eye(axis.k, dtype=np.int64)
    return np.stack([fresh_matrix(geometry, unit, False).diagonal() for unit in units], axis=1)
