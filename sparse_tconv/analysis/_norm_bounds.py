"""The spectral norm between guaranteed bounds, whatever the size."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..operators import ConvOperator, ConvTranspose
from ..solution import NormBounds
from ..spectral import Problem, applicable, problem, restored, scaled, spectrum
from ._ascent import ascent, start_of
from ._border import sums_bound
from ._expressions import is_expression
from ._expressions import norm_bounds as bounds_of_expression
from ._krylov import Search
from ._patch import local_operator
from ._slices import rows
from ._symbol import Peak, symbol_bound, symbol_peak

_EXACT_WORK = {"circular": 1e8, "symmetric": 1e8, "kronecker": 2e8, "mixed": 3e7, "dense": 3e7}
_EXACT_SIZE = 1 << 21  # singular values that are worth having for their largest
_MOST_LOCAL = 1 << 24  # samples of a vector that is worth having
_ENOUGH = 1.003  # upper over lower bound that is not worth a second grid
_ROUNDING = 1e-11  # by which the bounds give way, relative to them
_WORK = 1e10  # multiplications in decompositions: some seconds
_PER_PRODUCT = 200  # and for each of a product: some hundred times its time
_MOST_STEPS = 300
_FEWEST, _FINEST = 8, 512  # points of a grid per degree


def norm_bounds(op: ConvOperator) -> NormBounds:
    """A lower and an upper bound of the spectral norm, in memory that does not grow with the
    operator.

    Parameters
    ----------
    op : Conv, ConvTranspose or expression
        The operator, of any size; nothing of the size of a convolution is allocated.

    Returns
    -------
    NormBounds
        ``lower``, ``upper`` and ``method``; unpacks to the pair.

    Raises
    ------
    DTypeError
        `op` is not a Conv or ConvTranspose.

    See Also
    --------
    spectral_norm : the value itself, where that is affordable.

    Notes
    -----
    An operator that is small, or whose structure gives the norm, has bounds that are rounding
    apart. Otherwise the lower bound is ``|C x| / |x|`` for the best x that a few Lanczos steps
    find; if C is large, in a patch away from the border, or beside it where it repeats samples. The
    upper bound is the least of

    * the norm of a larger circular operator of which C is a part, its seam carrying any phase, or
      the largest norm of the symbol on a fixed grid of M points per axis over
      ``cos(pi d / M) ** (1/2)`` per axis, d the kernel's reach in strides [1]_ [2]_; times the
      square root of how often the border repeats a sample;
    * the square root of the largest row sum times the largest column sum, of the norms of the
      channel matrices.

    The bounds of an expression are, below, those of Lanczos steps with its products; above, what the
    upper bounds of its parts give by the triangle inequality and the product of norms.

    Under zero padding, with n at least 16 (k - 1), they are 1 % apart or less on one or two axes,
    unless hundreds of channels make the grid coarse: it is as fine as some seconds allow.

    References
    ----------
    .. [1] A. Araujo, B. Negrevergne, Y. Chevaleyre, J. Atif, "On Lipschitz regularization of
       convolutional layers using Toeplitz matrix theory", arXiv:2006.08391.
    .. [2] L. Pfister, Y. Bresler, "Bounding multivariate trigonometric polynomials with
       applications to filter bank design", arXiv:1802.09588.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import norm_bounds
    >>> kernel = np.add.outer(np.arange(3.0), np.arange(3.0) ** 2)
    >>> lower, upper = norm_bounds(Conv(kernel, (10**6, 10**6), padding=1, channels=False))
    >>> bool(23.9 < lower <= 24 <= upper < 24.1)
    True
    >>> norm_bounds(kernel)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `op` must be a Conv or ConvTranspose; got ndarray. Make one with
        sparse_tconv.Conv(weight, in_shape).
    """
    if is_expression(op):
        return bounds_of_expression(op, lambda part: norm_bounds(part).upper)
    return _restored(op, _bounds)


def narrow_bounds(op: ConvOperator, rtol: float) -> NormBounds:
    """Bounds a share `rtol` apart, at the least cost; where none so narrow are found, the
    narrowest.
    """
    return _restored(op, lambda small: _bounds(small, rtol))


def _restored(op: ConvOperator, find: Callable[[ConvOperator], NormBounds]) -> NormBounds:
    """What is found of an operator over a power of two, for the operator."""
    op, exponent = scaled(op)
    found = find(op)
    least = float(np.finfo(np.float64).smallest_subnormal) if exponent < 0 else 0.0
    lower, upper = (float(restored(bound, exponent)) for bound in found)
    return NormBounds(max(lower - least, 0.0), upper + least * (upper > 0), found.method)


def _bounds(op: ConvOperator, rtol: float | None = None) -> NormBounds:
    """The bounds for a kernel of common size."""
    base, _ = problem(op)
    if not base.kernel.any():
        return NormBounds(0.0, 0.0, "zero")
    if min(op.shape) <= _EXACT_SIZE:
        exact = applicable(op, lambda method, work: work <= _EXACT_WORK[method])
        if exact is not None:
            found = spectrum(op, exact)
            value = float(found.values[0])
            return NormBounds(max(value - found.error, 0.0), value + found.error, exact)
    if rtol is not None:
        return _within(op, base, rtol)
    lower = _lower(op, base)
    return _between(lower, symbol_bound(base, lower * _ENOUGH), sums_bound(base))


def _between(lower: float, symbol: float, sums: float) -> NormBounds:
    """The bounds, with the better upper one."""
    upper = min(symbol, sums) * (1 + _ROUNDING)
    best = "symbol" if symbol <= sums else "sums"
    return NormBounds(min(lower, upper), upper, f"lanczos, {best}")


def _within(op: ConvOperator, base: Problem, rtol: float) -> NormBounds:
    """First a coarse grid and the wave that is largest on it; then as much of both as is missing."""
    work = max(_WORK, _PER_PRODUCT * op.geometry.nnz)
    sums = sums_bound(base)
    peak = symbol_peak(base, inf, _points(rtol / 4), work)
    upper = min(peak.bound, sums)
    lower = _climbed(op, base, peak, upper, rtol)
    if lower < upper / (1 + rtol):
        finer = symbol_peak(base, lower * (1 + rtol / 2), _points(rtol / 64), work)
        peak = min(peak, finer, key=lambda one: one.bound)
    return _between(lower, peak.bound, sums)


def _points(share: float) -> int:
    """Points per degree of a grid that costs at most such a share of the bound per axis: the
    factor is 1 / sqrt(cos(pi / points)) = 1 + (pi / points)^2 / 4 + ...
    """
    return min(max(ceil(pi / (2 * sqrt(max(share, 1e-9)))), _FEWEST), _FINEST)


def _climbed(op: ConvOperator, base: Problem, peak: Peak, upper: float, rtol: float) -> float:
    """``|C x| / |x|``, until it is near an upper bound or gains no more."""
    local, free = local_operator(base)
    if max(local.shape) > _MOST_LOCAL:
        return _of_one_window(op) * (1 - _ROUNDING)
    adjoint = local.H

    def product(x: NDArray[Any]) -> NDArray[Any]:
        return _kept(adjoint @ (local @ x), free)

    start = _kept(start_of(peak, local), free)
    enough = (upper / (1 + 0.9 * rtol)) ** 2
    best = ascent(product, start, enough, rtol / 100, _MOST_STEPS)
    return float(np.linalg.norm(local @ best) / np.linalg.norm(best)) * (1 - _ROUNDING)


def _lower(op: ConvOperator, base: Problem) -> float:
    """``|C x| / |x|`` for a good x."""
    local, free = local_operator(base)
    if max(local.shape) > _MOST_LOCAL:
        return _of_one_window(op) * (1 - _ROUNDING)
    adjoint = local.H
    tall = local.shape[0] >= local.shape[1]

    def product(x: NDArray[Any]) -> NDArray[Any]:
        if not tall:
            return np.asarray(local @ _kept(adjoint @ x, free))
        return _kept(adjoint @ (local @ _kept(x, free)), free)

    n = min(local.shape)
    best = Search(product, n, local.dtype, tol=1e-4, maxiter=20, sweeps=20).top(1)
    square = float((best.conj().T @ product(best)).real.item() / (np.linalg.norm(best) ** 2))
    return float(np.sqrt(max(square, 0.0))) * (1 - _ROUNDING)


def _kept(x: Any, free: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Samples (n, any number) with zeros where they are not free."""
    if free is None:
        return np.asarray(x)
    return np.where(free.reshape(-1, *(1,) * (np.ndim(x) - 1)), x, 0)


def _of_one_window(op: ConvOperator) -> float:
    """The norm of the rows of one entry of C, the first, in all channels."""
    conv = op.T if isinstance(op, ConvTranspose) else op
    per_channel = conv.shape[0] // conv.geometry.y_channels
    part = rows(conv, per_channel * np.arange(conv.geometry.y_channels))
    used = np.unique(part.indices, return_inverse=True)[1]
    matrix = np.zeros((part.shape[0], used.max(initial=0) + 1), dtype=np.complex128)
    matrix[np.repeat(np.arange(part.shape[0]), np.diff(part.indptr)), used] = part.data
    return float(np.linalg.norm(matrix, 2))
