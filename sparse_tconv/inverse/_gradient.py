"""Forward differences along the spatial axes, which end at the border, and what they diagonalize in."""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Array = NDArray[np.float64]


class Gradient:
    """D of arrays (count, channels, *sizes): one difference per axis, zero at the far border.

    Parameters
    ----------
    sizes : tuple of int
        The spatial axes.
    joint : bool
        Whether the length of a gradient is over the channels together.
    """

    def __init__(self, sizes: tuple[int, ...], joint: bool) -> None:
        self._n_axes = len(sizes)
        self._axes = tuple(range(2, 2 + len(sizes)))
        self._over = (0, 2) if joint else (0,)
        waves = [2 - 2 * np.cos(np.pi * np.arange(n) / n) for n in sizes]
        self.spectrum: Array = reduce(np.add.outer, waves)

    def apply(self, x: Array) -> Array:
        """D x, the axes in front."""
        gradient = np.zeros((self._n_axes, *x.shape))
        for part, axis in zip(gradient, self._axes, strict=True):
            near, far = self._ends(axis)
            np.subtract(x[far], x[near], out=part[near])
        return gradient

    def adjoint(self, q: Array) -> Array:
        """D^T q."""
        x = np.zeros(q.shape[1:])
        for part, axis in zip(q, self._axes, strict=True):
            near, far = self._ends(axis)
            x[near] -= part[near]
            x[far] += part[near]
        return x

    def lengths(self, q: Array) -> Array:
        """The Euclidean length of each gradient, which broadcasts with q."""
        return np.sqrt(np.add.reduce(q * q, axis=self._over, keepdims=True))

    def waves(self, x: Array) -> Array:
        """Coefficients in the cosine basis, where D^T D is diagonal: `spectrum`."""
        return np.asarray(fft.dctn(x, axes=self._axes, norm="ortho"))

    def pixels(self, waves: Array) -> Array:
        """The inverse of `waves`."""
        return np.asarray(fft.idctn(waves, axes=self._axes, norm="ortho"))

    def preimage(self, x: Array) -> Array:
        """The shortest q with D^T q = x, but for the means of x, which no q has."""
        nonzero = np.where(self.spectrum > 0, self.spectrum, np.inf)
        return self.apply(self.pixels(self.waves(x) / nonzero))

    def _ends(self, axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """All but the last and all but the first along an axis of x."""
        lead = (slice(None),) * axis
        return (*lead, slice(None, -1)), (*lead, slice(1, None))
