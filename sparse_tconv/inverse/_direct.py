"""Solvers that do not iterate: a diagonal problem, and a sparse factorization."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, eye_array
from scipy.sparse.csgraph import reverse_cuthill_mckee
from scipy.sparse.linalg import SuperLU, splu

from .. import _validate as validate
from .._memory import available_memory
from ..errors import GeometryError, MatrixTooLargeError
from ..solution import Status
from ._controls import Answer, Controls
from ._convergence import Watched, backward_error
from ._diagonal import diagonal, inverted
from ._least_squares import LeastSquares

_REFINEMENTS = 2
_NORM_STEPS = 3
_ENTRY = 12  # bytes of a double and its index


def solve_spectral(problem: LeastSquares, controls: Controls) -> Answer:
    """Filter the coefficients of y; the answer of least norm where there are several."""
    found = controls.diagonal or diagonal(problem)
    if isinstance(found, str):
        raise GeometryError(
            f"`method` must be one that applies; got 'spectral', but {found}. Pass method='auto'."
        )
    samples = problem.y.reshape(problem.count, *problem.out_shape)
    coefficients = found.factorization.analyse(samples)
    filters = inverted(found.values, found.weights, problem.damp)
    x = found.factorization.synthesise(filters * coefficients)
    return Answer(x.reshape(problem.count, -1), Status.DIRECT, 0)


def solve_factor(problem: LeastSquares, controls: Controls) -> Answer:
    """Factorize the normal equations once, for all samples of the batch, and refine.

    The corrected seminormal equations: residuals come from C itself, so that the digits which C^H C
    loses come back while the factorization is good for one at all (Björck 1996, section 6.6.5).
    """
    factor = _factor(problem, controls.max_bytes)
    x = _solved(factor, problem.adjoint(problem.y))
    for _ in range(_REFINEMENTS):
        correction = _solved(factor, _defect(problem, x))
        x = x + correction
    # Where the last correction is not small, the factorization is none of this matrix.
    settled = np.linalg.norm(correction) <= controls.rtol * np.linalg.norm(x)
    good = settled and np.isfinite(x).all() and _error(problem, x) <= controls.rtol
    return Answer(x, Status.DIRECT if good else Status.INACCURATE, 0)


def _error(problem: LeastSquares, x: NDArray[Any]) -> float:
    """The backward error, measured."""
    rows, data = problem.stacked()
    operator = Watched(rows)
    v = operator.rmatvec(data)
    for _ in range(_NORM_STEPS):
        v = operator.rmatvec(operator.matvec(v / (np.linalg.norm(v) or 1.0)))
    residual = data - operator.matvec(x.ravel())
    return backward_error(operator.norm, data, x, residual, operator.rmatvec(residual))


def _defect(problem: LeastSquares, x: NDArray[Any]) -> NDArray[Any]:
    """C^H (y - C x) - damp^2 L^H L x."""
    defect = problem.adjoint(problem.y - problem.forward(x))
    if problem.damp:
        defect = defect - problem.damp**2 * problem.penalty_adjoint(problem.penalty(x))
    return defect


def _solved(factor: SuperLU, right: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(factor.solve(np.ascontiguousarray(right.T))).T


def _factor(problem: LeastSquares, max_bytes: Any) -> SuperLU:
    """The normal equations' matrix, factorized in an order that keeps it sparse."""
    limit = _limit(max_bytes)
    rows = problem.op.matrix
    if problem.mask is not None:
        rows = rows[problem.mask]
    _guard(_product_bytes(rows), limit, "the matrix of the normal equations")
    normal = (rows.conj().T @ rows).tocsc()
    if problem.damp:
        normal = normal + problem.damp**2 * _penalty_matrix(problem)
    normal = csc_array(normal, dtype=problem.y.dtype)
    _guard(_factor_bytes(normal), limit, "the factorization")
    try:
        return splu(
            normal,
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
    except RuntimeError as error:
        raise GeometryError(
            f"`damp` must make the normal equations non-singular for method='factor'; "
            f"got {problem.damp}. Pass a positive damp, or method='lsmr'."
        ) from error


def _penalty_matrix(problem: LeastSquares) -> Any:
    """L^H L."""
    if problem.regularizer is None:
        return eye_array(prod(problem.in_shape), format="csc")
    rows = problem.regularizer.matrix
    return (rows.conj().T @ rows).tocsc()


def _limit(max_bytes: Any) -> int:
    if max_bytes is None:
        return available_memory()
    return validate.integer("max_bytes", max_bytes, minimum=0)


def _product_bytes(rows: csr_array) -> int:
    """At most this for the product with its adjoint: each row gives the square of its entries."""
    lengths = np.diff(rows.indptr).astype(np.int64)
    return int(_ENTRY * min((lengths**2).sum(), rows.shape[1] ** 2))


def _factor_bytes(normal: csc_array) -> int:
    """What a banded factorization would need; one of minimum degree has needed less."""
    order = reverse_cuthill_mckee(normal.tocsr(), symmetric_mode=True)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    columns = np.repeat(np.arange(normal.shape[1]), np.diff(normal.indptr))
    natural = np.abs(normal.indices - columns).max(initial=0)
    reordered = np.abs(place[normal.indices] - place[columns]).max(initial=0)
    return _ENTRY * normal.shape[0] * (2 * int(min(natural, reordered)) + 1)


def _guard(needed: int, limit: int, what: str) -> None:
    if needed > limit:
        raise MatrixTooLargeError(
            f"`max_bytes` must allow {what}, about {needed:,} bytes; got {limit:,}. "
            f"Raise max_bytes, or pass method='lsmr', which stores no matrix."
        )
