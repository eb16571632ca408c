"""Conjugate gradients for least squares: the normal equations, never formed."""

from __future__ import annotations

import numpy as np

from ..solution import Status
from ._controls import Answer, Controls
from ._least_squares import LeastSquares


def solve_cgls(problem: LeastSquares, controls: Controls) -> Answer:
    """Björck, Numerical Methods for Least Squares Problems (1996), algorithm 7.4.1."""
    operator, data = problem.stacked()
    if controls.x0 is None:
        x, r = np.zeros(problem.columns, problem.y.dtype), data
    else:
        x = controls.x0.ravel().astype(problem.y.dtype)
        r = data - operator.matvec(x)
    s = operator.rmatvec(r)
    p, gamma = s, float(np.vdot(s, s).real)
    enough = controls.rtol * float(np.linalg.norm(problem.adjoint(problem.y)))
    while gamma**0.5 > enough and controls.progress.iterations < controls.maxiter:
        q = operator.matvec(p)
        alpha = gamma / float(np.vdot(q, q).real)
        x = x + alpha * p
        r = r - alpha * q
        s = operator.rmatvec(r)
        gamma, last = float(np.vdot(s, s).real), gamma
        p = s + (gamma / last) * p
        controls.progress.step(x.reshape(problem.count, -1))
    status = Status.CONVERGED if gamma**0.5 <= enough else Status.MAXITER
    return Answer(x.reshape(problem.count, -1), status, controls.progress.iterations)
