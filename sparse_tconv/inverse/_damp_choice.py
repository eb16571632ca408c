"""The damp of a picture, and why."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import GeometryError
from ._choose import TAU
from ._damp_path import Point, descend
from ._findings import path_findings
from ._hybrid import wgcv_choice
from ._least_squares import LeastSquares
from ._models import Vector
from ._operator_findings import rule_findings
from ._path_rules import at_target, corners, least, rule_of
from ._progress import Progress
from ._pursuit import Pursuit
from ._task import Task
from ._whiteness import distance

RULES = ("auto", "gcv", "wgcv", "lcurve", "discrepancy", "ncp")


class Chosen(NamedTuple):
    """A damp, the rule's name, what speaks against it, and a vector to start from, if there is one."""

    damp: float
    rule: str
    findings: list[str]
    start: Vector | None
    iterations: int


def choose(task: Task, rule: str, sigma: float, given: bool, progress: Progress) -> Chosen:
    """The damp that a rule chooses; `sigma` is given, or an estimate."""
    if rule == "wgcv":
        problem = LeastSquares.of(
            task.operator(), task.stack, regularizer=task.regularizer, mask=task.mask
        )
        found = wgcv_choice(problem, progress.step)
        return Chosen(found.damp, f"wgcv, {found.source}", rule_findings(found), None, 0)
    if rule == "discrepancy" and sigma == 0:
        raise GeometryError(
            "`sigma` must be positive for rule='discrepancy'; got an estimate of 0. "
            "Pass the noise's standard deviation, or rule='auto'."
        )
    # Single precision is enough to compare damps, and twice as fast.
    pursuit = Pursuit(task.model(np.float32), task.stack)
    known = sigma if given else 0.0
    target = (TAU * sigma) ** 2
    color = distance if rule == "ncp" else None
    score, ended = rule_of(rule, target, known)
    points, scores, best = descend(pursuit, task.rows, score, ended, progress.step, color)
    return Chosen(
        _damp(rule, points, scores, target),
        _named(rule, given),
        path_findings(rule, points, scores, target, sigma),
        best.x,
        pursuit.iterations,
    )


def _damp(rule: str, points: list[Point], scores: list[float], target: float) -> float:
    if rule == "lcurve":
        return points[corners(points)[0]].damp
    return at_target(points, target) if rule == "discrepancy" else least(points, scores)


def _named(rule: str, given: bool) -> str:
    return ("predictive risk" if given else "robust gcv") if rule == "auto" else rule
