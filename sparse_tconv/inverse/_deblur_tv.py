"""A sharp picture of flat parts: total variation under an unknown or a known boundary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import GeometryError
from ..operators import power_of_two
from ..solution import Solution
from ._arguments import number
from ._findings import (
    answer_findings,
    data_findings,
    noise_findings,
    psf_findings,
    ring_findings,
)
from ._models import Stack
from ._task import Task
from ._tv_weight import Discrepant, discrepant, given_weight

_LEAST = 1e-6  # of the range of the data: noise that is none


def deblur_tv(
    task: Task, rule: str | float, sigma: float, given: bool, nonnegative: bool, progress: bool
) -> Solution:
    """The answer for a weight, or for that at which the residual is as large as the noise.

    The edges of all channels are in one place.
    """
    if task.regularizer != "gradient":
        raise GeometryError(
            f"`regularizer` must be 'gradient' for penalty='tv'; got {task.regularizer!r}. "
            f"Leave it out."
        )
    options: dict[str, Any] = {
        "joint": True,
        "lower": 0.0 if nonnegative else None,
        "mask": task.mask,
        "progress": progress,
    }
    op, y = task.operator(), task.stack
    if isinstance(rule, str):
        if rule not in ("auto", "discrepancy"):
            raise GeometryError(
                f"`rule` must be 'auto', 'discrepancy' or a weight for penalty='tv'; got {rule!r}. "
                f"Pass one of these."
            )
        name = "discrepancy"
        if task.unknown and not np.ptp(y):  # it has no noise that a weight could be found for
            found = given_weight(op, y, 1.0, **options)
        else:
            noise = max(sigma, _LEAST * float(np.ptp(y)), float(np.finfo(float).tiny) ** 0.5)
            found = discrepant(op, y, task.rows, noise, **options)
    else:
        weight = power_of_two(number("rule", rule, positive=True), -sum(task.exponents))
        found = given_weight(op, y, float(weight), **options)
        name = "given"
    return _told(task, found, name, sigma, given)


def _told(task: Task, found: Discrepant, name: str, sigma: float, given: bool) -> Solution:
    """The picture, where its weight comes from, and all findings."""
    answer, (of_psf, of_y) = found.solution, task.exponents
    level = answer.residual_norm / task.rows**0.5
    seen = task.model(np.float64).seen(answer.x)
    told = replace(
        answer,
        x=task.returned(seen),
        chosen_by=f"{name}, {task.told(sigma, given)}",
        findings=(
            *psf_findings(task.psf.kernels, task.psf.center, of_psf),
            *data_findings(task.channels.first(task.picture), task.used),
            *found.findings,
            *(
                []
                if task.explained(answer.residual_norm**2)
                else _against(task, seen, answer.x, level, sigma, given)
            ),
        ),
        field=task.whole(answer.x),
    )
    return task.restored(told, of_psf + of_y)


def _against(
    task: Task, seen: Stack, field: Stack, level: float, sigma: float, given: bool
) -> list[str]:
    """What speaks against an answer whose residual is more than rounding."""
    shown, data = task.compared(seen)
    residual = task.stack - task.operator().apply(field)
    if task.used is not None:
        residual = residual * task.used
    return [
        *noise_findings(level, sigma, given),
        *answer_findings(shown, data),
        *ring_findings(shown, data - residual),
    ]
