"""Single numbers: the norm, the smallest singular value, the condition number, the rank."""

from __future__ import annotations

import math
from typing import Any

from ..errors import GeometryError
from ..operators import ConvOperator
from ..solution import Result
from ..spectral import METHODS, spectrum
from ._expressions import is_expression
from ._expressions import rank as rank_of_expression
from ._extremes import EPS
from ._request import Request
from ._singular import singular_values

_MOST_DEFICIENT = 64  # zero singular values that are looked for one by one


def spectral_norm(op: ConvOperator, method: str = "auto") -> Result:
    """The spectral norm ``max |C x| / |x|``, the largest singular value.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator.
    method : str, default 'auto'
        As for :func:`singular_values`.

    Returns
    -------
    Result
        A float with its method and error.

    Raises
    ------
    GeometryError, MatrixTooLargeError, DTypeError
        As for :func:`singular_values`.

    See Also
    --------
    norm_bounds : guaranteed bounds at any size, in bounded memory.

    Notes
    -----
    The norm of the kernel reshaped to a matrix is another number, off by a factor of up to the
    square root of the number of taps.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import spectral_norm
    >>> float(
    ...     spectral_norm(
    ...         Conv([1.0, 1.0], (4,), padding_mode="circular", padding=((0, 1),), channels=False)
    ...     )
    ... )
    2.0
    >>> spectral_norm([[1.0, 2.0]])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `op` must be a Conv or ConvTranspose; got list. Make one with
        sparse_tconv.Conv(weight, in_shape).
    """
    found = singular_values(op, 1, "largest", method)
    return Result(float(found[0]), found.method, found.error, found.complete)


def smallest_singular_value(op: ConvOperator, method: str = "auto") -> Result:
    """The smallest of the ``min(op.shape)`` singular values.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator.
    method : str, default 'auto'
        As for :func:`singular_values`: 'lu', 'qr' and 'augmented' solve with factors of C itself
        and keep the digits that squaring would lose; 'gram' squares, and falls back to 'qr' where
        that costs too many.

    Returns
    -------
    Result
        A float with its method and error; a value below the error may be zero.

    Raises
    ------
    GeometryError, MatrixTooLargeError, DTypeError
        As for :func:`singular_values`.

    Notes
    -----
    Inverse iteration with C^{-1} C^{-H} for square operators; else with factors of
    ``[[a I, C], [C^H, 0]]``, a near the answer [1]_.

    References
    ----------
    .. [1] Å. Björck, "Numerical Methods for Least Squares Problems", SIAM, 1996, section 2.5.3.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import smallest_singular_value
    >>> s = smallest_singular_value(Conv([1.0, 1.0], (3,), channels=False))
    >>> round(float(s), 12)
    1.0
    >>> smallest_singular_value(Conv([1.0, 1.0], (3,), channels=False), method="lanczos")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `method` must be one of 'auto', 'circular', 'symmetric',
        'kronecker', 'mixed', 'dense', 'lu', 'qr', 'augmented', 'gram' for the smallest values; got
        'lanczos'. Leave it out to have it chosen.
    """
    found = singular_values(op, 1, "smallest", method)
    return Result(float(found[0]), found.method, found.error, found.complete)


def cond(op: ConvOperator, method: str = "auto") -> Result:
    """The condition number, the largest over the smallest singular value.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator.
    method : str, default 'auto'
        For the smallest value, as for :func:`smallest_singular_value`.

    Returns
    -------
    Result
        A float, infinite if the smallest value is zero; its error is infinite where the smallest
        value is not above its own.

    Raises
    ------
    GeometryError, MatrixTooLargeError, DTypeError
        As for :func:`singular_values`.

    See Also
    --------
    numpy.linalg.cond : the same number from the whole matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import cond
    >>> op = Conv([1.0, -2.0, 1.0], (9,), padding=1, channels=False)
    >>> bool(abs(cond(op) - np.tan(9 * np.pi / 20) ** 2) < 1e-10)
    True
    >>> float(cond(Conv(np.zeros((3, 3)), (9, 9), channels=False)))
    inf
    """
    most, least = _ends(op, method)
    if least.value == 0:
        return Result(math.inf, least.method, math.inf)
    value = most.value / least.value
    if least.value <= least.error:
        return Result(value, least.method, math.inf)
    relative = most.error / most.value + least.error / (least.value - least.error)
    return Result(value, least.method, value * relative)


