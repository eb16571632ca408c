"""The iteration of expectation maximization for Poisson data, and its extrapolation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ._least_squares import LeastSquares
from ._poisson import deviance

Array = NDArray[np.float64]

_KEPT = 0.1  # of a pixel in an extrapolation: at zero it would stay for ever


class Expectation:
    """x, the means ``C x + background`` of the data used, and their deviance.

    Parameters
    ----------
    problem : LeastSquares
        C without negative entries, y not negative, and the mask.
    background : array
        (count, rows).
    x : array, optional
        Where to start; a constant if None.
    """

    x: Array
    mean: Array
    deviance: float

    def __init__(self, problem: LeastSquares, background: Array, x: Array | None) -> None:
        self._problem = problem
        used = np.ones(problem.y.shape[1], bool) if problem.mask is None else problem.mask
        self._used, self.counts = used, problem.y[:, used]
        self._background = background[:, used]
        seen = np.maximum(problem.adjoint(np.ones((1, used.size))), 0.0)
        # Pixels that are seen in rounding only are not seen.
        self._seen = np.where(seen > 1e-12 * seen.max(initial=0.0), seen, 0.0)
        self._set(self._constant() if x is None else x)
        self._direction: Array | None = None
        self._change: Array | None = None
        self._factor = 0.0

    def step(self, accelerated: bool) -> None:
        """One iteration. The deviance does not rise."""
        before = self.x, self.mean, self.deviance
        point, mean = self._extrapolated(accelerated)
        plain = self._direction is None
        self._set(self._expected(point, mean))
        if not plain and not self.deviance <= before[2]:
            # The likelihood has fallen: begin anew from where it had not.
            self.x, self.mean, self.deviance = before
            self._direction = self._change = None
            point = self.x
            self._set(self._expected(self.x, self.mean))
        self._remember(self.x - before[0], self.x - point)

    def _extrapolated(self, accelerated: bool) -> tuple[Array, Array]:
        """Where to step from, and the means there (Biggs and Andrews, 1997, section 3)."""
        if not accelerated or self._direction is None:
            self._direction = None
            return self.x, self.mean
        point = np.maximum(self.x + self._factor * self._direction, _KEPT * self.x)
        return point, self._means(point)

    def _remember(self, direction: Array, change: Array) -> None:
        """The direction, and how far along it to go: what the last change keeps of the one before."""
        last, self._direction, self._change = self._change, direction, change
        square = 0.0 if last is None else float(np.vdot(last, last))
        along = float(np.vdot(change, last)) / square if last is not None and square else 0.0
        self._factor = min(max(along, 0.0), 1.0)

    def _expected(self, x: Array, mean: Array) -> Array:
        """``x / (C^H 1) * C^H (y / mean)``; x where nothing is seen."""
        ratio = np.zeros((len(x), self._used.size))
        ratio[:, self._used] = np.divide(self.counts, mean, out=np.zeros_like(mean), where=mean > 0)
        factor = np.maximum(self._problem.adjoint(ratio), 0.0)
        return x * np.divide(factor, self._seen, out=np.ones_like(x), where=self._seen > 0)

    def _means(self, x: Array) -> Array:
        """``C x + background`` in the rows used."""
        return np.maximum(self._problem.forward(x)[:, self._used], 0.0) + self._background

    def _set(self, x: Array) -> None:
        self.x, self.mean = x, self._means(x)
        self.deviance = deviance(self.counts, self.mean)

    def _constant(self) -> Array:
        """The constant that gives as many counts as the data have above the background, or a tenth
        of all where they have few.
        """
        total = self.counts.sum(axis=1)
        counts = np.maximum(total - self._background.sum(axis=1), 0.1 * total)
        level = counts / (float(self._seen.sum()) or 1.0)
        return np.ones((len(level), self._seen.shape[1])) * level[:, None]
