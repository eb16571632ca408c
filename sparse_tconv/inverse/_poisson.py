"""Counts: how far data are from their means, and how far they are expected to be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from scipy.stats import poisson

Array = NDArray[np.float64]

# Beyond the last of these means the expected deviance is 1 to four digits; 1 + 1 / (6 mean) + ...
_MEANS = np.geomspace(1e-6, 1e3, 120)


def deviance(y: Array, mean: Array) -> float:
    """``2 sum of y log(y / mean) - y + mean``: twice what is missing of the log-likelihood.

    Infinite where something is counted that has mean zero.
    """
    y, mean = _double(y), _double(mean)
    impossible = (mean <= 0) & (y > 0)
    if impossible.any():
        return np.inf
    ratio = np.divide(y, mean, out=np.ones_like(y), where=mean > 0)
    return 2.0 * float((xlogy(y, ratio) - y + mean).sum())


def expected_deviance(mean: Array) -> float:
    """The mean of the deviance of Poisson data with these means."""
    each = [_one(value) for value in _MEANS]
    return float(np.interp(_double(mean), _MEANS, each, left=0.0, right=1.0).sum())


def _double(values: Array) -> Array:
    """In double precision: SciPy's functions know no other that is wider."""
    with np.errstate(over="ignore", under="ignore"):
        return values.astype(np.float64, copy=False)


def _one(mean: float) -> float:
    """Of one datum, from the definition."""
    counts = np.arange(int(mean + 12 * np.sqrt(mean) + 25), dtype=float)
    terms = 2.0 * (xlogy(counts, counts / mean) - counts + mean)
    return float(poisson.pmf(counts, mean) @ terms)
