"""Weighted GCV in a hybrid Golub-Kahan method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..operators import power_of_two
from ._choice import WGCV
from ._expand import affordable, projected, started
from ._expansion import Expansion
from ._least_squares import LeastSquares
from ._rules import POINTS, refined_minimum
from ._scale import scaled

_FIRST, _GROWTH, _MOST = 10, 1.3, 150
_SETTLED = 0.02  # of the logarithm of damp


def wgcv(op: Any, y: ArrayLike, *, regularizer: Any = None, mask: ArrayLike | None = None) -> WGCV:
    """The damp of weighted generalized cross-validation in a hybrid Golub-Kahan method.

    Parameters
    ----------
    op, y, regularizer, mask
        As for :func:`sparse_tconv.inverse.solve`.

    Returns
    -------
    WGCV
        The damp, the curve, and the weight.

    Raises
    ------
    ShapeError, GeometryError, DTypeError
        As for :func:`sparse_tconv.inverse.solve`.

    See Also
    --------
    gcv : of the whole problem, not of a projected one.
    sparse_tconv.inverse.tikhonov : chooses and solves.

    Notes
    -----
    Minimizes ``|B z_damp - beta e_1|^2 / trace(I - weight B B_damp^+)^2`` for the bidiagonal B that
    so many steps have made of C. Plain GCV damps such a small problem too much; a weight below 1
    makes up for it. The weight is the mean, over all spaces so far, of that with which GCV would choose
    the smallest value seen, and the space grows until the damp settles. No spectrum is needed.

    References
    ----------
    .. [1] J. Chung, J. G. Nagy, D. P. O'Leary, "A weighted GCV method for Lanczos hybrid
       regularization", Electron. Trans. Numer. Anal. 28 (2008), sections 3 and 4.

    Examples
    --------
    >>> from sparse_tconv.inverse import problems, wgcv
    >>> problem = problems.deconvolution(seed=1)
    >>> wgcv(problem.op, problem.y)
    <WGCV damp=..., Golub-Kahan bidiagonalization, ... steps>
    >>> wgcv(problem.op, problem.y[1:])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `y` must have shape (..., 128); got (127,). The last axes are
        one sample.
    """
    return wgcv_choice(LeastSquares.of(op, y, regularizer=regularizer, mask=mask))


def wgcv_choice(problem: LeastSquares, step: Callable[[], object] | None = None) -> WGCV:
    """Chung, Nagy and O'Leary (2008), algorithm 1: the space grows until the damp settles.

    `step` is called for each space. In each the weight is that with which GCV would choose the smallest
    value seen; the mean of all of them is used.
    """
    problem = scaled(problem)
    data, probe = started(problem)
    most = min(_MOST, problem.columns, problem.rows, affordable(problem))
    steps, last, weights = min(_FIRST, most), np.inf, []
    while True:
        data.extend(steps)
        found = projected(problem, data)
        if step is not None:
            step()
        weights.append(_weight(found, data.steps))
        mean = float(np.mean(weights))
        damps = found.damps(POINTS)
        values = np.array([_score(found, data.steps, mean, float(damp)) for damp in damps])
        damp = refined_minimum(partial(_score, found, data.steps, mean), damps, values)
        if abs(np.log(damp) - last) < _SETTLED or data.steps < steps or steps == most:
            break
        steps, last = min(int(_GROWTH * steps), most), float(np.log(damp))
    probe.extend(data.steps)
    noise = replace(found, probe=projected(problem, probe)).noise(damp)
    of_op, of_y = problem.exponents
    return WGCV(
        float(power_of_two(damp, of_op)),
        found.source,
        power_of_two(damps, of_op),
        float(power_of_two(noise, of_y)),
        power_of_two(values, 2 * of_y),
        mean,
    )


def _filters(found: Expansion, damp: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The filters of the projected problem, and how fast they fall with the logarithm of damp."""
    squares, penalized = found.values**2, damp**2 * found.weights
    total = squares + penalized
    kept = np.divide(squares, total, out=np.ones_like(total), where=total > 0)
    return kept, -2.0 * kept * (1.0 - kept)


def _score(found: Expansion, steps: int, weight: float, damp: float) -> float:
    """``|B z - beta e_1|^2 / trace(I - weight A)^2``."""
    kept, _ = _filters(found, damp)
    misfit = float(((1.0 - kept) ** 2 * found.energies).sum() + found.rest)
    return misfit / (steps + 1.0 - weight * float(kept.sum())) ** 2


def _weight(found: Expansion, steps: int) -> float:
    """The weight for which the smallest value seen is where the score does not change."""
    seen = (found.values > 0) & (found.weights > 0)
    if not seen.any():
        return 1.0
    damp = float((found.values[seen] / np.sqrt(found.weights[seen])).min())
    kept, slope = _filters(found, damp)
    misfit = float(((1.0 - kept) ** 2 * found.energies).sum() + found.rest)
    rise = float((-2.0 * (1.0 - kept) * slope * found.energies).sum())
    below = float(kept.sum()) * rise - 2.0 * float(slope.sum()) * misfit
    return min((steps + 1.0) * rise / below, 1.0) if below > 0 else 1.0
