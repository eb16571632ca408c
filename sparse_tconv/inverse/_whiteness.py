"""How far a residual is from white noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Stack = NDArray[np.float64]

_BINS = 32  # of frequency


def distance(residual: Stack) -> float:
    """Of the normalized cumulative periodogram from a straight line: Hansen, Kilmer and Kjeldsen
    (2006), section 3, over shells of frequency.
    """
    power, counts = periodogram(residual)
    total = float(power.sum())
    if total == 0.0:
        return 0.0
    return float(np.abs(np.cumsum(power) / total - np.cumsum(counts) / counts.sum()).max())


def coarseness(residual: Stack) -> float:
    """The power per wave of coarse structure over that of the finest: of white noise it is 1.

    Coarse are a twelfth of the waves, but for the very coarsest, which any damp explains.
    """
    power, counts = periodogram(residual)
    below = np.cumsum(counts) / counts.sum()
    coarse, fine = (below > 0.02) & (below <= 0.1), below > 0.6
    if not counts[coarse].sum() or not power[fine].sum():
        return 0.0
    return float(
        power[coarse].sum() / counts[coarse].sum() / power[fine].sum() * counts[fine].sum()
    )


def periodogram(residual: Stack) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The power and the number of waves in shells of frequency, the mean left out."""
    shape = residual.shape[1:]
    axes = tuple(range(1, residual.ndim))
    waves = fft.rfftn(residual, axes=axes, workers=1)
    power = (waves.real**2 + waves.imag**2).sum(axis=0)
    weights = np.full(power.shape, 2.0)
    weights[..., 0] = 1.0
    if shape[-1] % 2 == 0:
        weights[..., -1] = 1.0
    squares = np.zeros(power.shape)
    for axis, n in enumerate(shape):
        along = [1] * len(shape)
        along[axis] = power.shape[axis]
        turns = np.arange(power.shape[axis]) / n
        squares = squares + (np.minimum(turns, 1.0 - turns) ** 2).reshape(along)
    weights.flat[0] = 0.0
    radius = np.sqrt(squares / len(shape)) * 2.0
    bins = np.minimum((radius * _BINS).astype(np.intp), _BINS - 1).ravel()
    found = np.bincount(bins, (power * weights).ravel(), _BINS).astype(np.float64)
    return found, np.bincount(bins, weights.ravel(), _BINS).astype(np.float64)
