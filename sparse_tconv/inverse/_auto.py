"""The library's best rule for damp, for any operator."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..operators import power_of_two
from ._arguments import number
from ._choice import Auto
from ._expand import expand
from ._expansion import Expansion
from ._least_squares import LeastSquares
from ._rules import (
    POINTS,
    Function,
    choose_trusted,
    curve,
    refined_minimum,
    risk_function,
    robust_function,
)
from ._scale import scaled


def auto_choice(problem: LeastSquares, noise_norm: Any) -> Auto:
    """Robust cross-validation, or the least predictive risk where the norm of the noise is known."""
    known = noise_norm is not None
    noise = number("noise_norm", noise_norm, positive=True) if known else 0.0
    problem = scaled(problem)
    of_op, of_y = problem.exponents
    level = float(power_of_two(noise, -of_y))
    score = partial(risk_function, noise_norm=level) if known else robust_function
    least = _least if known else choose_trusted

    def rule(expansion: Expansion) -> float:
        return least(expansion, score(expansion))

    found = expand(problem, rule)
    damp, damps = rule(found), found.damps(POINTS)
    return Auto(
        float(power_of_two(damp, of_op)),
        found.source,
        power_of_two(damps, of_op),
        float(power_of_two(found.noise(damp), of_y)),
        power_of_two(curve(score(found), damps), 2 * of_y),
        "predictive risk" if known else "robust gcv",
    )


def _least(expansion: Expansion, function: Function) -> float:
    damps = expansion.damps(POINTS)
    return refined_minimum(function, damps, curve(function, damps))
