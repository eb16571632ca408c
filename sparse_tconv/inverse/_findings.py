"""What speaks against trusting a restored picture, in lines that say what to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._damp_path import POINTS, Point
from ._least_squares import power_of_two
from ._models import Model, Stack
from ._path_rules import corners
from ._whiteness import coarseness

# Bounds between what 48 good restorations had and 48 with a wrong PSF, measured by
# benchmarks/restoration.py; in comments the most of a good one.
_NOISE, _GIVEN = 1.6, 1.25  # the noise that the residual shows over that estimated, 1.43, or given
_COARSE = 0.9  # coarse structure in the residual, 0.66
_BORDER = 1.7  # the residual at the border, 1.44
_RANGE = 1.8  # the range of the answer over that of the data, 1.69
_CHANGE = 0.9  # the change over the contrast of the data, 0.61
_SPENT = 0.8  # the share of the change that is noise, 0.67
_NORMAL = 0.05  # the sum of a PSF, off 1
_USED = 0.5  # the share of pixels used
_OFF, _RELATIVE = 1.0, 0.4  # of the centroid: pixels, and radii of gyration


def psf_findings(kernel: Stack, center: tuple[int, ...], exponent: int) -> list[str]:
    """What is odd about a PSF, given over that power of two."""
    found = []
    total = float(power_of_two(kernel.sum(), exponent))
    if abs(total - 1.0) > _NORMAL:
        found.append(
            f"the PSF sums to {total:.3g}, not to 1: the answer is brighter or darker by that"
        )
    if (kernel < -1e-3 * np.abs(kernel).max()).any():
        found.append("the PSF has negative entries: no blur of light has")
    weights = np.abs(kernel) / np.abs(kernel).sum()
    indices = np.indices(kernel.shape)
    axes = tuple(range(1, kernel.ndim + 1))
    centroid = (indices * weights).sum(axis=axes)
    spread = (indices.astype(np.float64) - centroid.reshape(-1, *[1] * kernel.ndim)) ** 2
    radius = float(np.sqrt((spread * weights).sum()))
    away = float(np.linalg.norm(centroid - np.array(center)))
    if away > max(_OFF, _RELATIVE * radius):
        place = ", ".join(f"{value:.1f}" for value in centroid)
        found.append(
            f"the PSF's middle is at ({place}), its center at {center}: the answer is shifted by "
            f"{away:.1f} pixels; pass center="
        )
    return found


def data_findings(picture: NDArray[Any], used: NDArray[np.bool_] | None) -> list[str]:
    """What is odd about the data."""
    found = []
    if used is not None and used.mean() < _USED:
        found.append(f"{used.mean():.0%} of the pixels are used: the rest of the answer is guessed")
    if picture.dtype.kind in "iu":
        top = picture == np.iinfo(picture.dtype).max
        top &= True if used is None else used
        if top.mean() > 0.01:
            found.append(
                f"{top.mean():.0%} of the pixels are saturated: pass mask=y < {np.iinfo(picture.dtype).max}"
            )
    return found


def path_findings(rule: str, points: list[Point], scores: list[float], target: float) -> list[str]:
    """Whether a rule had a clear answer."""
    if rule == "discrepancy":
        if points[0].misfit < target:
            return ["the noise is as large as the data: nothing is left to restore"]
        if points[-1].misfit > target:
            return [
                "no answer comes as near to the data as the noise is small: the PSF may be wrong"
            ]
        return []
    if rule == "lcurve":
        bends = corners(points)
        return ["the L-curve has more than one corner"] if len(bends) > 1 else []
    i = int(np.argmin(scores))
    if i == 0:
        return ["the rule chose the largest damp looked at: the data may be all noise"]
    if i == len(points) - 1:
        end = "that C allows" if len(points) == POINTS else "that leaves freedom to the noise"
        return [f"the rule chose the smallest damp {end}: its minimum may lie beyond"]
    return []


def noise_findings(level: float, sigma: float, given: bool) -> list[str]:
    """Whether the residual is as large as the noise; an estimate may be too large, for sharp detail."""
    if sigma <= 0:
        return []
    ratio, origin = level / sigma, "given" if given else "estimated"
    if ratio > (_GIVEN if given else _NOISE):
        return [
            f"the residual is {ratio:.2g} times the noise that is {origin}: the model does not explain "
            f"the data"
        ]
    if given and ratio < 1 / _GIVEN:
        return [
            f"the residual is {ratio:.2g} times the noise that is given: the answer follows the noise"
        ]
    return []


def answer_findings(residual: Stack, answer: Stack, data: Stack, whole: bool) -> list[str]:
    """Whether the residual looks like noise, and the answer like a picture; `whole` without a mask."""
    found = []
    if whole and (ratio := coarseness(residual)) > _COARSE:
        found.append(
            f"the residual has {ratio:.2g} times the power of white noise in coarse structure: the model "
            f"does not explain the data"
        )
    if whole and (ratio := _at_border(residual)) > _BORDER:
        found.append(
            f"the squared residual is {ratio:.2g} times as large near the border: the picture goes on in "
            f"another way than the model assumes"
        )
    spread = float(np.ptp(data))
    if spread and (ratio := float(np.ptp(answer)) / spread) > _RANGE:
        found.append(
            f"the answer's values spread {ratio:.2g} times as far as those of the data: rings or noise, "
            f"from a wrong PSF or too small a damp"
        )
    levels = data.mean(axis=tuple(range(1, data.ndim)), keepdims=True)
    contrast = float(np.mean((data - levels) ** 2))
    if contrast and (ratio := float(np.mean((answer - data) ** 2)) / contrast) > _CHANGE:
        found.append(
            f"the answer is {ratio:.0%} of the contrast away from the data, more than blur takes away"
        )
    return found


def amplified(gain: float, level: float, answer: Stack, data: Stack) -> list[str]:
    """Whether the answer adds detail or noise, whose variance grows by `gain`."""
    spent, changed = gain * level**2, float(np.mean((answer - data) ** 2))
    if spent > _SPENT * changed > 0:
        return [
            f"{min(spent / changed, 1.0):.0%} of what the answer changes is noise: less would do"
        ]
    return []


def _at_border(residual: Stack) -> float:
    """The mean square near the border over that inside."""
    side = min(residual.shape[1:])
    width = max(1, min(8, side // 8))
    if side <= 2 * width:
        return 1.0
    inner = residual[(slice(None), *[slice(width, -width)] * (residual.ndim - 1))]
    total, inside = float(np.vdot(residual, residual)), float(np.vdot(inner, inner))
    if inside <= 0:
        return 1.0
    return (total - inside) / (residual.size - inner.size) / (inside / inner.size)


def noise_gain(model: Model, damp: float) -> float:
    """How much the variance of white noise in y grows in x, on a periodic grid."""
    symbol = model.symbol(damp)
    return model.mean(model.power * symbol * symbol)
