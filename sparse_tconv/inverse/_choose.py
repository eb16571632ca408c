"""Choosing damp: generalized cross-validation, the L-curve, the discrepancy principle."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from ..errors import GeometryError
from ..operators import power_of_two
from ._arguments import number
from ._choice import GCV, Discrepancy, LCurve
from ._expand import expand
from ._expansion import Expansion
from ._least_squares import LeastSquares
from ._rules import (
    POINTS,
    choose_discrepancy,
    choose_gcv,
    choose_lcurve,
    count_corners,
    curvature_function,
    curve,
    gcv_function,
)
from ._scale import scaled

TAU = 1.01


def gcv(op: Any, y: ArrayLike, *, regularizer: Any = None, mask: ArrayLike | None = None) -> GCV:
    """The damp of least generalized cross-validation error: the noise need not be known, but white.

    Parameters
    ----------
    op, y, regularizer, mask
        As for :func:`sparse_tconv.inverse.solve`.

    Returns
    -------
    GCV
        The damp, and the curve.

    Raises
    ------
    ShapeError, GeometryError, DTypeError
        As for :func:`sparse_tconv.inverse.solve`.

    See Also
    --------
    discrepancy : better where the norm of the noise is known.
    sparse_tconv.inverse.tikhonov : chooses and solves.

    Notes
    -----
    Minimizes ``|C x_damp - y|^2 / trace(I - C C_damp^+)^2``. The trace is exact where the
    factorization is; elsewhere it is estimated from random signs by a second bidiagonalization. What
    the model does not explain, such as an image that goes on beyond the border in another way, is
    neither white nor noise: the minimum then lies at too small a damp.

    References
    ----------
    .. [1] G. H. Golub, M. Heath, G. Wahba, "Generalized cross-validation as a method for choosing a
       good ridge parameter", Technometrics 21 (1979), section 1.
    .. [2] G. H. Golub, U. von Matt, "Generalized cross-validation for large-scale problems", J.
       Comput. Graph. Statist. 6 (1997), section 3.

    Examples
    --------
    >>> from sparse_tconv.inverse import gcv, problems
    >>> problem = problems.deconvolution(seed=1)
    >>> gcv(problem.op, problem.y)
    <GCV damp=..., exact spectrum (symmetric)>
    >>> gcv(problem.op, problem.y[1:])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `y` must have shape (..., 128); got (127,). The last axes are
        one sample.
    """
    problem = LeastSquares.of(op, y, regularizer=regularizer, mask=mask)
    return gcv_choice(problem)


def gcv_choice(problem: LeastSquares) -> GCV:
    """The choice for a checked problem."""
    problem = scaled(problem)
    of_op, of_y = problem.exponents
    found = expand(problem, choose_gcv)
    damps = found.damps(POINTS)
    damp, grid = float(power_of_two(choose_gcv(found), of_op)), power_of_two(damps, of_op)
    values = power_of_two(curve(gcv_function(found), damps), 2 * of_y)
    return GCV(damp, found.source, grid, _noise(found, damp, problem), values)


def lcurve(
    op: Any, y: ArrayLike, *, regularizer: Any = None, mask: ArrayLike | None = None
) -> LCurve:
    """The damp at the corner of the L-curve: where less damp stops to lower the residual.

    Parameters
    ----------
    op, y, regularizer, mask
        As for :func:`sparse_tconv.inverse.solve`.

    Returns
    -------
    LCurve
        The damp, and the curve.

    Raises
    ------
    ShapeError, GeometryError, DTypeError
        As for :func:`sparse_tconv.inverse.solve`.

    See Also
    --------
    gcv : for white noise.

    Notes
    -----
    The point of largest curvature of ``log |L x|`` over ``log |C x - y|``. It stands up to colored
    noise better than `gcv`, and damps large images too little.

    References
    ----------
    .. [1] P. C. Hansen, D. P. O'Leary, "The use of the L-curve in the regularization of discrete
       ill-posed problems", SIAM J. Sci. Comput. 14 (1993), section 4.

    Examples
    --------
    >>> from sparse_tconv.inverse import lcurve, problems
    >>> problem = problems.deconvolution(seed=1)
    >>> found = lcurve(problem.op, problem.y)
    >>> found.damps.shape, found.curvature.shape
    ((80,), (80,))
    >>> lcurve(problem.op, problem.y, regularizer="tv")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `regularizer` must be one of 'gradient', 'laplacian'; got
        'tv'. Pass one of these.
    """
    problem = LeastSquares.of(op, y, regularizer=regularizer, mask=mask)
    return lcurve_choice(problem)


def lcurve_choice(problem: LeastSquares) -> LCurve:
    """The choice for a checked problem."""
    problem = scaled(problem)
    of_op, of_y = problem.exponents
    found = expand(problem, choose_lcurve)
    damps = found.damps(POINTS)
    damp = float(power_of_two(choose_lcurve(found), of_op))
    return LCurve(
        damp,
        found.source,
        power_of_two(damps, of_op),
        _noise(found, damp, problem),
        power_of_two(curve(found.residual_norm, damps), of_y),
        power_of_two(curve(found.solution_norm, damps), of_y - of_op),
        curve(curvature_function(found), damps),
        count_corners(found),
    )


def discrepancy(
    op: Any,
    y: ArrayLike,
    noise_norm: float,
    *,
    tau: float = TAU,
    regularizer: Any = None,
    mask: ArrayLike | None = None,
) -> Discrepancy:
    """The damp at which the residual is as large as the noise.

    Parameters
    ----------
    op, y, regularizer, mask
        As for :func:`sparse_tconv.inverse.solve`.
    noise_norm : float
        The norm of the noise in `y`, positive.
    tau : float, default 1.01
        The residual may be this many times the noise.

    Returns
    -------
    Discrepancy
        The damp, and the curve.

    Raises
    ------
    GeometryError
        No damp gives such a residual: the noise would be all of `y`, or less than what no x
        explains; and as for :func:`sparse_tconv.inverse.solve`.
    ShapeError, DTypeError
        As for :func:`sparse_tconv.inverse.solve`.

    See Also
    --------
    gcv : needs no noise norm.

    Notes
    -----
    Solves ``|C x_damp - y| = tau * noise_norm``, whose left side grows with damp.

    References
    ----------
    .. [1] P. C. Hansen, "Rank-Deficient and Discrete Ill-Posed Problems", SIAM (1998), section 7.2.

    Examples
    --------
    >>> from sparse_tconv.inverse import discrepancy, problems
    >>> problem = problems.deconvolution(seed=1)
    >>> discrepancy(problem.op, problem.y, problem.noise_norm)
    <Discrepancy damp=..., exact spectrum (symmetric)>
    >>> discrepancy(problem.op, problem.y, 1e3)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `noise_norm` must be less than ...; got 1000.0. ...
    """
    problem = LeastSquares.of(op, y, regularizer=regularizer, mask=mask)
    return discrepancy_choice(problem, noise_norm, tau)


def discrepancy_choice(problem: LeastSquares, noise_norm: Any, tau: Any = TAU) -> Discrepancy:
    """The choice for a checked problem."""
    noise = number("noise_norm", noise_norm, positive=True)
    target = number("tau", tau, positive=True) * noise
    problem = scaled(problem)
    of_op, of_y = problem.exponents
    sought = float(power_of_two(target, -of_y))
    found = expand(problem, lambda expansion: choose_discrepancy(expansion, sought))
    damps = found.damps(POINTS)
    norms = power_of_two(curve(found.residual_norm, damps), of_y)
    least = float(power_of_two(found.residual_norm(found.smallest), of_y))
    _check_reachable(noise, target, least, float(norms[-1]))
    damp = float(power_of_two(choose_discrepancy(found, sought), of_op))
    spread = _noise(found, damp, problem)
    return Discrepancy(damp, found.source, power_of_two(damps, of_op), spread, norms, target)


def _noise(found: Expansion, damp: float, problem: LeastSquares) -> float:
    """What the residual says of the noise, in the caller's scale of damp and of y."""
    of_op, of_y = problem.exponents
    return float(power_of_two(found.noise(float(power_of_two(damp, -of_op))), of_y))


def _check_reachable(noise: float, target: float, least: float, most: float) -> None:
    share = noise / target
    if target > most:
        raise GeometryError(
            f"`noise_norm` must be less than {share * most:.3g}, the part of y that damping can "
            f"remove; got {noise}. If it is right, y is nothing but noise."
        )
    if target < least:
        raise GeometryError(
            f"`noise_norm` must be more than {share * least:.3g}, the part of y that no x explains; "
            f"got {noise}. The model has an error of its own; try damp='gcv'."
        )
