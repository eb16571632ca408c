"""The weight of total variation at which the residual is as large as the noise."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import exp, log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..solution import ConvergenceWarning, Solution
from ._tv import tv

# Solutions on the way are warm starts: they are as exact as the search needs.
_COARSE, _MOST = 1e-2, 14
_NEAR = 0.02  # of the squared residual
_STRIDE = 4.0  # from weight to weight, until the noise is between two of them
_FIRST = 50.0  # times sigma^2 over the range of the data: where it is looked for


class Discrepant(NamedTuple):
    """The answer at the weight found, and what speaks against it."""

    solution: Solution
    findings: tuple[str, ...]


def discrepant(op: Any, y: NDArray[Any], rows: int, sigma: float, **options: Any) -> Discrepant:
    """`tv` with the weight for which ``|C x - y|^2 = rows sigma^2``, by a bracketed secant method.

    The residual grows with the weight. `options` are those of `tv`.
    """
    found: list[Solution] = []

    def excess(logarithm: float) -> float:
        start = found[-1].x if found else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found.append(tv(op, y, exp(logarithm), x0=start, tol=_COARSE, **options))
        return log(max(found[-1].residual_norm ** 2, 1e-300) / (rows * sigma**2))

    span = float(np.ptp(y)) or 1.0
    weight, reached = _root(excess, log(_FIRST * sigma**2 / span))
    answer, findings = given_weight(op, y, exp(weight), x0=found[-1].x, **options)
    if not reached:
        ratio = answer.residual_norm / (rows**0.5 * sigma)
        words = "times the noise for the weight nearest to the discrepancy"
        findings = (f"the residual is {ratio:.3g} {words}", *findings)
    return Discrepant(answer, findings)


def given_weight(op: Any, y: NDArray[Any], weight: float, **options: Any) -> Discrepant:
    """`tv` whose warning is a finding."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        answer = tv(op, y, weight, **options)
    return Discrepant(answer, () if answer.converged else (f"the iteration {answer.status.value}",))


def _root(excess: Callable[[float], float], start: float) -> tuple[float, bool]:
    """Where a growing function is about zero, and whether it was found."""
    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None
    at = best = start
    least = np.inf
    for _ in range(_MOST):
        value = excess(at)
        if abs(value) < least:
            best, least = at, abs(value)
        if least <= _NEAR:
            return best, True
        if value < 0:
            low = (at, value)
        else:
            high = (at, value)
        if low is None:
            at -= log(_STRIDE)
        elif high is None:
            at += log(_STRIDE)
        else:
            share = -low[1] / (high[1] - low[1])
            at = low[0] + min(max(share, 0.1), 0.9) * (high[0] - low[0])
    return best, False
