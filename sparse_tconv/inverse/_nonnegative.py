"""Solvers for x that is not negative, beside accelerated gradients."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from ..errors import DTypeError
from ..solution import Status
from ._bounded import Bounded
from ._controls import Answer, Controls
from ._least_squares import LeastSquares

# Columns and entries of a matrix for which SciPy's active sets are fast.
_COLUMNS, _ENTRIES, _SAMPLES = 300, 4_000_000, 8


def small(problem: LeastSquares) -> bool:
    """Whether the dense method is fast."""
    columns = problem.columns // problem.count
    rows = problem.y.shape[1] + columns
    return columns <= _COLUMNS and rows * columns <= _ENTRIES and problem.count <= _SAMPLES


def check_real(problem: LeastSquares) -> None:
    """Refuse what has no order."""
    if problem.y.dtype.kind == "c":
        raise DTypeError(
            f"`nonnegative` must go with a real problem; got {problem.dtype}. "
            f"Pass real and imaginary parts apart."
        )


def solve_nnls(problem: LeastSquares, controls: Controls) -> Answer:
    """SciPy's nnls (Lawson and Hanson, 1974) on the dense matrix; where it gives up, MPRGP."""
    check_real(problem)
    matrix = _dense(problem)
    zeros = np.zeros(len(matrix) - problem.y.shape[1])
    found = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for sample in problem.y:
                found.append(nnls(matrix, np.concatenate([sample, zeros]))[0])
    except (RuntimeError, Warning, np.linalg.LinAlgError):
        return solve_mprgp(problem, controls)
    return Answer(np.array(found), Status.DIRECT, 0)


def _dense(problem: LeastSquares) -> NDArray[np.float64]:
    """The rows of C used over those of damp * L, for one sample."""
    unit = np.eye(problem.columns // problem.count, dtype=problem.y.dtype)
    blocks = [problem.forward(unit)]
    if problem.damp:
        blocks.append(problem.damp * problem.penalty(unit))
    return np.ascontiguousarray(np.hstack(blocks).T)


def solve_mprgp(problem: LeastSquares, controls: Controls) -> Answer:
    """Dostál's method, for any operator."""
    check_real(problem)
    bounded = Bounded(*problem.stacked(), 0.0, np.inf)

    def step(x: NDArray[np.float64]) -> None:
        controls.progress.step(x.reshape(problem.count, -1))

    x, status = bounded.minimize(problem.start(controls.x0), controls.rtol, controls.maxiter, step)
    return Answer(x.reshape(problem.count, -1), status, controls.progress.iterations)
