"""SciPy's lsmr, lsqr and cg on the problem."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, aslinearoperator, cg, lsmr, lsqr

from ..errors import ShapeError
from ..solution import Status
from ._controls import Answer, Controls
from ._least_squares import LeastSquares

# What lsmr and lsqr say: 1, 2 (and 4, 5 to rounding) met a tolerance, 0 had nothing to do; 3 and 6
# are limits of the condition number, which is not asked for here but by rounding.
_STATUS = {3: Status.STAGNATED, 6: Status.STAGNATED, 7: Status.MAXITER}


def solve_lsmr(problem: LeastSquares, controls: Controls) -> Answer:
    """Fong and Saunders (2011)."""
    return _bidiagonalizing(lsmr, problem, controls)


def solve_lsqr(problem: LeastSquares, controls: Controls) -> Answer:
    """Paige and Saunders (1982)."""
    return _bidiagonalizing(lsqr, problem, controls)


def _bidiagonalizing(solver: Any, problem: LeastSquares, controls: Controls) -> Answer:
    """SciPy's own damp where it means this problem, rows of damp * L below C where it does not.

    With x0, SciPy damps x - x0 instead of x.
    """
    native = problem.regularizer is None and controls.x0 is None
    operator, data = (problem.with_damp(0.0) if native else problem).stacked()
    limit = {"maxiter" if solver is lsmr else "iter_lim": controls.maxiter}
    x, istop, iterations, *_ = solver(
        _counted(operator, controls),
        data,
        damp=problem.damp if native else 0.0,
        atol=controls.rtol,
        btol=controls.rtol,
        conlim=0.0,
        x0=None if controls.x0 is None else controls.x0.ravel(),
        **limit,
    )
    status = _STATUS.get(int(istop), Status.CONVERGED)
    return Answer(x.reshape(problem.count, -1), status, int(iterations))


def _counted(operator: LinearOperator, controls: Controls) -> LinearOperator:
    """The operator, with a step of progress at every adjoint product: there is one per iteration."""

    def rmatvec(y: NDArray[Any]) -> NDArray[Any]:
        controls.progress.step()
        return np.asarray(operator.rmatvec(y))

    return LinearOperator(
        operator.shape, matvec=operator.matvec, rmatvec=rmatvec, dtype=operator.dtype
    )


def solve_cg(problem: LeastSquares, controls: Controls) -> Answer:
    """Conjugate gradients on the normal equations, preconditioned if asked for."""

    def matvec(x: NDArray[Any]) -> NDArray[Any]:
        return problem.normal(x.reshape(problem.count, -1)).ravel()

    n = problem.columns
    normal = LinearOperator((n, n), matvec=matvec, rmatvec=matvec, dtype=problem.y.dtype)
    x, info = cg(
        normal,
        problem.adjoint(problem.y).ravel(),
        x0=None if controls.x0 is None else controls.x0.ravel(),
        rtol=controls.rtol,
        atol=0.0,
        maxiter=controls.maxiter,
        M=_repeated(controls.preconditioner, problem),
        callback=lambda x: controls.progress.step(x.reshape(problem.count, -1)),
    )
    status = Status.CONVERGED if info == 0 else Status.MAXITER
    return Answer(x.reshape(problem.count, -1), status, controls.progress.iterations)


def _repeated(preconditioner: Any, problem: LeastSquares) -> LinearOperator | None:
    """The preconditioner of one sample, for each of the batch."""
    if preconditioner is None:
        return None
    one = aslinearoperator(preconditioner)
    n = problem.columns // problem.count
    if one.shape != (n, n):
        raise ShapeError(
            f"`preconditioner` must have shape {(n, n)}; got {one.shape}. "
            f"Make it for samples of shape {problem.in_shape}."
        )

    def matvec(x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(one.matmat(x.reshape(problem.count, -1).T)).T.ravel()

    return LinearOperator((problem.columns,) * 2, matvec=matvec, dtype=problem.y.dtype)
