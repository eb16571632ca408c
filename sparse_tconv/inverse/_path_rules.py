"""The rules that choose damp along a path of solutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ._damp_path import Point
from ._rules import bends, robustness

_PATIENCE = 4  # damps, a decade, that must be worse before a minimum is believed


class Rule(NamedTuple):
    """What is least at the damp that a rule chooses, and when there is no need to look further."""

    score: Callable[[Point], float]
    ended: Callable[[list[float]], bool]


def robust_gcv(point: Point) -> float:
    """Lukas (2006), equation 8: plain GCV, raised where a solution follows the data too closely."""
    return gcv(point) * robustness(point.trace_squared)


def gcv(point: Point) -> float:
    """Golub, Heath and Wahba (1979)."""
    return point.misfit / (1.0 - point.trace) ** 2


def rule_of(name: str, target: float, sigma: float = 0.0) -> Rule:
    """A rule by its name; `target` is the misfit for 'discrepancy', `sigma` the noise if known."""
    if name == "auto" and sigma > 0:
        return Rule(lambda point: point.misfit + 2.0 * sigma**2 * point.trace, _settled)
    if name == "discrepancy":
        return Rule(
            lambda point: abs(float(np.log(max(point.misfit, 1e-300) / target))),
            lambda scores: len(scores) > 1 and scores[-1] > scores[-2],
        )
    if name == "lcurve":
        return Rule(lambda point: -point.damp, lambda scores: False)
    score = {"auto": robust_gcv, "gcv": gcv, "ncp": lambda point: point.color}[name]
    return Rule(score, _settled)


def _settled(scores: list[float]) -> bool:
    return len(scores) - 1 - int(np.argmin(scores)) >= _PATIENCE


def least(points: list[Point], scores: list[float]) -> float:
    """The damp of the least score, between the points of the grid by a parabola."""
    i = int(np.argmin(scores))
    if i in (0, len(scores) - 1):
        return points[i].damp
    before, here, after = (np.log(max(score, 1e-300)) for score in scores[i - 1 : i + 2])
    bend = before - 2.0 * here + after
    shift = 0.5 * (before - after) / bend if bend > 0 else 0.0
    return float(points[i].damp * (points[i + 1].damp / points[i].damp) ** shift)


def at_target(points: list[Point], target: float) -> float:
    """The damp whose misfit is the target, between the two points around it."""
    misfits = np.log([max(point.misfit, 1e-300) for point in points])[::-1]
    damps = np.log([point.damp for point in points])[::-1]
    return float(np.exp(np.interp(np.log(target), misfits, damps)))


def corners(points: list[Point]) -> list[int]:
    """The convex corners of the L-curve, the sharpest first."""
    return bends(
        np.sqrt([point.misfit for point in points]), np.array([point.size for point in points])
    )
