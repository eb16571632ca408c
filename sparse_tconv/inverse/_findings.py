"""What speaks against trusting a restored picture, in lines that say what to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from ..operators import power_of_two
from ._damp_path import POINTS, Point
from ._models import Model, Stack
from ._path_rules import corners
from ._whiteness import coarseness, lost

# What rules find, wherever they look.
CORNERS = "the L-curve has more than one corner"
ALL_NOISE = "the rule chose the largest damp looked at: the data may be all noise"

# Bounds chosen by what they mean; in comments what 97 of 100 good restorations stay below, and what half
# of those with a wrong PSF are above, over 110 random settings of each; of rings over 420 good ones and
# 450 that a PSF off by a tenth to a double made worse than their data.
_NOISE = 1.6  # the noise of the residual over that estimated: 1.1, of Poisson data 1.45
_GIVEN = 1.25  # and over that given
_COARSE = 1.1  # coarse structure in the residual, of which white noise would have 1: 0.9
_BORDER = 1.7  # the residual at the border, 1.3
_LOST = 1.5  # the residual where the PSF lets little through, over the noise: 1.3, 1.8
_RANGE = 4.0  # the range of the answer over that of the data: 2.5, 4.1
_DARK = 0.005  # the energy of negative light over the contrast: 0.003, 0.03
_NO_LIGHT = 0.05  # of the spread of the data: so far below zero noise may bring them
_RINGS = 0.72  # the share of the change that lies beyond the neighbors: 0.75, 0.79
_SPENT = 0.4  # the share of the change that is noise, 0.35
_EDGE = 3.5  # the change of the answer at the border, where something is assumed beyond it: 1.2
_NORMAL = 0.05  # the sum of a PSF, off 1
_USED = 0.5  # the share of pixels used
_OFF = 0.45  # of the centroid of a symmetric PSF: pixels
_FAR, _RELATIVE = 1.0, 0.4  # of that of any PSF: pixels, and radii of gyration


def psf_findings(kernels: list[Stack], center: tuple[int, ...], exponent: int) -> list[str]:
    """What is odd about the first PSF that has something odd, given over that power of two."""
    return next(filter(None, (_of_psf(kernel, center, exponent) for kernel in kernels)), [])


def _of_psf(kernel: Stack, center: tuple[int, ...], exponent: int) -> list[str]:
    found = []
    total = float(power_of_two(kernel.sum(), exponent))
    if abs(total - 1.0) > _NORMAL:
        found.append(
            f"the PSF sums to {total:.3g}, not to 1: the answer is brighter or darker by that"
        )
    if (kernel < -1e-3 * np.abs(kernel).max()).any():
        found.append("the PSF has negative entries: no blur of light has")
    away, allowed, centroid = _off_center(kernel, center)
    if away > allowed:
        place = ", ".join(f"{value:.1f}" for value in centroid)
        found.append(
            f"the PSF's middle is at ({place}), its center at {center}: the answer is shifted by "
            f"{away:.1f} pixels; say where its center is"
        )
    return found


def _off_center(kernel: Stack, center: tuple[int, ...]) -> tuple[float, float, Stack]:
    """How far the centroid is from the center, how far it may be, and where it is.

    A symmetric PSF has a middle, which even sides put between pixels; the centroid of a skew one is
    away from its peak by its skewness times its radius, and either may be meant.
    """
    weights = np.abs(kernel) / (np.abs(kernel).sum() or 1.0)
    places = np.indices(kernel.shape).reshape(kernel.ndim, -1).astype(np.float64)
    centroid = places @ weights.ravel()
    places -= centroid[:, None]
    radius = float(np.sqrt((places**2 @ weights.ravel()).sum()))
    third = np.einsum("in,jn,kn,n->ijk", places, places, places, weights.ravel())
    skew = float(np.linalg.norm(third)) / (radius**2 or 1.0)
    meant = [np.array(center, dtype=np.float64)]
    if center == tuple(k // 2 for k in kernel.shape):
        meant.append((np.array(kernel.shape) - 1.0) / 2.0)
    away = min(float(np.linalg.norm(centroid - one)) for one in meant)
    return away, min(_OFF + skew, max(_FAR, _RELATIVE * radius)), centroid


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
                f"{top.mean():.0%} of the pixels are saturated, at {np.iinfo(picture.dtype).max}: "
                f"a mask leaves them out"
            )
    return found


def path_findings(
    rule: str, points: list[Point], scores: list[float], target: float, sigma: float
) -> list[str]:
    """Whether a rule had a clear answer.

    A range may end where the residual is down to the noise, `sigma`: beyond it nothing is to be had.
    """
    if rule == "discrepancy":
        if points[0].misfit < target:
            return ["the noise is as large as the data: nothing is left to restore"]
        if points[-1].misfit > target:
            return [
                "no answer comes as near to the data as the noise is small: the PSF may be wrong"
            ]
        return []
    if rule == "lcurve":
        return [CORNERS] if len(corners(points)) > 1 else []
    i = int(np.argmin(scores))
    if i == 0:
        return [ALL_NOISE]
    if i == len(points) - 1 and points[-1].noise > _GIVEN * sigma:
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
            f"the data, or neighboring pixels share their noise, as in a JPEG file"
        ]
    if given and ratio < 1 / _GIVEN:
        return [
            f"the residual is {ratio:.2g} times the noise that is given: the answer follows the noise"
        ]
    return []


def residual_findings(residual: Stack, even: bool) -> list[str]:
    """Whether the residual looks like noise; `even` where all of a good one is alike."""
    found = []
    if even and (ratio := coarseness(residual)) > _COARSE:
        found.append(
            f"the residual has {ratio:.2g} times the power of white noise in coarse structure: the model, "
            f"or so large a damp, does not explain the data"
        )
    if even and (ratio := _at_border(residual)) > _BORDER:
        found.append(
            f"the squared residual is {ratio:.2g} times as large near the border: the picture goes on in "
            f"another way than the model assumes"
        )
    return found


def lost_findings(model: Model, damp: float, residual: Stack, level: float, rows: int) -> list[str]:
    """Whether the data have detail that the PSF lets nothing of through; `level` is the noise."""
    if level <= 0:
        return []
    ratio = lost(residual, model.grid, model.kept(damp), rows) / level**2
    if ratio > _LOST:
        return [
            f"the residual has {ratio:.2g} times the power of the noise where the PSF lets little "
            f"through: the PSF may be wrong"
        ]
    return []


def answer_findings(answer: Stack, data: Stack) -> list[str]:
    """Whether the answer looks like a picture."""
    found = []
    spread = float(np.ptp(data))
    if spread and (ratio := float(np.ptp(answer)) / spread) > _RANGE:
        found.append(
            f"the answer's values spread {ratio:.2g} times as far as those of the data: rings or noise, "
            f"from a wrong PSF or too small a damp"
        )
    axes = tuple(range(1, data.ndim))
    contrast = float(np.mean((answer - answer.mean(axis=axes, keepdims=True)) ** 2))
    dark = float(np.mean(np.minimum(answer, 0.0) ** 2))
    if data.min() >= -_NO_LIGHT * float(data.std()) and dark > _DARK * contrast:
        found.append(
            f"{dark / contrast:.1%} of the answer's contrast is below zero, where the data are not: "
            f"rings, from a wrong PSF, too small a damp or saturated pixels"
        )
    return found


def ring_findings(answer: Stack, blurred: Stack) -> list[str]:
    """Whether the answer swings beyond what its blurred self, C x, has around each pixel.

    Detail that was blurred away mostly goes back to where a neighbor is; rings go beyond.
    """
    size = (1, *[3] * (answer.ndim - 1))
    above = np.maximum(answer - maximum_filter(blurred, size), 0.0)
    below = np.maximum(minimum_filter(blurred, size) - answer, 0.0)
    beyond, changed = float((above + below).sum()), float(np.abs(answer - blurred).sum())
    if beyond > _RINGS * changed:
        return [
            f"{beyond / changed:.0%} of what the answer adds to its own blur lies beyond all neighbors: "
            f"rings, from too wide a PSF, if the picture has no detail as fine as the PSF"
        ]
    return []


def edge_findings(answer: Stack, data: Stack) -> list[str]:
    """Whether what is assumed beyond the border has its price at the border."""
    if (ratio := _at_border(answer - data)) > _EDGE:
        return [
            f"the answer changes {ratio:.2g} times as much near the border: the picture goes on in "
            f"another way than the model assumes"
        ]
    return []


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
