"""SciPy's lsmr and lsqr on the problem."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, lsmr, lsqr

from ..solution import Status
from ._controls import Answer, Controls
from ._convergence import Watched, backward_error
from ._least_squares import LeastSquares


def solve_lsmr(problem: LeastSquares, controls: Controls) -> Answer:
    """Fong and Saunders (2011)."""
    return _bidiagonalizing(lsmr, problem, controls)


def solve_lsqr(problem: LeastSquares, controls: Controls) -> Answer:
    """Paige and Saunders (1982)."""
    return _bidiagonalizing(lsqr, problem, controls)


def _bidiagonalizing(solver: Any, problem: LeastSquares, controls: Controls) -> Answer:
    """SciPy's own damp where it means this problem, rows of damp * L below C where it does not.

    With x0, SciPy damps x - x0 instead of x. Its tests take the Frobenius norm of what it has seen
    for the operator's, which grows with the iterations: what it claims is measured, and it goes on
    from there to a smaller tolerance where the claim does not hold.
    """
    whole, data = problem.stacked()
    x, tolerance, last, done = problem.start(controls.x0), controls.rtol, np.inf, 0
    native = problem.regularizer is None and controls.x0 is None
    while True:
        rows, right = (problem.with_damp(0.0) if native else problem).stacked()
        watched = Watched(rows)
        x, istop, steps, *_ = solver(
            _counted(watched, controls),
            right,
            damp=problem.damp if native else 0.0,
            atol=tolerance,
            btol=tolerance,
            conlim=0.0,
            x0=x if x.any() else None,
            **{"maxiter" if solver is lsmr else "iter_lim": controls.maxiter - done},
        )
        done += int(steps)
        r = data - whole.matvec(x)
        norm = np.hypot(watched.norm, problem.damp) if native else watched.norm
        error = backward_error(norm, data, x, r, whole.rmatvec(r))
        if error <= controls.rtol:
            status = Status.CONVERGED
        elif int(istop) == 7 or done >= controls.maxiter:
            status = Status.MAXITER
        elif error > last / 2:
            status = Status.STAGNATED
        else:
            tolerance, last, native = tolerance * controls.rtol / error / 2, error, False
            continue
        return Answer(x.reshape(problem.count, -1), status, done)


def _counted(operator: LinearOperator, controls: Controls) -> LinearOperator:
    """The operator, with a step of progress at every adjoint product: there is one per iteration."""

    def rmatvec(y: NDArray[Any]) -> NDArray[Any]:
        controls.progress.step()
        return np.asarray(operator.rmatvec(y))

    return LinearOperator(
        operator.shape, matvec=operator.matvec, rmatvec=rmatvec, dtype=operator.dtype
    )
