"""Conjugate gradients for least squares: the normal equations, never formed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import aslinearoperator

from ..errors import ShapeError
from ..operators import power_of_two
from ..solution import Status
from ._controls import Answer, Controls
from ._convergence import Watched, backward_error
from ._least_squares import LeastSquares

Vector = NDArray[Any]


def solve_cgls(problem: LeastSquares, controls: Controls) -> Answer:
    """Björck, Numerical Methods for Least Squares Problems (1996), algorithms 7.4.1 and 7.4.3.

    What the recurrences claim is measured; where it does not hold, they start again from there.
    """
    rows, data = problem.stacked()
    operator, precondition = Watched(rows), _repeated(controls.preconditioner, problem)
    x = problem.start(controls.x0)
    last = np.inf
    while True:
        r = data - operator.matvec(x) if x.any() else data
        s = operator.rmatvec(r)
        error = backward_error(operator.norm, data, x, r, s)
        if error <= controls.rtol:
            status = Status.CONVERGED
        elif controls.progress.iterations >= controls.maxiter:
            status = Status.MAXITER
        elif not error <= last / 2:  # NaN too
            status = Status.STAGNATED
        else:
            last = error
            x = _run(operator, data, x, r, s, precondition, problem, controls)
            continue
        return Answer(x.reshape(problem.count, -1), status, controls.progress.iterations)


def _run(
    operator: Watched,
    data: Vector,
    x: Vector,
    r: Vector,
    s: Vector,
    precondition: Callable[[Vector], Vector],
    problem: LeastSquares,
    controls: Controls,
) -> Vector:
    """Iterate from x, its residual r and ``s = A^H r`` until the recurrences see convergence."""
    z = precondition(s)
    p, gamma = z, float(np.vdot(s, z).real)
    while gamma > 0 and controls.progress.iterations < controls.maxiter:
        q = operator.matvec(p)
        alpha = gamma / float(np.vdot(q, q).real)
        x = x + alpha * p
        r = r - alpha * q
        s = operator.rmatvec(r)
        controls.progress.step(x.reshape(problem.count, -1))
        if backward_error(operator.norm, data, x, r, s) <= controls.rtol:
            break
        z = precondition(s)
        gamma, last = float(np.vdot(s, z).real), gamma
        p = z + (gamma / last) * p
    return x


def _repeated(preconditioner: Any, problem: LeastSquares) -> Callable[[Vector], Vector]:
    """The preconditioner of one sample, for each of the batch."""
    if preconditioner is None:
        return lambda s: s
    one = aslinearoperator(preconditioner)
    n = problem.columns // problem.count
    if one.shape != (n, n):
        raise ShapeError(
            f"`preconditioner` must have shape {(n, n)}; got {one.shape}. "
            f"Make it for samples of shape {problem.in_shape}."
        )

    def apply(s: Vector) -> Vector:
        # An inverse of the caller's normal equations, not of those of common size.
        found = np.asarray(one.matmat(s.reshape(problem.count, -1).T)).T.ravel()
        return np.asarray(power_of_two(found, 2 * problem.exponents[0]))

    return apply
