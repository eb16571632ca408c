"""Accelerated projected gradients, with bounds or without."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..solution import Status
from ._bidiagonalization import Bidiagonalization
from ._bounds import Bounds
from ._controls import Answer, Controls
from ._convergence import Watched, backward_error
from ._least_squares import LeastSquares

_NORM_STEPS = 10


def solve_fista(problem: LeastSquares, controls: Controls) -> Answer:
    """Beck and Teboulle (2009), section 4, with the restarts of O'Donoghue and Candes (2015).

    The step is 1 / bound for a bound of the squared norm of the stacked operator A, which is
    doubled whenever ``|A d|^2 <= bound |d|^2`` turns out false.
    """
    rows, data = problem.stacked()
    operator = Watched(rows)
    bound = _squared_norm(operator, data)
    x = _projected(problem.start(controls.x0), controls.bounds)
    image = operator.matvec(x)
    z, image_z, t = x, image, 1.0
    status = Status.MAXITER
    while controls.progress.iterations < controls.maxiter:
        # 1. A projected gradient step from the extrapolated point z.
        gradient = operator.rmatvec(image_z - data)
        while True:
            new = _projected(z - gradient / bound, controls.bounds)
            image_new = operator.matvec(new)
            step, image_step = new - z, image_new - image_z
            if np.linalg.norm(image_step) ** 2 <= (1 + 1e-9) * bound * np.linalg.norm(step) ** 2:
                break
            bound *= 2.0
        # 2. Extrapolate; start anew where that has gone uphill.
        uphill = float(np.vdot(step, new - x).real) < 0
        t_new = 1.0 if uphill else 0.5 + (0.25 + t * t) ** 0.5
        momentum = 0.0 if uphill else (t - 1.0) / t_new
        z = new + momentum * (new - x)
        image_z = image_new + momentum * (image_new - image)
        x, image, t = new, image_new, t_new
        controls.progress.step(x.reshape(problem.count, -1))
        # 3. The step is the gradient that the constraint leaves, over the bound.
        if backward_error(operator.norm, data, x, image - data, bound * step) <= controls.rtol:
            status = Status.CONVERGED
            break
    return Answer(x.reshape(problem.count, -1), status, controls.progress.iterations)


def _projected(x: NDArray[Any], bounds: Bounds | None) -> NDArray[Any]:
    return x if bounds is None else bounds.clip(x)


def _squared_norm(operator: Watched, data: NDArray[np.inexact]) -> float:
    """Slightly more than a few steps of bidiagonalization see of the stacked operator's norm."""
    probe = np.random.default_rng(0).standard_normal(data.shape).astype(data.dtype)
    seen = Bidiagonalization(operator.matvec, operator.rmatvec, probe)
    seen.extend(_NORM_STEPS)
    largest = float(np.linalg.norm(seen.matrix, 2)) if seen.matrix.size else 0.0
    return 1.05 * largest**2 or 1.0
