"""Single numbers: the norm, the smallest singular value, the condition number, the rank."""

from __future__ import annotations

import math

from .. import _validate as validate
from ..operators import ConvOperator
from ..solution import Complete, NormBounds, Result
from ..spectral import METHODS, scaled, spectrum
from ._expressions import is_expression
from ._norm_bounds import narrow_bounds, norm_bounds
from ._request import Request
from ._singular import singular_values
from ._tolerance import tolerance

_MOST_ITERATED = 1 << 12  # smaller side up to which what bounds leave open is decided by iteration


def spectral_norm(op: ConvOperator, method: str = "auto", *, rtol: float | None = None) -> Result:
    """The spectral norm ``max |C x| / |x|``, the largest singular value.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator.
    method : str, default 'auto'
        As for :func:`singular_values`.
    rtol : float, optional
        Relative width of certain bounds that is narrow enough: the answer is their middle, at any
        size. Where no bounds so narrow are found, it is that of the narrowest; where nothing bounds
        the norm from above, the largest value found.

    Returns
    -------
    Result
        A float with its method and error; ``bounds``, a lower and an upper bound of the norm that
        are certain even if ``complete`` is not 'proved'.

    Raises
    ------
    GeometryError, MatrixTooLargeError, DTypeError
        As for :func:`singular_values`; `rtol` is no number or negative.

    See Also
    --------
    norm_bounds : guaranteed bounds at any size, in bounded memory.

    Notes
    -----
    With `rtol` the upper bound is that of the symbol on a grid just fine enough, and the lower one
    climbs from the wave that is largest there, which often needs a few products only.

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
    >>> import numpy as np
    >>> layer = Conv(np.ones((2, 3, 7, 7)), (3, 224, 224), padding=3, stride=2)
    >>> norm = spectral_norm(layer, rtol=1e-2)
    >>> lower, upper = norm.bounds
    >>> bool(lower <= norm <= upper <= 1.01 * lower), norm.complete
    (True, 'proved')
    >>> spectral_norm([[1.0, 2.0]])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `op` must be a Conv or ConvTranspose; got list. Make one with
        sparse_tconv.Conv(weight, in_shape).
    """
    if rtol is None:
        return _with_bounds(op, singular_values(op, 1, "largest", method))
    wanted = tolerance(rtol, name="rtol")
    certain = norm_bounds(op) if is_expression(op) else narrow_bounds(op, wanted)
    bounded = math.isfinite(certain.upper)
    narrow = certain.upper - certain.lower <= wanted * certain.upper
    if bounded and (
        narrow or (validate.is_word(method, ("auto",)) and min(op.shape) > _MOST_ITERATED)
    ):
        return _middle(certain.lower, certain.upper, certain.method)
    found = _with_bounds(op, singular_values(op, 1, "largest", method), certain)
    if found.complete == "proved" or found.bounds is None or not bounded:
        return found
    return _middle(*found.bounds, f"{found.method}, {certain.method}")


def _with_bounds(op: ConvOperator, found: Result, certain: NormBounds | None = None) -> Result:
    """The one value found, and what is certain of the norm."""
    value = float(found[0])
    lower, upper = max(value - found.error, 0.0), value + found.error
    if found.complete != "proved":
        certain = certain or norm_bounds(op)
        lower, upper = max(lower, certain.lower), certain.upper
    return Result(value, found.method, found.error, found.complete, (lower, upper))


def _middle(lower: float, upper: float, method: str) -> Result:
    """The number that is nearest to all between two bounds."""
    value = lower + (upper - lower) / 2
    error = math.nextafter(max(upper - value, value - lower), math.inf)
    return Result(value, method, error, "proved", (lower, upper))


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
    most, least = _ends(op if is_expression(op) else scaled(op)[0], method)
    complete = _weaker(most.complete, least.complete)
    if least.value == 0:
        return Result(math.inf, least.method, math.inf, complete)
    value = most.value / least.value
    if least.value <= least.error:
        return Result(value, least.method, math.inf, complete)
    relative = most.error / most.value + least.error / (least.value - least.error)
    return Result(value, least.method, value * relative, complete)


def _weaker(*found: Complete) -> Complete:
    """What is known of several answers together."""
    order: tuple[Complete, ...] = ("proved", "probable", "unknown")
    return max(found, key=order.index)


def _ends(op: ConvOperator, method: str) -> tuple[Result, Result]:
    """The largest and the smallest singular value; both at once where all are found."""
    if is_expression(op):
        whole = singular_values(op, None, "largest", method)
        first, last = (
            Result(float(whole[place]), "dense", whole.error, whole.complete) for place in (0, -1)
        )
        return first, last
    chosen = Request.of(op, 1, "smallest", method).method
    if chosen not in METHODS:
        smallest = smallest_singular_value(op, method)  # first, as it may be refused
        return spectral_norm(op), smallest
    found = spectrum(op, chosen)
    ends = (float(found.values[0]), float(found.values[-1]))
    most, least = (Result(value, found.method, found.error, "proved") for value in ends)
    return most, least
