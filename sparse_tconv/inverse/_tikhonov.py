"""Tikhonov regularization with a damp that is given or chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import GeometryError
from ..operators import Operator
from ..solution import Solution
from ._arguments import check_used, one_of
from ._choice import GCV, Choice
from ._choose import discrepancy_choice, gcv_choice, lcurve_choice
from ._findings import answer_findings
from ._least_squares import LeastSquares, power_of_two
from ._models import Stack
from ._scale import scaled
from ._solve import solve

RULES = ("gcv", "lcurve", "discrepancy")
_USES: dict[str, tuple[str, ...]] = {
    "a number": (),
    "gcv": (),
    "lcurve": (),
    "discrepancy": ("noise_norm",),
}


def tikhonov(
    op: Any,
    y: ArrayLike,
    damp: float | str = "gcv",
    *,
    regularizer: Any = None,
    noise_norm: float | None = None,
    mask: ArrayLike | None = None,
    **options: Any,
) -> Solution:
    """The solution of ``min |C x - y|^2 + damp^2 |L x|^2``, with damp chosen from the data.

    Parameters
    ----------
    op, y, regularizer, mask
        As for :func:`sparse_tconv.inverse.solve`.
    damp : float or {'gcv', 'lcurve', 'discrepancy'}, default 'gcv'
        The weight, or the rule that chooses it.
    noise_norm : float, optional
        The norm of the noise in `y`; for 'discrepancy', which needs it.
    **options
        The other arguments of :func:`sparse_tconv.inverse.solve`.

    Returns
    -------
    Solution
        ``chosen_by`` names the rule, and how it knew the spectrum; ``findings`` say what speaks
        against the answer.

    Raises
    ------
    ShapeError, GeometryError, DTypeError, MatrixTooLargeError, MissingExtraError
        As for :func:`sparse_tconv.inverse.solve` and the rules.

    See Also
    --------
    gcv, lcurve, discrepancy : the rules, with their curves.
    tsvd : leave singular values out instead.

    Notes
    -----
    Where :func:`sparse_tconv.spectral.factorize` applies and makes L diagonal too, the rules know
    the exact spectrum, and a damp costs one pass over the values. Elsewhere a Golub-Kahan
    bidiagonalization with reorthogonalization is grown until the damp that it leads to settles; the
    solution then comes from 'lsmr'. With a regularizer that bidiagonalization sees L only in the
    Krylov space of C, which is small where C C^H is nearly a multiple of the identity, as for means
    over blocks: prefer 'discrepancy' there.

    References
    ----------
    .. [1] P. C. Hansen, J. G. Nagy, D. P. O'Leary, "Deblurring Images: Matrices, Spectra, and
       Filtering", SIAM (2006), chapter 6.

    Examples
    --------
    >>> from sparse_tconv.inverse import problems, tikhonov
    >>> problem = problems.deconvolution(seed=1)
    >>> solution = tikhonov(problem.op, problem.y, "discrepancy", noise_norm=problem.noise_norm)
    >>> solution.method, solution.chosen_by
    ('spectral', 'discrepancy, exact spectrum (symmetric)')
    >>> problem.error(solution.x) < problem.error(problem.y)
    True
    >>> tikhonov(problem.op, problem.y, "discrepancy")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `noise_norm` must be given for damp='discrepancy'; got None.
        Pass the norm of the noise in y, or damp='gcv'.
    """
    chosen = _choice(op, y, damp, regularizer, noise_norm, mask)
    value = damp if chosen is None else chosen.damp
    solution = solve(op, y, damp=value, regularizer=regularizer, mask=mask, **options)  # type: ignore[arg-type]
    if chosen is None:
        return solution
    return replace(
        solution,
        chosen_by=f"{chosen.rule}, {chosen.source}",
        findings=(*_at_an_end(chosen), *_of_a_picture(op, y, solution, mask)),
    )


def _at_an_end(chosen: Choice) -> list[str]:
    """Whether a minimum was not one between others."""
    if not isinstance(chosen, GCV):
        return []
    if chosen.damp <= chosen.damps[1]:
        return ["the rule chose the smallest damp looked at: its minimum may lie beyond"]
    if chosen.damp >= chosen.damps[-2]:
        return ["the rule chose the largest damp looked at: the data may be all noise"]
    return []


def _of_a_picture(op: Any, y: ArrayLike, solution: Solution, mask: Any) -> list[str]:
    """What the answer and its residual look like, where both are pictures of one shape."""
    data = np.asarray(y)
    if not isinstance(op, Operator) or op.in_shape != op.out_shape or not op.spatial_ndim:
        return []
    if mask is not None or np.result_type(data, solution.x).kind == "c":
        return []
    shape = (-1, *op.in_shape[len(op.in_shape) - op.spatial_ndim :])
    residual = data - op.apply(solution.x)

    of_op, of_y = scaled(LeastSquares.of(op, y)).exponents

    def stack(array: Any, exponent: int) -> Stack:
        return np.asarray(power_of_two(np.asarray(array, np.float64), exponent)).reshape(shape)

    x = stack(solution.x, of_op - of_y)
    return answer_findings(stack(residual, -of_y), x, stack(data, -of_y), True)


def _choice(
    op: Any, y: ArrayLike, damp: Any, regularizer: Any, noise_norm: Any, mask: Any
) -> Choice | None:
    """What the rule found, or None for a damp that is given."""
    given = [] if noise_norm is None else ["noise_norm"]
    if not isinstance(damp, str):
        check_used("damp", "a number", _USES, given)
        return None
    rule = one_of("damp", damp, RULES)
    check_used("damp", rule, _USES, given)
    if rule == "discrepancy" and noise_norm is None:
        raise GeometryError(
            "`noise_norm` must be given for damp='discrepancy'; got None. "
            "Pass the norm of the noise in y, or damp='gcv'."
        )
    problem = LeastSquares.of(op, y, regularizer=regularizer, mask=mask)
    if rule == "discrepancy":
        return discrepancy_choice(problem, noise_norm)
    return gcv_choice(problem) if rule == "gcv" else lcurve_choice(problem)
