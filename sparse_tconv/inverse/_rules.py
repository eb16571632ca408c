"""The rules that choose damp, as functions of an expansion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from ._expansion import Expansion

Curve = NDArray[np.float64]
Function = Callable[[float], float]

# Points of a curve: a decade has eight at least, and what is found is refined between neighbors.
POINTS = 80

# A solution that leaves less than this share of the data's freedom to the noise fits the noise: its
# minima and corners count only if there are no others, or if they are lower by this factor.
_FREE = 0.05
_FACTOR = 10.0


# Robust GCV weighs plain GCV by this much. Over 215 random settings 0.4 to 0.6 were best; less spoils
# sharp pictures with hardly any noise.
ROBUST = 0.6

# Beyond this trace of A^2, per datum, it weighs no more: the data are sharp, and their noise is low.
SHARP = 0.7

# An L-curve is looked at from this many damps to a decade, where the data keep this much freedom.
_PER_DECADE, _KEPT = 4, 0.1


def curve(function: Function, damps: Curve) -> Curve:
    """A function at every damp of a grid."""
    return np.array([function(float(damp)) for damp in damps])


def _refined(function: Function, damps: Curve, values: Curve, i: int) -> float:
    """The damp of the least value around point i of a grid."""
    low, high = damps[max(i - 1, 0)], damps[min(i + 1, len(damps) - 1)]
    if low == high:
        return float(damps[i])
    found = minimize_scalar(
        lambda exponent: function(float(np.exp(exponent))),
        bounds=(np.log(low), np.log(high)),
        method="bounded",
    )
    return float(np.exp(found.x)) if found.fun <= values[i] else float(damps[i])


def refined_minimum(function: Function, damps: Curve, values: Curve) -> float:
    """The damp of the least value of a curve, and around that."""
    return _refined(function, damps, values, int(np.argmin(values)))


def gcv_function(expansion: Expansion) -> Function:
    """Golub, Heath and Wahba (1979): the squared residual over the squared unexplained freedom."""

    def function(damp: float) -> float:
        return float((expansion.residual_norm(damp) / expansion.unexplained(damp)) ** 2)

    return function


def robust_function(expansion: Expansion) -> Function:
    """Lukas (2006), equation 8: GCV, raised where a solution follows the data too closely."""
    plain = gcv_function(expansion)

    def function(damp: float) -> float:
        _, squared = expansion.explained(damp)
        return plain(damp) * robustness(squared / expansion.rows)

    return function


def robustness(squared: float) -> float:
    """The factor of robust GCV for a trace of A^2, per datum."""
    return ROBUST + (1.0 - ROBUST) * min(squared, SHARP)


def risk_function(expansion: Expansion, noise_norm: float) -> Function:
    """Mallows (1973): the expected squared error of C x, but for a constant."""
    variance = noise_norm**2 / expansion.rows

    def function(damp: float) -> float:
        return expansion.residual_norm(damp) ** 2 + 2.0 * variance * expansion.explained(damp)[0]

    return function


def choose_gcv(expansion: Expansion) -> float:
    """The minimum of the GCV function."""
    return choose_trusted(expansion, gcv_function(expansion))


def choose_trusted(expansion: Expansion, function: Function) -> float:
    """The minimum of a function that divides by the freedom left."""
    damps = expansion.damps(POINTS)
    values = curve(function, damps)
    free = curve(expansion.unexplained, damps) / expansion.rows
    return _refined(function, damps, values, trusted_minimum(values, free))


def trusted_minimum(values: Curve, free: Curve) -> int:
    """The place of the least value among those that leave enough freedom, or of the least of all.

    `free` ascends. Where it is small, few data decide, and the least value there may be an accident;
    but data without noise have their minimum there.
    """
    least = int(np.argmin(values))
    first = int(np.searchsorted(free, _FREE))
    if first == len(values):
        return least
    inner = first + int(np.argmin(values[first:]))
    still_falling = inner == first > 0 and values[first - 1] < values[first]
    return least if still_falling or values[inner] > _FACTOR * values[least] else inner


def curvature_function(expansion: Expansion) -> Function:
    """Curvature of log |Lx| over log |Cx - y|, by central differences along log damp."""
    h = 0.02
    tiny = float(np.finfo(np.float64).tiny)

    def point(exponent: float) -> Curve:
        damp = float(np.exp(exponent))
        norms = expansion.residual_norm(damp), expansion.solution_norm(damp)
        return np.log(np.maximum(norms, tiny))

    def function(damp: float) -> float:
        t = float(np.log(damp))
        before, here, after = point(t - h), point(t), point(t + h)
        (x1, y1), (x2, y2) = (after - before) / (2 * h), (after - 2 * here + before) / h**2
        speed = float(x1 * x1 + y1 * y1) ** 1.5
        return float(x1 * y2 - x2 * y1) / speed if speed > 0 else 0.0

    return function


def choose_lcurve(expansion: Expansion) -> float:
    """The corner: the point of largest curvature, where enough freedom is left.

    A square C that fits the noise too has more corners at tiny damps, where the residual vanishes.
    """
    damps = expansion.damps(POINTS)
    function = curvature_function(expansion)
    values = curve(function, damps)
    inner = values[1:-1]
    peaks = 1 + np.flatnonzero((inner >= values[:-2]) & (inner >= values[2:]) & (inner > 0))
    if not peaks.size:
        return float(damps[int(np.argmax(values))])
    free = curve(expansion.unexplained, damps[peaks]) >= _FREE * expansion.rows
    peaks = peaks[free] if free.any() else peaks
    sharpest = int(peaks[np.argmax(values[peaks])])
    return _refined(lambda damp: -function(damp), damps, -values, sharpest)


def bends(residuals: Curve, sizes: Curve) -> list[int]:
    """The convex corners of an L-curve, the sharpest first, damps descending; there is one at least."""
    tiny = 1e-300
    x, y = np.log(np.maximum(residuals, tiny)), np.log(np.maximum(sizes, tiny))
    dx, dy = np.gradient(x), np.gradient(y)
    curvature = dy * np.gradient(dx) - dx * np.gradient(dy)
    curvature /= np.maximum((dx**2 + dy**2) ** 1.5, tiny)
    inner = [
        i
        for i in range(1, len(curvature) - 1)
        if curvature[i] > max(curvature[i - 1], 0.0) and curvature[i] >= curvature[i + 1]
    ]
    return sorted(inner, key=lambda i: -curvature[i]) or [int(np.argmax(curvature))]


def count_corners(expansion: Expansion) -> int:
    """How many corners the L-curve has where enough freedom is left."""
    low, high = np.log10(expansion.damps(2))
    damps = 10.0 ** np.arange(high, low, -1.0 / _PER_DECADE)
    damps = damps[curve(expansion.unexplained, damps) >= _KEPT * expansion.rows]
    if len(damps) < 3:
        return 1
    return len(bends(curve(expansion.residual_norm, damps), curve(expansion.solution_norm, damps)))


def choose_discrepancy(expansion: Expansion, target: float) -> float:
    """Where the residual norm, which grows with damp, is `target`.

    NaN where it is always larger, as it is at first for a bidiagonalization that is to grow; the
    largest damp where it never is as large.
    """
    low, high = np.log(expansion.smallest), np.log(10.0 * expansion.largest)

    def excess(exponent: float) -> float:
        return expansion.residual_norm(float(np.exp(exponent))) - target

    if excess(low) >= 0:
        return float(np.nan)
    if excess(high) < 0:
        return float(np.exp(high))
    return float(np.exp(brentq(excess, low, high, xtol=1e-6)))
