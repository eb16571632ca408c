"""Solvers for x between bounds, beside accelerated gradients."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear, nnls

from ..solution import Status
from ._bounded import Bounded
from ._bounds import Bounds
from ._controls import Answer, Controls
from ._least_squares import LeastSquares

# Columns and entries of a matrix for which SciPy's active sets are fast.
_COLUMNS, _ENTRIES, _SAMPLES = 300, 4_000_000, 8

_EPSILON = float(np.finfo(np.float64).eps)
_ROUNDING = 100  # units of it in a gradient that is zero

_Dense = Callable[[NDArray[np.float64], NDArray[np.float64], Bounds], NDArray[np.float64]]


def small(problem: LeastSquares) -> bool:
    """Whether the dense method is fast."""
    columns = problem.columns // problem.count
    rows = problem.y.shape[1] + columns
    return columns <= _COLUMNS and rows * columns <= _ENTRIES and problem.count <= _SAMPLES


def solve_nnls(problem: LeastSquares, controls: Controls) -> Answer:
    """SciPy's nnls (Lawson and Hanson, 1974) on the dense matrix; where it gives up, MPRGP."""
    return _one_by_one(problem, controls, lambda matrix, data, bounds: nnls(matrix, data)[0])


def solve_bvls(problem: LeastSquares, controls: Controls) -> Answer:
    """SciPy's bvls (Stark and Parker, 1995) on the dense matrix; where it gives up, MPRGP."""
    return _one_by_one(problem, controls, _bvls)


def _one_by_one(problem: LeastSquares, controls: Controls, method: _Dense) -> Answer:
    """Each sample's answer by a dense method, if all of them are exact."""
    matrix = _dense(problem)
    zeros = np.zeros(len(matrix) - problem.y.shape[1])
    bounds = _bounds(controls)
    lower, upper = (b.reshape(problem.count, -1) for b in (bounds.lower, bounds.upper))
    found = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for sample, low, high in zip(problem.y, lower, upper, strict=True):
                data = np.concatenate([sample, zeros])
                found.append(method(matrix, data, Bounds(low, high)))
    except (RuntimeError, Warning, np.linalg.LinAlgError):
        return solve_mprgp(problem, controls)
    return Answer(np.array(found), Status.DIRECT, 0)


def _bvls(
    matrix: NDArray[np.float64], data: NDArray[np.float64], bounds: Bounds
) -> NDArray[np.float64]:
    """The answer, or a RuntimeError where the conditions of optimality are not met.

    SciPy's tests compare costs, so its word is not taken. It wants room between the bounds: entries
    without any are taken out.
    """
    free = bounds.lower < bounds.upper
    x = bounds.lower.copy()
    between = (bounds.lower[free], bounds.upper[free])
    if free.any():
        rest = data - matrix @ np.where(free, 0.0, x)
        x[free] = lsq_linear(matrix[:, free], rest, between, method="bvls", tol=_EPSILON).x
    x = bounds.clip(x)
    residual = data - matrix @ x
    gradient = residual @ matrix
    left = bounds.clip(x + gradient) - x  # a unit step, as far as the bounds let it go
    size = np.linalg.norm(matrix, axis=0) * (
        np.linalg.norm(matrix, axis=0) @ np.abs(x) + np.linalg.norm(data)
    )
    if not (np.abs(left) <= _ROUNDING * _EPSILON * size).all():
        raise RuntimeError
    return x


def _bounds(controls: Controls) -> Bounds:
    """Those that a method between bounds is not called without."""
    if controls.bounds is None:
        raise RuntimeError
    return controls.bounds


def _dense(problem: LeastSquares) -> NDArray[np.float64]:
    """The rows of C used over those of damp * L, for one sample."""
    unit = np.eye(problem.columns // problem.count, dtype=problem.y.dtype)
    blocks = [problem.forward(unit)]
    if problem.damp:
        blocks.append(problem.damp * problem.penalty(unit))
    return np.ascontiguousarray(np.hstack(blocks).T)


def solve_mprgp(problem: LeastSquares, controls: Controls) -> Answer:
    """Dostál's method, for any operator."""
    bounds = _bounds(controls)
    bounded = Bounded(*problem.stacked(), bounds.lower.ravel(), bounds.upper.ravel())

    def step(x: NDArray[np.float64]) -> None:
        controls.progress.step(x.reshape(problem.count, -1))

    x, status = bounded.minimize(problem.start(controls.x0), controls.rtol, controls.maxiter, step)
    return Answer(x.reshape(problem.count, -1), status, controls.progress.iterations)
