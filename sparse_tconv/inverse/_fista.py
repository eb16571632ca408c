"""Accelerated projected gradients: x not negative."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import DTypeError
from ..solution import Status
from ._bidiagonalization import Bidiagonalization
from ._controls import Answer, Controls
from ._least_squares import LeastSquares

_NORM_STEPS = 10


def solve_fista(problem: LeastSquares, controls: Controls) -> Answer:
    """Beck and Teboulle (2009), section 4, with the restarts of O'Donoghue and Candes (2015).

    The step is 1 / bound for a bound of the squared norm of the stacked operator A, which is
    doubled whenever ``|A d|^2 <= bound |d|^2`` turns out false.
    """
    if controls.nonnegative and problem.y.dtype.kind == "c":
        raise DTypeError(
            f"`nonnegative` must go with a real problem; got {problem.dtype}. "
            f"Pass real and imaginary parts apart."
        )
    operator, data = problem.stacked()
    bound = _squared_norm(problem)
    x = _start(problem, controls)
    image = operator.matvec(x)
    z, image_z, t = x, image, 1.0
    enough = controls.rtol * float(np.linalg.norm(problem.adjoint(problem.y)))
    status = Status.MAXITER
    while controls.progress.iterations < controls.maxiter:
        # 1. A projected gradient step from the extrapolated point z.
        gradient = operator.rmatvec(image_z - data)
        while True:
            new = _projected(z - gradient / bound, controls.nonnegative)
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
        if bound * float(np.linalg.norm(step)) <= enough:
            status = Status.CONVERGED
            break
    return Answer(x.reshape(problem.count, -1), status, controls.progress.iterations)


def _start(problem: LeastSquares, controls: Controls) -> NDArray[np.inexact]:
    if controls.x0 is None:
        return np.zeros(problem.columns, problem.y.dtype)
    start = controls.x0.ravel().astype(problem.y.dtype)
    return _projected(start, controls.nonnegative)


def _projected(x: NDArray[np.inexact], nonnegative: bool) -> NDArray[np.inexact]:
    return np.maximum(x, 0.0) if nonnegative else x


def _squared_norm(problem: LeastSquares) -> float:
    """Slightly more than a few steps of bidiagonalization see of the stacked operator's norm."""
    operator, data = problem.stacked()
    probe = np.random.default_rng(0).standard_normal(data.shape).astype(data.dtype)
    seen = Bidiagonalization(operator.matvec, operator.rmatvec, probe)
    seen.extend(_NORM_STEPS)
    largest = float(np.linalg.norm(seen.matrix, 2)) if seen.matrix.size else 0.0
    return 1.05 * largest**2 or 1.0
