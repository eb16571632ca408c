"""Where an expansion comes from: an exact factorization, or as much of a bidiagonalization as the
choice of damp needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._memory import available_memory
from ._bidiagonalization import Bidiagonalization
from ._diagonal import diagonal
from ._expansion import Expansion
from ._least_squares import LeastSquares

_FIRST = 20
_MOST = 300
_GROWTH = 1.5
_SETTLED = 0.05  # of the logarithm of damp
_UNSEEN = 1e-10


def expand(problem: LeastSquares, rule: Callable[[Expansion], float]) -> Expansion:
    """The exact expansion, or a projected one grown until the damp that `rule` chooses settles."""
    found = diagonal(problem)
    if not isinstance(found, str):
        return Expansion.exact(problem, found)
    data, probe = started(problem)
    most = min(_MOST, problem.columns, problem.rows, affordable(problem))
    steps, last = min(_FIRST, most), np.inf
    while True:
        data.extend(steps)
        probe.extend(steps)
        expansion = replace(projected(problem, data), probe=projected(problem, probe))
        chosen = np.log(rule(expansion))
        settled = abs(chosen - last) < _SETTLED
        if settled or steps == most or (data.exhausted and probe.exhausted):
            return expansion
        steps, last = min(int(_GROWTH * steps), most), chosen


def affordable(problem: LeastSquares) -> int:
    """Columns that two bases may have in half of the memory there is."""
    return max(2, available_memory() // (4 * problem.columns * problem.y.itemsize))


def started(problem: LeastSquares) -> tuple[Bidiagonalization, Bidiagonalization]:
    """Bidiagonalizations of C, repeated over the batch, from the data and from random signs.

    The subspace that the signs see is needed only for what L does in it; the quadrature is not.
    """

    def forward(x: NDArray[Any]) -> NDArray[Any]:
        return problem.forward(x.reshape(problem.count, -1)).ravel()

    def adjoint(y: NDArray[Any]) -> NDArray[Any]:
        return problem.adjoint(y.reshape(problem.count, -1)).ravel()

    return (
        Bidiagonalization(forward, adjoint, problem.y.ravel()),
        Bidiagonalization(
            forward,
            adjoint,
            _signs(problem).ravel(),
            orthogonalize=problem.regularizer is not None,
        ),
    )


def _signs(problem: LeastSquares) -> NDArray[Any]:
    """Random signs in the rows used, the same at every call: the trace must not vary with it."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], problem.y.shape)
    signs = signs if problem.mask is None else signs * problem.mask
    return signs.astype(problem.y.dtype)


def projected(problem: LeastSquares, seen: Bidiagonalization) -> Expansion:
    """The expansion within the subspace seen.

    With a regularizer, the factors of ``L V = Q R`` bring it into the small problem (Hochstenbach
    and Reichel, BIT 50, 2010): the cosine-sine decomposition of B over R makes it diagonal. What L
    alone would bring in from outside the subspace is missing.
    """
    if problem.regularizer is not None and seen.steps:
        left, values, weights = _cosines_and_sines(seen.matrix, _penalty_factor(problem, seen))
    else:
        left, values, _ = np.linalg.svd(seen.matrix)
        weights = np.ones_like(values)

    def fitted(filters: NDArray[np.float64]) -> NDArray[Any]:
        # C x lies in the span of C V, which V spans and C maps: U is not stored.
        wanted = left[:, : len(values)] @ (filters * seen.norm * left[0, : len(values)].conj())
        steps = np.linalg.lstsq(seen.matrix, wanted, rcond=None)[0]
        return problem.forward((steps @ seen.columns).reshape(problem.count, -1))

    energies = (seen.norm * np.abs(left[0])) ** 2
    k = len(values)
    rest = float(energies[k:].sum())
    source = f"Golub-Kahan bidiagonalization, {seen.steps} steps"
    return Expansion(
        values, weights, energies[:k], rest, problem.rows, problem.count, source, fitted
    )


def _penalty_factor(problem: LeastSquares, seen: Bidiagonalization) -> NDArray[Any]:
    """R of ``L V = Q R``, a row per column of V at most."""
    rows = [problem.penalty(column.reshape(problem.count, -1)).ravel() for column in seen.columns]
    return np.asarray(np.linalg.qr(np.array(rows).T, mode="r"))


def _cosines_and_sines(
    matrix: NDArray[Any], factor: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """P, c and s^2 with B = P diag(c) Z^H T and R^H R = T^H Z diag(s^2) Z^H T."""
    # A scale of its own for each block, so that the cosines tell the two apart.
    scale = np.linalg.norm(matrix) / (np.linalg.norm(factor) or 1.0)
    q = np.linalg.qr(np.concatenate([matrix, scale * factor]))[0]
    left, cosines, right = np.linalg.svd(q[: len(matrix)])
    sines = np.linalg.norm(q[len(matrix) :] @ right.conj().T, axis=0)
    # Sines that are rounding belong to directions that L does not see.
    sines[sines < _UNSEEN] = 0.0
    return left, cosines, (sines / scale) ** 2
