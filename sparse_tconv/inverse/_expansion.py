"""The data expanded in singular vectors: all that the choice of damp needs to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._diagonal import Diagonal, filtered, inverted
from ._least_squares import LeastSquares

# Damps below this, relative to the largest, cannot be told from 0 by rounded data.
_SMALLEST = float(np.sqrt(np.finfo(np.float64).eps))


@dataclass(frozen=True, eq=False)
class Expansion:
    """Data in a basis in which every Tikhonov solution is a filter.

    Attributes
    ----------
    values, weights : (r,) arrays
        Singular values of C, and eigenvalues of L^H L.
    energies : (r,) array
        ``|u_i^H y|^2``, summed over the batch.
    rest : float
        The squared norm of what no filter reaches.
    rows : int
        Number of data.
    copies : int
        How often C is repeated.
    source : str
        Where the expansion comes from.
    fitted : callable
        From a filter of the coefficients, one number for each value, to C x.
    probe : Expansion, optional
        The same of random signs instead of y, for traces, where `values` are not all there are.
    """

    values: NDArray[np.float64]
    weights: NDArray[np.float64]
    energies: NDArray[np.float64]
    rest: float
    rows: int
    copies: int
    source: str
    fitted: Callable[[NDArray[np.float64]], NDArray[Any]]
    probe: Expansion | None = None

    @classmethod
    def exact(cls, problem: LeastSquares, found: Diagonal) -> Expansion:
        """The expansion of a diagonal problem."""
        samples = problem.y.reshape(problem.count, *problem.out_shape)
        coefficients = found.factorization.analyse(samples)
        energies = (np.abs(coefficients) ** 2).sum(axis=0)
        outside = problem.y.size > problem.count * len(energies)
        rest = float(np.linalg.norm(problem.y) ** 2 - energies.sum()) if outside else 0.0
        source = f"exact spectrum ({found.factorization.method})"

        def fitted(filters: NDArray[np.float64]) -> NDArray[Any]:
            return found.factorization.left.synthesise(filters * coefficients)

        return cls(
            found.values,
            found.weights,
            energies,
            max(rest, 0.0),
            problem.rows,
            problem.count,
            source,
            fitted,
        )

    def residual_norm(self, damp: float) -> float:
        """``|C x - y|`` of the solution at one damp."""
        _, left = filtered(self.values, self.weights, damp)
        return float(np.sqrt((left**2 * self.energies).sum() + self.rest))

    def solution_norm(self, damp: float) -> float:
        """``|L x|`` of the solution at one damp."""
        inverse = inverted(self.values, self.weights, damp)
        return float(np.sqrt((self.weights * inverse**2 * self.energies).sum()))

    def unexplained(self, damp: float) -> float:
        """Degrees of freedom that the solution leaves to the noise: the trace of I - C C_damp^+.

        From the probe it is an estimate: ``b^H (I - C C_damp^+) b`` for random signs b (Golub and
        von Matt, J. Comput. Graph. Statist. 6, 1997).
        """
        if self.probe is not None:
            _, left = filtered(self.probe.values, self.probe.weights, damp)
            return float((left * self.probe.energies).sum() + self.probe.rest)
        _, left = filtered(self.values, self.weights, damp)
        return float(self.copies * left.sum() + self.rows - self.copies * len(left))

    def explained(self, damp: float) -> tuple[float, float]:
        """The traces of ``A = C C_damp^+`` and of A^2, from the probe as in `unexplained`."""
        if self.probe is not None:
            kept, _ = filtered(self.probe.values, self.probe.weights, damp)
            weights = self.probe.energies
        else:
            kept, _ = filtered(self.values, self.weights, damp)
            weights = np.full(len(kept), float(self.copies))
        return float((kept * weights).sum()), float((kept**2 * weights).sum())

    def fit(self, damp: float) -> NDArray[Any]:
        """C x of the solution at one damp."""
        kept, _ = filtered(self.values, self.weights, damp)
        return self.fitted(kept)

    def noise(self, damp: float) -> float:
        """The standard deviation of the noise, if all of the residual at one damp is noise."""
        free = self.unexplained(damp)
        return float(self.residual_norm(damp) / np.sqrt(free)) if free > 0 else 0.0

    def damps(self, count: int) -> NDArray[np.float64]:
        """A logarithmic grid over all damps that make a difference, and of which the values tell."""
        ratios = self._ratios
        low = _SMALLEST * self.largest
        if self.probe is not None and ratios.size:
            low = max(low, float(ratios.min()))
        return np.geomspace(low, 10.0 * self.largest, count)

    @property
    def smallest(self) -> float:
        """The smallest damp that rounded data can tell from 0."""
        return _SMALLEST * self.largest

    @property
    def largest(self) -> float:
        """The damp that halves the largest contribution."""
        return float(self._ratios.max(initial=0.0)) or 1.0

    @property
    def _ratios(self) -> NDArray[np.float64]:
        penalized = (self.weights > 0) & (self.values > 0)
        return np.asarray(self.values[penalized] / np.sqrt(self.weights[penalized]))
