"""Problems that an exact factorization makes diagonal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import GeometryError
from ..operators import ConvOperator
from ..spectral import Factorization, applicable, factorize
from ._least_squares import LeastSquares

# Multiplications of a decomposition that is made without being asked for: a second. A dense one
# competes with an iteration that may need few steps.
_WORK, _DENSE_WORK = 2e9, 1e8

# Factorizations whose bases are waves, in which differences are diagonal, too.
_WAVES = ("circular", "symmetric", "mixed")


@dataclass(frozen=True, eq=False)
class Diagonal:
    """``C = U diag(values) V^H`` and ``L^H L = V diag(weights) V^H``.

    Attributes
    ----------
    factorization : Factorization
        Of C.
    weights : (r,) array
        Ones where there is no regularizer.
    """

    factorization: Factorization
    weights: NDArray[np.float64]

    @property
    def values(self) -> NDArray[np.float64]:
        """The singular values of C, unsorted."""
        return self.factorization.values


def diagonal(problem: LeastSquares) -> Diagonal | str:
    """The problem in a basis that makes it diagonal, or the reason why there is none at hand."""
    if problem.mask is not None:
        return "a mask leaves rows out, and no factorization of the rest is known"
    if not isinstance(problem.op, ConvOperator):
        return f"a {type(problem.op).__name__} has no structure to be factorized by"
    plain = problem.regularizer is None

    def within(method: str, work: float) -> bool:
        limit = _DENSE_WORK if method == "dense" else _WORK
        return work <= limit and (plain or method in _WAVES)

    method = applicable(problem.op, within)
    if method is None and not plain and applicable(problem.op, lambda _, work: work <= _WORK):
        return "the regularizer is not diagonal in the basis of its factorization"
    if method is None:
        return "the operator has no structure that makes its factorization fast"
    try:
        factorization = factorize(problem.op, method)
    except GeometryError as error:
        return str(error)
    weights = _weights(problem, factorization)
    if weights is None:
        return f"the regularizer is not diagonal in the basis of the {method!r} factorization"
    return Diagonal(factorization, weights)


def _weights(problem: LeastSquares, factorization: Factorization) -> NDArray[np.float64] | None:
    """The eigenvalues of L^H L if it is diagonal in the basis V.

    If it is, V^H L^H L V maps the vector of ones to them; any other vector shows whether it is.
    """
    size = len(factorization.values)
    if problem.regularizer is None:
        return np.ones(size)
    if size < factorization.shape[1]:
        return None  # what L does to the rest of the space would be missing

    def image(c: NDArray[np.float64]) -> NDArray[np.float64]:
        x = factorization.synthesise(c).reshape(1, -1)
        product = problem.penalty_adjoint(problem.penalty(x))
        return np.asarray(factorization.right.analyse(product.reshape(problem.in_shape)))

    weights = image(np.ones(size))
    probe = np.random.default_rng(0).standard_normal(size)
    scale = np.abs(weights).max(initial=0.0)
    if not np.allclose(image(probe), weights * probe, rtol=0, atol=1e-9 * scale):
        return None
    found = weights.real.clip(min=0.0)
    found[found < 1e-14 * scale] = 0.0
    return found


def filtered(
    values: NDArray[np.float64], weights: NDArray[np.float64], damp: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tikhonov's filters ``s^2 / (s^2 + damp^2 w)`` and what they leave, one minus that.

    A direction that neither C nor L sees is left out of the answer.
    """
    squares, penalties = values**2, damp**2 * weights
    total = squares + penalties
    seen = total > 0
    kept = np.divide(squares, total, out=np.zeros_like(total), where=seen)
    left = np.divide(penalties, total, out=np.ones_like(total), where=seen)
    return kept, left


def inverted(
    values: NDArray[np.float64], weights: NDArray[np.float64], damp: float
) -> NDArray[np.float64]:
    """``s / (s^2 + damp^2 w)``: from coefficients of y to those of x; the pseudo-inverse at damp 0.

    As in :func:`numpy.linalg.pinv`, values that rounding alone could have made are zero.
    """
    negligible = np.finfo(np.float64).eps * len(values) * values.max(initial=0.0)
    if damp:
        negligible = 0.0
    squares = values**2 + damp**2 * weights
    return np.divide(values, squares, out=np.zeros_like(values), where=values > negligible)
