"""Singular values and vectors, by structure, by decomposition, or by iteration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..operators import ConvOperator
from ..solution import Result
from ..spectral import METHODS, factorize, spectrum
from ._expressions import is_expression, singular_parts
from ._extremes import extreme_triplets
from ._request import Request


def singular_values(
    op: ConvOperator, k: int | None = None, which: str = "largest", method: str = "auto"
) -> Result:
    """Singular values of an operator.

    Parameters
    ----------
    op : Conv, ConvTranspose or expression
        The operator, of any dtype; computed in double precision. Of an expression no structure is
        known: 'dense' or, for a few of the largest values, 'lanczos'.
    k : int, optional
        How many, at most ``min(op.shape)``; all, if not given.
    which : {'largest', 'smallest'}
        Which ones, if not all.
    method : str, default 'auto'
        A structure or 'dense', as for :func:`sparse_tconv.spectral.factorize`; for a few values
        also 'lanczos' (largest: products with the operator only), 'shift-invert' (largest, where
        many crowd: a sparse factorization), 'lu' (smallest of a square
        operator), 'qr', 'augmented' or 'gram' (smallest of any). 'auto' takes the structure that
        the operator has, else a dense decomposition while it is small, else an iteration.

    Returns
    -------
    Result
        ``value``: float64 array, from the largest to the smallest, or from the smallest on if
        those were asked for; ``method``; ``error``, a bound for each of them.

    Raises
    ------
    GeometryError
        An argument is not what it may be, the method does not apply, or all values of an operator
        without structure are too many.
    MatrixTooLargeError
        A dense block, or the factors for the smallest values, would not fit.
    DTypeError
        `op` is not a Conv or ConvTranspose.

    See Also
    --------
    singular_vectors : the vectors too.
    norm_bounds : the largest one between guaranteed bounds, at any size.

    Notes
    -----
    Under circular padding they are those of one small block per frequency [1]_. Under zero padding
    those blocks are a good answer for the largest value and a useless one for the smallest, so
    nothing is taken from a structure that the operator does not have.

    References
    ----------
    .. [1] H. Sedghi, V. Gupta, P. M. Long, "The singular values of convolutional layers",
       arXiv:1805.10408, theorem 6.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import singular_values
    >>> s = singular_values(Conv([1.0, -1.0], (5,), channels=False))
    >>> s.value.round(6), s.method, s.error < 1e-13
    (array([1.902113, 1.618034, 1.175571, 0.618034]), 'kronecker', True)
    >>> singular_values(Conv([1.0, -1.0], (5,), channels=False), k=5)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `k` must be between 1 and 4, the smaller side of `op`; got 5.
        Use 4.
    """
    if is_expression(op):
        return singular_parts(op, k, which, method).result
    request = Request.of(op, k, which, method)
    if request.method in METHODS or request.method == "auto":
        found = spectrum(op, request.method)
        return Result(request.select(found.values), found.method, found.error, "proved")
    triplets = extreme_triplets(op, request.count, request.which, request.method)
    return Result(triplets.values, triplets.method, triplets.error)


def singular_vectors(
    op: ConvOperator, k: int, which: str = "largest", method: str = "auto"
) -> tuple[NDArray[Any], Result, NDArray[Any]]:
    """Singular values with their vectors.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator.
    k, which, method
        As for :func:`singular_values`.

    Returns
    -------
    left : array, (k, *op.out_shape)
        The vectors u in the shape of samples, each of norm 1; real if the operator is.
    values : Result
        The values, as from :func:`singular_values`.
    right : array, (k, *op.in_shape)
        The vectors v, with ``op.apply(v) = value * u`` and ``op.H.apply(u) = value * v``.

    Raises
    ------
    GeometryError, MatrixTooLargeError, DTypeError
        As for :func:`singular_values`.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import singular_vectors
    >>> op = Conv([3.0, 4.0], (1,), padding=1, channels=False)
    >>> left, values, right = singular_vectors(op, 1)
    >>> abs(left).round(6), values.value.round(6), abs(right).round(6)
    (array([[0.8, 0.6]]), array([5.]), array([[1.]]))
    >>> singular_vectors(op, 1, which="median")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `which` must be 'largest' or 'smallest'; got 'median'. Leave
        it out for the largest.
    """
    if is_expression(op):
        return singular_parts(op, k, which, method, vectors=True).triplets(op)
    request = Request.of(op, k, which, method)
    if request.method not in (*METHODS, "auto"):
        found = extreme_triplets(op, request.count, request.which, request.method)
        values = Result(found.values, found.method, found.error)
        return found.left, values, found.right
    parts = factorize(op, request.method)
    full = np.zeros(max(parts.values.size, request.count))
    full[: parts.values.size] = parts.values
    order = request.select(np.argsort(-full, kind="stable"))
    if (order >= parts.values.size).any():
        # zeros that the factorization leaves out: their vectors complete the bases
        parts = factorize(op, "dense")
        order = request.select(parts.order)
    values = Result(parts.values[order], parts.method, parts.error, "proved")
    left = parts.left.columns(order).T.reshape(-1, *op.out_shape)
    right = parts.right.columns(order).T.reshape(-1, *op.in_shape)
    return np.ascontiguousarray(left), values, np.ascontiguousarray(right)
