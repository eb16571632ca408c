"""Singular values and vectors, by structure, by decomposition, or by iteration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..operators import ConvOperator
from ..solution import Result
from ..spectral import METHODS, factorize, restored, restored_error, scaled, spectrum
from ._expressions import is_expression, singular_parts
from ._request import Request
from ._triplets import Triplets


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
        those were asked for; ``method``; ``error``, how far each is from a singular value of its
        own, at most; ``complete``, whether they are known to be the outermost ones: 'proved' in
        what 'auto' answers up to 4,096 columns.

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

    An iteration proves its error by the residuals of both sides of orthonormal vectors [2]_. That no
    value further out was missed is counted: as many are above a number as ``[[0, C], [C^H, 0]]`` has
    eigenvalues there, the signs in a symmetric factorization, if its rounding is below the distance
    to the nearest one [3]_. For values so small that no such factors exist, those found must leave
    too little of ``sum 1 / s_i^2`` for another one. Where neither is affordable, a search beside
    those found makes them 'probable'.

    References
    ----------
    .. [1] H. Sedghi, V. Gupta, P. M. Long, "The singular values of convolutional layers",
       arXiv:1805.10408, theorem 6.
    .. [2] W. Kahan, B. N. Parlett, E. Jiang, "Residual bounds on approximate eigensystems of
       nonnormal matrices", SIAM J. Numer. Anal. 19 (1982), theorem 2.
    .. [3] B. N. Parlett, "The Symmetric Eigenvalue Problem", SIAM, 1998, sections 3.3 and 10.

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
    small, exponent = scaled(op)
    return _result(request.iterate(small), exponent)


def _result(found: Triplets, exponent: int) -> Result:
    """The values of triplets of an operator over a power of two."""
    values, error = restored(found.values, exponent), restored_error(found.error, exponent)
    return Result(values, found.method, error, found.complete)


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
        The vectors u in the shape of samples, orthonormal; real if the operator is. That of a
        value of zero is a unit vector orthogonal to all answers of the operator.
    values : Result
        The values, as from :func:`singular_values`.
    right : array, (k, *op.in_shape)
        The vectors v, orthonormal, with ``op.apply(v) = value * u`` and ``op.H.apply(u) = value * v``.

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
        return _iterated(op, request)
    parts = factorize(op, request.method)
    full = np.zeros(min(op.shape))
    full[: parts.values.size] = parts.values
    order = request.select(np.argsort(-full, kind="stable"))
    if (order >= parts.values.size).any():
        # Zeros that the factorization leaves out: their vectors complete the bases.
        if not request.decomposes(op):
            return _iterated(op, request)
        parts = factorize(op, "dense")
        order = request.select(parts.order)
    values = Result(parts.values[order], parts.method, parts.error, "proved")
    left = _samples(parts.left.columns(order), op.out_shape)
    return left, values, _samples(parts.right.columns(order), op.in_shape)


def _iterated(op: ConvOperator, request: Request) -> tuple[NDArray[Any], Result, NDArray[Any]]:
    """The vectors that an iteration finds."""
    small, exponent = scaled(op)
    found = request.iterate(small)
    left, right = _samples(found.left, op.out_shape), _samples(found.right, op.in_shape)
    return left, _result(found, exponent), right


def _samples(columns: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Columns as an array of samples."""
    return np.ascontiguousarray(columns.T).reshape(-1, *shape)
