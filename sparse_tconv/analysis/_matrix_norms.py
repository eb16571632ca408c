"""Norms of the matrix, and the norms of its columns, from one row of every kind."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from .. import _validate as validate
from ..errors import GeometryError
from ..operators import ConvOperator, Operator
from ..solution import Result
from ..spectral import checked, restored, restored_error, scaled
from ._common_size import common, matrix_error, put_back
from ._integers import integers
from ._norms import spectral_norm
from ._row_sums import (
    EPS,
    absolute,
    finite,
    matrix_sums,
    rounding,
    row_sums,
    squares,
    wide_matrix,
)
from ._singular import singular_values

_ORDERS = ("fro", "nuc", 1, 2, np.inf)


def norm(op: Operator, ord: Any = "fro") -> Result:  # noqa: A002 - numpy.linalg.norm's name
    """A norm of the operator's matrix.

    Parameters
    ----------
    op : Conv, ConvTranspose or expression
        The operator.
    ord : {'fro', 1, inf, 2, 'nuc'}, default 'fro'
        As in :func:`numpy.linalg.norm`: the root of the sum of squares, the largest sum of a
        column, the largest sum of a row, the largest singular value, the sum of all.

    Returns
    -------
    Result
        A float; an int, exact, for 1 and inf of integers.

    Raises
    ------
    GeometryError
        `ord` is none of these, or an entry is not finite.
    MatrixTooLargeError
        The matrix of an expression does not fit, or for 'nuc' as for :func:`singular_values`.
    DTypeError
        `op` is no operator of this library.

    See Also
    --------
    spectral_norm : the norm for 2, to a tolerance, with certain bounds.

    Notes
    -----
    For 'fro', 1 and inf one row, or column, of every kind is written out, whatever the size:
    in the interior all are alike. An expression has its matrix made.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import norm
    >>> op = Conv([1, -2, 1], (10**9,), padding=1, channels=False)
    >>> norm(op, np.inf).value, round(float(norm(op)) ** 2)
    (4, 5999999998)
    >>> norm(op, "max")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `ord` must be 'fro', 'nuc', 1, 2 or inf; got 'max'. Leave it
        out for the root of the sum of squares.
    """
    if not isinstance(ord, (str, int, float)) or ord not in _ORDERS:
        raise GeometryError(
            f"`ord` must be 'fro', 'nuc', 1, 2 or inf; got {validate.written(ord)}. Leave it "
            "out for the root of the sum of squares."
        )
    if ord == 2:
        return spectral_norm(_operator(op))
    if ord == "nuc":
        return _nuclear(_operator(op))
    if not isinstance(op, ConvOperator):
        return _of_matrix(_operator(op), ord)
    if op.dtype.kind in "iu":
        return _exact(row_sums(_turned(op, ord), _terms(ord)), ord, "pattern")
    small, exponent = scaled(op)
    unit = rounding(small, 1)  # refuses what is not finite
    found = row_sums(_turned(small, ord), _terms(ord))
    if ord == "fro":
        value = sqrt(found.total)
        error = rounding(small, found.entries) * sqrt(min(op.shape))
        error += (sum(map(len, found.counts)) + 8) * EPS * value
    else:
        value = float(found.largest)
        error = (found.entries + 8) * unit * sqrt(max(found.entries, 1))
    return Result(
        float(restored(value, exponent)), "pattern", restored_error(error, exponent), "proved"
    )


def _nuclear(op: Any) -> Result:
    """The sum of all singular values."""
    found = singular_values(op)
    value = float(found.value.sum())
    error = len(found) * (found.error + EPS * float(found.value.max(initial=0)))
    return Result(value, found.method, error, found.complete)


def _turned(op: Any, ord: Any) -> Any:  # noqa: A002
    return op.T if ord == 1 else op


def _terms(ord: Any) -> Any:  # noqa: A002
    return squares if ord == "fro" else absolute


def _exact(found: Any, ord: Any, method: str) -> Result:  # noqa: A002
    """A norm of integers."""
    if ord == "fro":
        value = sqrt(int(found.total))
        return Result(value, method, EPS * value, "proved")
    return Result(int(found.largest), method, 0.0, "proved")


def _of_matrix(op: Operator, ord: Any) -> Result:  # noqa: A002
    """A norm of an expression, whose matrix is made."""
    exact = integers(op)
    if exact is not None:
        return _exact(matrix_sums(_sides(exact, ord), _terms(ord)), ord, "matrix")
    dtype, (op, exponent) = op.dtype, common(op)
    matrix = _sides(finite(op, wide_matrix(op)), ord)
    found = matrix_sums(abs(matrix), _terms(ord))
    value = sqrt(found.total) if ord == "fro" else float(found.largest)
    error = (matrix.shape[0] + found.entries + 8) * EPS * value
    side = max(op.shape)  # no norm here is more than its root times the 2-norm
    error += matrix_error(op, dtype, exponent) * sqrt(side)
    value, error = put_back(value, error, exponent)
    return Result(float(value), "matrix", error, "proved")


def _sides(matrix: Any, ord: Any) -> Any:  # noqa: A002
    """The matrix, or for 1 its transpose, whose rows are its columns."""
    return matrix.T.tocsr() if ord == 1 else matrix


def gram_diagonal(op: Operator) -> Result:
    """The diagonal of ``C^H C``: the squared norms of the matrix's columns.

    Parameters
    ----------
    op : Conv, ConvTranspose or expression
        The operator.

    Returns
    -------
    Result
        An array of ``in_shape``; of integers exact: int64, or Python's integers where they are
        longer.

    Raises
    ------
    MatrixTooLargeError
        The matrix of an expression does not fit.
    GeometryError, DTypeError
        As for :func:`norm`.

    Notes
    -----
    What a diagonal preconditioner, or SIRT, divides by. One column of every kind is written out.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import gram_diagonal
    >>> gram_diagonal(Conv([1, -2, 1], (5,), channels=False)).value
    array([1, 5, 6, 5, 1])
    """
    if not isinstance(op, ConvOperator):
        return _gram_of_matrix(_operator(op))
    if op.dtype.kind in "iu":
        found = row_sums(op.T, squares)
        return Result(found.spread().reshape(op.in_shape), "pattern", 0.0, "proved")
    small, exponent = scaled(op)
    unit = rounding(small, 1)
    found = row_sums(small.T, squares)
    root = sqrt(float(found.largest))
    error = 3 * (found.entries + 8) * unit * (root + unit)
    values = restored(found.spread().reshape(op.in_shape), 2 * exponent)
    return Result(values, "pattern", restored_error(error, 2 * exponent), "proved")


def _gram_of_matrix(op: Any) -> Result:
    """The same of an expression, whose matrix is made."""
    shape = op.in_shape
    exact = integers(op)
    if exact is not None:
        sums = matrix_sums(exact.T.tocsr(), squares).sums
        return Result(sums.reshape(shape), "matrix", 0.0, "proved")
    dtype, (op, exponent) = op.dtype, common(op)
    found = matrix_sums(finite(op, wide_matrix(op)).T.tocsr(), squares)
    most, off = float(found.sums.max(initial=0)), matrix_error(op, dtype, exponent)
    error = (found.entries + 8) * EPS * most + off * (2 * sqrt(most) + off)
    values, error = put_back(found.sums.reshape(shape), error, 2 * exponent)
    return Result(values, "matrix", error, "proved")


def _operator(op: Any) -> Any:
    """The argument, if it is an operator of this library."""
    return op if isinstance(op, Operator) else checked(op)
