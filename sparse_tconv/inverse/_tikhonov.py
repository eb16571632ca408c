"""Tikhonov regularization with a damp that is given or chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from numpy.typing import ArrayLike

from ..errors import GeometryError
from ..solution import Solution
from ._arguments import check_used, one_of
from ._auto import auto_choice
from ._choice import Choice
from ._choose import discrepancy_choice, gcv_choice, lcurve_choice
from ._hybrid import wgcv_choice
from ._least_squares import LeastSquares
from ._ncp import ncp_choice
from ._operator_findings import operator_findings
from ._solve import solve

_NEEDS_NOISE = "discrepancy"
_RULES: dict[str, Callable[[LeastSquares], Choice]] = {
    "gcv": gcv_choice,
    "wgcv": wgcv_choice,
    "lcurve": lcurve_choice,
    "ncp": ncp_choice,
}
RULES = ("auto", *_RULES, _NEEDS_NOISE)
_USES: dict[str, tuple[str, ...]] = {
    "a number": (),
    **dict.fromkeys(_RULES, ()),
    "auto": ("noise_norm",),
    _NEEDS_NOISE: ("noise_norm",),
}


def tikhonov(
    op: Any,
    y: ArrayLike,
    damp: float | str = "gcv",
    *,
    regularizer: Any = None,
    noise_norm: float | None = None,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    **options: Any,
) -> Solution:
    """The solution of ``min |C x - y|^2 + damp^2 |L x|^2``, with damp chosen from the data.

    Parameters
    ----------
    op, y, regularizer, mask, weights
        As for :func:`sparse_tconv.inverse.solve`; the rules, too, look at weighted rows.
    damp : float or str, default 'gcv'
        The weight, or the rule that chooses it:

        * 'auto': robust generalized cross-validation; with `noise_norm` the predictive risk
          (Mallows' Cp);
        * 'gcv': generalized cross-validation;
        * 'wgcv': weighted GCV in a hybrid Golub-Kahan method;
        * 'lcurve': the corner of the L-curve;
        * 'ncp': the residual is as white as can be;
        * 'discrepancy': the residual is as large as the noise.
    noise_norm : float, optional
        The norm of the noise in `y`, of weighted rows if there are `weights`; for 'discrepancy',
        which needs it, and for 'auto'.
    **options
        The other arguments of :func:`sparse_tconv.inverse.solve`.

    Returns
    -------
    Solution
        ``chosen_by`` names the rule, and how it knew the spectrum; ``findings`` say what speaks
        against the answer: a rule at an end of its range, and where y is a picture of real numbers what
        :func:`deblur` looks at.

    Raises
    ------
    ShapeError, GeometryError, DTypeError, MatrixTooLargeError, MissingExtraError
        As for :func:`sparse_tconv.inverse.solve` and the rules.

    See Also
    --------
    gcv, wgcv, lcurve, ncp, discrepancy : the rules, with their curves.
    deblur : for a picture whose border nobody knows.
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
    given = {"regularizer": regularizer, "mask": mask, "weights": weights}
    chosen = _choice(op, y, damp, noise_norm, given)
    value: Any = damp if chosen is None else chosen.damp
    solution = solve(op, y, damp=value, **given, **options)
    findings = operator_findings(op, y, solution, chosen, noise_norm, given)
    if chosen is None:
        return replace(solution, findings=findings)
    return replace(solution, chosen_by=f"{chosen.rule}, {chosen.source}", findings=findings)


def _choice(
    op: Any, y: ArrayLike, damp: Any, noise_norm: Any, given: dict[str, Any]
) -> Choice | None:
    """What the rule found, or None for a damp that is given."""
    known = [] if noise_norm is None else ["noise_norm"]
    if not isinstance(damp, str):
        check_used("damp", "a number", _USES, known)
        return None
    rule = one_of("damp", damp, RULES)
    check_used("damp", rule, _USES, known)
    if rule == _NEEDS_NOISE and noise_norm is None:
        raise GeometryError(
            "`noise_norm` must be given for damp='discrepancy'; got None. "
            "Pass the norm of the noise in y, or damp='gcv'."
        )
    problem = LeastSquares.of(op, y, **given)
    if rule == "auto":
        return auto_choice(problem, noise_norm)
    if rule == _NEEDS_NOISE:
        return discrepancy_choice(problem, noise_norm)
    return _RULES[rule](problem)
