"""What smaller and smaller damps lead to: all that the rules look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._models import Model, Stack
from ._pursuit import Pursuit, State

# Damps go down by this factor: four to a decade.
_STEP = 10.0**-0.25
_LARGEST, POINTS = 10.0, 21  # relative to the most that C does to a wave

# A solution that leaves less than a tenth of the data's freedom to the noise tells nothing of it.
_FULL = 0.9

# An iterate may be above the minimum by this share of it: GCV tells damps apart by thousandths.
_ROUGH = 1e-4


class Point(NamedTuple):
    """What a damp leads to.

    Attributes
    ----------
    damp : float
        The damp.
    misfit : float
        ``|C x - y|^2 / rows``.
    size : float
        ``|L x|``.
    trace, trace_squared : float
        ``tr A / rows`` and ``tr A^2 / rows`` of the matrix A that makes C x of y.
    color : float
        How far the residual is from white; NaN if that was not asked for.
    """

    damp: float
    misfit: float
    size: float
    trace: float
    trace_squared: float
    color: float

    @property
    def noise(self) -> float:
        """The standard deviation of the noise, if all of the residual is noise."""
        return float(np.sqrt(self.misfit / (1.0 - self.trace)))


def damps(model: Model) -> NDArray[np.float64]:
    """A logarithmic grid, down to where too much freedom is used."""
    grid = _LARGEST * model.largest * _STEP ** np.arange(POINTS)
    traces = np.array([model.traces(float(damp))[0] for damp in grid])
    return np.asarray(grid[: max(int(np.count_nonzero(traces <= _FULL)), 3)])


def descend(
    pursuit: Pursuit,
    rows: int,
    score: Callable[[Point], float],
    ended: Callable[[list[float]], bool],
    step: Callable[[], object],
    color: Callable[[Stack], float] | None = None,
) -> tuple[list[Point], list[float], State]:
    """All damps down to where `ended` says so, their scores, and the state of the least one.

    `rows` data count; `step` is called after every damp; `color` measures a residual.
    """
    points: list[Point] = []
    scores: list[float] = []
    best = pursuit.at
    for damp in damps(pursuit.model):
        pursuit.solve(float(damp), _ROUGH)
        residual = pursuit.at.residual
        misfit = float(np.vdot(residual, residual)) / rows
        measured = np.nan if color is None else color(residual)
        traces = pursuit.model.traces(float(damp))
        points.append(Point(float(damp), misfit, pursuit.size(), *traces, measured))
        scores.append(score(points[-1]))
        if scores[-1] <= min(scores):
            best = pursuit.at
        step()
        if ended(scores):
            break
    return points, scores, best
