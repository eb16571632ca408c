"""The damp whose residual looks most like white noise, for any operator."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..operators import power_of_two
from ._choice import NCP
from ._expand import expand
from ._expansion import Expansion
from ._least_squares import LeastSquares
from ._models import Stack
from ._rules import Function, curve, refined_minimum
from ._scale import scaled
from ._whiteness import distance

_POINTS = 40
_FREE = 0.1  # of the data's freedom: a residual with less left is of any color


def ncp(op: Any, y: ArrayLike, *, regularizer: Any = None, mask: ArrayLike | None = None) -> NCP:
    """The damp of the whitest residual, by its normalized cumulative periodogram.

    Parameters
    ----------
    op, y, regularizer, mask
        As for :func:`sparse_tconv.inverse.solve`.

    Returns
    -------
    NCP
        The damp, and the curve.

    Raises
    ------
    ShapeError, GeometryError, DTypeError
        As for :func:`sparse_tconv.inverse.solve`.

    See Also
    --------
    gcv : looks at the size of the residual, not at its color.
    sparse_tconv.inverse.tikhonov : chooses and solves.

    Notes
    -----
    Each damp costs a product with the operator. The periodogram is that of the spatial axes of a
    sample of y, in shells of frequency, summed over channels and batch; data without spatial axes
    are taken as one signal. Where the data are noise but for little, every large damp is as good.

    References
    ----------
    .. [1] P. C. Hansen, M. E. Kilmer, R. H. Kjeldsen, "Exploiting residual information in the
       parameter choice for discrete ill-posed problems", BIT 46 (2006), section 3.

    Examples
    --------
    >>> from sparse_tconv.inverse import ncp, problems
    >>> problem = problems.deconvolution(seed=1)
    >>> ncp(problem.op, problem.y)
    <NCP damp=..., exact spectrum (symmetric)>
    >>> ncp(problem.op, problem.y[1:])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `y` must have shape (..., 128); got (127,). The last axes are
        one sample.
    """
    return ncp_choice(LeastSquares.of(op, y, regularizer=regularizer, mask=mask))


def ncp_choice(problem: LeastSquares) -> NCP:
    """The choice for a checked problem."""
    problem = scaled(problem)
    of_op, of_y = problem.exponents
    found = expand(problem, lambda expansion: _curve(problem, expansion)[2])
    damps, values, damp = _curve(problem, found)
    noise = float(power_of_two(found.noise(damp), of_y))
    damp, grid = float(power_of_two(damp, of_op)), power_of_two(damps, of_op)
    return NCP(damp, found.source, grid, noise, values)


def _curve(
    problem: LeastSquares, found: Expansion
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """A grid of damps that leave enough freedom, how white they are, and the whitest."""
    damps = found.damps(_POINTS)
    free = curve(found.unexplained, damps) >= _FREE * found.rows
    damps = damps[free] if np.count_nonzero(free) >= 3 else damps[-3:]
    function: Function = partial(_color, problem, found)
    values = curve(function, damps)
    return damps, values, refined_minimum(function, damps, values)


def _color(problem: LeastSquares, found: Expansion, damp: float) -> float:
    return distance(pictures(problem, problem.y - found.fit(damp).reshape(problem.y.shape)))


def pictures(problem: LeastSquares, data: NDArray[Any]) -> Stack:
    """Data as a stack of real pictures, or of signals where no axes are known to be spatial."""
    shape = problem.out_shape
    axes = min(problem.op.spatial_ndim, len(shape))
    shape = shape[len(shape) - axes :] if axes else (prod(shape),)
    stack = data.reshape(-1, *shape)
    return np.concatenate([stack.real, stack.imag]) if stack.dtype.kind == "c" else stack
