"""What an operator does not see."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._memory import available_memory
from ..errors import MatrixTooLargeError
from ..operators import ConvOperator
from ..solution import Result
from ..spectral import Basis, null_candidates, restored_error, scaled
from ._expressions import is_expression
from ._expressions import null_space as null_space_of_expression
from ._tolerance import tolerance
from ._triplets import EPS

_AT_ONCE = 1 << 24  # entries of columns that are made together


def null_space(op: ConvOperator, tol: float | None = None, method: str = "auto") -> Result:
    """An orthonormal basis of the x with C x = 0.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator.
    tol : float, optional
        Singular values up to it count as zero; ``max(op.shape) * eps * norm`` if not given.
    method : str, default 'auto'
        A structure or 'dense', as for :func:`sparse_tconv.spectral.factorize`.

    Returns
    -------
    Result
        ``value``: (n, nullity) array with orthonormal columns, as :func:`scipy.linalg.null_space`
        gives, real if the operator is; n by 0 if only zero is in it. ``error`` bounds ``|C v|`` of
        each column.

    Raises
    ------
    MatrixTooLargeError
        The basis would not fit.
    GeometryError, DTypeError
        As for :func:`sparse_tconv.spectral.factorize`.

    See Also
    --------
    rank : n minus the number of columns.

    Notes
    -----
    Every vector that the operator takes is a sum of singular vectors, of blocks if the operator has
    structure; those of values up to `tol` are returned.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import null_space
    >>> basis = null_space(Conv([1.0, -1.0], (4,), channels=False))
    >>> abs(basis.value).T.round(6)
    array([[0.5, 0.5, 0.5, 0.5]])
    >>> null_space(Conv([1.0, -1.0], (4,), channels=False), method="circular")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `method` must be one that applies to `op`; got 'circular',
        but axis 0 is no circle whose windows, 3 with stride 1, go once round its 4 samples under
        padding_mode 'zeros'. Pass method='auto'.
    """
    if is_expression(op):
        return null_space_of_expression(op, tol, method)
    op, exponent = scaled(op)
    given = None if tol is None else tolerance(tol, exponent)
    values, basis, found, error = null_candidates(op, method)
    limit = max(op.shape) * EPS * float(values.max(initial=0)) if given is None else given
    index = np.flatnonzero(values <= limit)
    _guard(prod(op.in_shape), len(index))
    error += float(values[index].max(initial=0))
    return Result(_columns(basis, index), found, restored_error(error, exponent), "proved")


def _columns(basis: Basis, index: NDArray[np.intp]) -> NDArray[Any]:
    """The columns of a basis, some at a time."""
    n = prod(basis.shape)
    columns = np.empty((n, len(index)), dtype=np.float64 if basis.is_real else np.complex128)
    width = max(_AT_ONCE // n, 1)
    for start in range(0, len(index), width):
        columns[:, start : start + width] = basis.columns(index[start : start + width])
    return columns


def _guard(n: int, nullity: int) -> None:
    needed = 16 * n * nullity
    if needed > 1 << 26 and needed > (limit := available_memory()):
        raise MatrixTooLargeError(
            f"`op` must have a null space that fits in {limit:,} bytes; got {nullity:,} vectors of "
            f"{n:,} entries, {needed:,} bytes. Use `rank` for its dimension."
        )
