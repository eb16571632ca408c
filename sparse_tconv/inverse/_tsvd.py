"""The truncated singular value expansion."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from ..errors import GeometryError
from ..operators import power_of_two
from ..solution import Solution, Status
from ._arguments import check_used, number, one_of
from ._choose import TAU
from ._diagonal import Diagonal, diagonal
from ._least_squares import LeastSquares
from ._rules import trusted_minimum
from ._scale import scaled

RULES = ("gcv", "discrepancy")
_USES: dict[str, tuple[str, ...]] = {
    "a number": (),
    "gcv": (),
    "discrepancy": ("noise_norm",),
}


def tsvd(
    op: Any, y: ArrayLike, rank: int | str = "gcv", *, noise_norm: float | None = None
) -> Solution:
    """The solution built from the largest singular values alone.

    Parameters
    ----------
    op : Conv or ConvTranspose
        An operator that :func:`sparse_tconv.spectral.factorize` applies to.
    y : array-like, (..., *out_shape)
        The data; a batch is one problem with C repeated.
    rank : int or {'gcv', 'discrepancy'}, default 'gcv'
        How many singular values to keep, or the rule that chooses it.
    noise_norm : float, optional
        The norm of the noise in `y`; for 'discrepancy', which needs it.

    Returns
    -------
    Solution
        With its ``rank``, and damp 0.

    Raises
    ------
    GeometryError
        No factorization applies to `op`, the rank is out of range, or a rule is unknown.
    ShapeError, DTypeError
        As for :func:`sparse_tconv.inverse.solve`.

    See Also
    --------
    tikhonov : damp them instead; for any operator.

    Notes
    -----
    ``x = sum over the `rank` largest s_i of v_i (u_i^H y) / s_i``.

    Examples
    --------
    >>> from sparse_tconv.inverse import problems, tsvd
    >>> problem = problems.deconvolution(seed=1)
    >>> tsvd(problem.op, problem.y, 20).rank
    20
    >>> tsvd(problem.op, problem.y, 1000)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `rank` must be at most 128, the number of singular values;
        got 1000. Use 128.
    """
    problem = scaled(LeastSquares.of(op, y))
    rule = one_of("rank", rank, RULES) if isinstance(rank, str) else "a number"
    check_used("rank", rule, _USES, [] if noise_norm is None else ["noise_norm"])
    found = diagonal(problem)
    if isinstance(found, str):
        raise GeometryError(
            f"`op` must have a factorization that is fast; got {repr(op).partition(chr(10))[0]}, "
            f"but {found}. Use `tikhonov`."
        )
    order = found.factorization.order
    coefficients = found.factorization.analyse(problem.y.reshape(problem.count, *problem.out_shape))
    energies = (np.abs(coefficients[:, order]) ** 2).sum(axis=0)
    kept, chosen_by = _rank(problem, found, energies, rank, rule, noise_norm)
    filters = np.zeros(len(order))
    filters[order[:kept]] = 1.0 / found.values[order[:kept]]
    x = found.factorization.synthesise(filters * coefficients).reshape(problem.count, -1)
    return Solution(
        problem.shaped(x),
        Status.DIRECT,
        "tsvd",
        0,
        *problem.norms(x),
        chosen_by=chosen_by,
        rank=kept,
    )


def _rank(
    problem: LeastSquares,
    found: Diagonal,
    energies: NDArray[np.float64],
    rank: Any,
    rule: str,
    noise_norm: Any,
) -> tuple[int, str]:
    """How many values to keep, and why."""
    values = found.values[found.factorization.order]
    least = np.finfo(np.float64).eps * len(values) * values[0] if len(values) else 0.0
    positive = int(np.count_nonzero(values > least))
    if not isinstance(rank, str):
        return _checked(rank, positive), "given"
    # Squared residual norms for every rank from 0 to all.
    left = np.concatenate([[0.0], np.cumsum(energies[::-1])])[::-1]
    outside = problem.y.size > problem.count * len(energies)
    rest = float(np.linalg.norm(problem.y) ** 2) - float(left[0]) if outside else 0.0
    residuals = (left + max(rest, 0.0))[: positive + 1]
    chosen_by = f"{rule}, exact spectrum ({found.factorization.method})"
    if rule == "gcv":
        free = problem.rows - problem.count * np.arange(positive + 1)
        scores = np.divide(
            residuals, free.astype(float) ** 2, out=np.full(len(free), np.inf), where=free > 0
        )
        kept = trusted_minimum(scores[::-1], free[::-1] / problem.rows)
        return positive - kept, chosen_by
    if noise_norm is None:
        raise GeometryError(
            "`noise_norm` must be given for rank='discrepancy'; got None. "
            "Pass the norm of the noise in y, or rank='gcv'."
        )
    noise = number("noise_norm", noise_norm, positive=True)
    target = float(power_of_two(TAU * noise, -problem.exponents[1])) ** 2
    enough = np.flatnonzero(residuals <= target)
    return (int(enough[0]) if enough.size else positive), chosen_by


def _checked(rank: Any, most: int) -> int:
    kept = validate.integer("rank", rank, minimum=0)
    if kept > most:
        raise GeometryError(
            f"`rank` must be at most {most}, the number of singular values; got {kept}. Use {most}."
        )
    return kept