def _ends(op: ConvOperator, method: str) -> tuple[Result, Result]:
    """The largest and the smallest singular value; both at once where all are found."""
    if is_expression(op):
        whole = singular_values(op, None, "largest", method)
        first, last = (Result(float(whole[place]), "dense", whole.error) for place in (0, -1))
        return first, last
    chosen = Request.of(op, 1, "smallest", method).method
    if chosen not in METHODS:
        smallest = smallest_singular_value(op, chosen)  # first, as it may be refused
        return spectral_norm(op), smallest
    found = spectrum(op, chosen)
    ends = (float(found.values[0]), float(found.values[-1]))
    most, least = (Result(value, found.method, found.error) for value in ends)
    return most, least


def rank(op: ConvOperator, tol: float | None = None, method: str = "auto") -> Result:
    """Number of singular values above a tolerance.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator.
    tol : float, optional
        The tolerance; ``max(op.shape) * eps * norm`` in double precision, as
        :func:`numpy.linalg.matrix_rank`, if not given.
    method : str, default 'auto'
        As for :func:`singular_values`.

    Returns
    -------
    Result
        An int; ``error`` is the number of singular values so near the tolerance that rounding may
        have them on the other side.

    Raises
    ------
    GeometryError, MatrixTooLargeError, DTypeError
        As for :func:`singular_values`.

    Notes
    -----
    Without structure a large operator has its smallest values found a few at a time, until one is
    above the tolerance.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import rank
    >>> op = Conv([1.0, -1.0], (6,), padding=((0, 1),), padding_mode="circular", channels=False)
    >>> int(rank(op))
    5
    >>> rank(op, tol=-1.0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `tol` must be a number, at least 0; got -1.0. Leave it out
        for NumPy's.
    """
    if is_expression(op):
        return rank_of_expression(op, tol, method)
    if tol is not None:
        tol = tolerance(tol)
    try:
        found = singular_values(op, None, "largest", method)
    except GeometryError:
        if method != "auto":
            raise
        return _rank_from_below(op, tol)
    limit = max(op.shape) * EPS * float(found[0]) if tol is None else tol
    value = int((found.value > limit).sum())
    unsure = int((abs(found.value - limit) <= found.error).sum())
    return Result(value, found.method, unsure)


def _rank_from_below(op: ConvOperator, tol: float | None) -> Result:
    """The rank of an operator with few zero singular values."""
    found = singular_values(op, 1, "smallest")  # first, as it may be refused
    limit = max(op.shape) * EPS * float(spectral_norm(op)) if tol is None else tol
    k = 1
    while True:
        below = int((found.value <= limit).sum())
        if below < k:
            unsure = int((abs(found.value - limit) <= found.error).sum())
            return Result(min(op.shape) - below, found.method, unsure)
        if 2 * k > _MOST_DEFICIENT:
            raise GeometryError(
                f"`op` must have fewer than {_MOST_DEFICIENT} singular values up to {limit:.3g} to "
                f"be counted at {op.shape[0]:,} x {op.shape[1]:,} without structure; got {k} or "
                "more. Pass a smaller `tol`, or method='dense'."
            )
        k *= 2
        found = singular_values(op, k, "smallest")


def tolerance(tol: Any) -> float:
    """A tolerance that was given, checked."""
    try:
        number = math.nan if isinstance(tol, (bool, str)) else float(tol)
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0:
        raise GeometryError(
            f"`tol` must be a number, at least 0; got {tol!r}. Leave it out for NumPy's."
        )
    return number
