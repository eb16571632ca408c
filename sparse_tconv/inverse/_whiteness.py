"""How far a residual is from white noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Stack = NDArray[np.float64]

_BINS = 32  # of frequency

# Waves that the model leaves to the noise, and how many of them tell its power.
_LOST, _FEW, _SHELLS = 0.3, 40, 10


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
    below = np.cumsum(counts) / max(counts.sum(), 1.0)  # a single pixel has no wave but its mean
    coarse, fine = (below > 0.02) & (below <= 0.1), below > 0.6
    if not counts[coarse].sum() or not power[fine].sum():
        return 0.0
    return float(
        power[coarse].sum() / counts[coarse].sum() / power[fine].sum() * counts[fine].sum()
    )


def periodogram(residual: Stack) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The power and the number of waves in shells of frequency, the mean left out."""
    shape = residual.shape[1:]
    power = _power(residual, shape)
    weights = _counts(shape)
    bins = _shells(shape, _BINS).ravel()
    found = np.bincount(bins, (power * weights).ravel(), _BINS).astype(np.float64)
    return found, np.bincount(bins, weights.ravel(), _BINS).astype(np.float64)


def lost(residual: Stack, grid: tuple[int, ...], kept: Stack, rows: int) -> float:
    """The most power, over that of all of the residual, of waves that C x has little of.

    Of noise they have its share; more is detail that the PSF, if it were right, would not have let
    through. `kept` are the shares of the waves of `grid` that C x has.
    """
    power = _power(residual, grid)
    shells, weights = _shells(grid, _SHELLS).ravel(), (_counts(grid) * (kept < _LOST)).ravel()
    count = np.bincount(shells, weights, _SHELLS)
    found = np.bincount(shells, power.ravel() * weights, _SHELLS)
    enough = count >= _FEW
    return float((found[enough] / count[enough]).max(initial=0.0)) / rows


def _power(residual: Stack, grid: tuple[int, ...]) -> Stack:
    """The power of every wave of the grid, in the double precision that numpy.bincount takes."""
    waves = fft.rfftn(residual, grid, tuple(range(1, residual.ndim)), workers=1)
    return np.asarray((waves.real**2 + waves.imag**2).sum(axis=0), dtype=np.float64)


def _counts(shape: tuple[int, ...]) -> Stack:
    """How many waves each entry of a real transform stands for; the mean is none."""
    weights = np.full((*shape[:-1], shape[-1] // 2 + 1), 2.0)
    weights[..., 0] = 1.0
    if shape[-1] % 2 == 0:
        weights[..., -1] = 1.0
    weights.flat[0] = 0.0
    return weights


def _shells(shape: tuple[int, ...], bins: int) -> NDArray[np.intp]:
    """The shell of frequency that each entry of a real transform is in."""
    squares: NDArray[np.float64] = np.zeros(())
    for axis, n in enumerate(shape):
        along = [1] * len(shape)
        along[axis] = n // 2 + 1 if axis == len(shape) - 1 else n
        turns = np.arange(along[axis]) / n
        squares = squares + (np.minimum(turns, 1.0 - turns) ** 2).reshape(along)
    radius = np.sqrt(squares / len(shape)) * 2.0
    return np.minimum((radius * bins).astype(np.intp), bins - 1)
