"""How large the noise of a picture is, from the picture alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft
from scipy.ndimage import correlate1d, uniform_filter

from .. import _validate as validate
from ..errors import DTypeError, GeometryError
from ._channels import Channels

Vector = NDArray[np.float64]

# Daubechies' wavelet of two vanishing moments: slopes leave nothing in its coefficients.
_LOW = np.array([1 + 3**0.5, 3 + 3**0.5, 3 - 3**0.5, 1 - 3**0.5]) / (4 * 2**0.5)
_HIGH = _LOW[::-1] * np.array([1.0, -1.0, 1.0, -1.0])
_LENGTH = len(_LOW)

_MEDIAN = 0.6744897501960817  # of the absolute value of a standard normal variable
_FLAT = 0.4  # the share of a picture that is taken for its flat parts
_CLIPPED = 0.002  # a value at the end of the range that is more frequent than this is a clipped one
_BOXES, _WAVES = 8, 16  # of the spectrum along an axis, and in one of them at least
_LOW_BOX = 0.2  # the share of boxes that are taken for those without detail
_LEAST = 0.02  # the share of coefficients below which clipped places have to do


def estimate_sigma(y: ArrayLike, channel_axis: int | None = None) -> float | Vector:
    """The standard deviation of white noise in a picture, or in each channel of one.

    Parameters
    ----------
    y : array-like, real and finite
        A picture, of at least 4 samples along every axis.
    channel_axis : int, optional
        The axis of the channels; None for a picture without.

    Returns
    -------
    float, or ndarray of float64, (channels,)
        In the units of `y`; 0 where there is no noise.

    Raises
    ------
    GeometryError
        The picture is too small or not finite, or `channel_axis` is not one of its axes.
    DTypeError
        The picture is not real.

    See Also
    --------
    sparse_tconv.inverse.deblur : uses it.

    Notes
    -----
    The median of the absolute finest diagonal wavelet coefficients, over 0.6745, as Donoho and
    Johnstone do, but of those in the flatter parts of the picture only, which the coarse coefficients
    tell: of white noise these two are independent. If a part of the spectrum has less, as where a blur
    leaves nothing of a picture that has texture everywhere, that is taken. Pixels cut at black or white
    are left out. What a sharp texture has in every part of the picture is still taken for noise; noise
    that is correlated from pixel to pixel, as after a JPEG file, is taken for less than it is.

    References
    ----------
    .. [1] D. L. Donoho, I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika
       81 (1994), section 4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.inverse import estimate_sigma
    >>> rng = np.random.default_rng(0)
    >>> slope = np.add.outer(np.arange(100.0), np.arange(120.0))
    >>> round(estimate_sigma(slope + 0.5 * rng.standard_normal((100, 120))), 1)
    0.5
    >>> estimate_sigma(np.zeros((3, 3)))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `y` must have at least 4 samples along every axis; got shape
        (3, 3). Pass a larger picture.
    """
    array = validate.numeric_array("y", y)
    if array.dtype.kind == "c":
        raise DTypeError(f"`y` must be real; got {array.dtype}. Pass its parts apart.")
    channels = Channels.of(array.shape, channel_axis)
    if not channels.shape or min(channels.shape) < _LENGTH:
        raise GeometryError(
            f"`y` must have at least {_LENGTH} samples along every axis; got shape {array.shape}. "
            f"Pass a larger picture."
        )
    if not np.isfinite(array).all():
        raise GeometryError("`y` must be finite; got NaN or infinite entries. Replace them.")
    found = np.array([_sigma(one) for one in channels.first(array.astype(np.float64))])
    return float(found[0]) if channel_axis is None else found


def noise_level(picture: Vector, used: NDArray[np.bool_] | None = None) -> float:
    """The same of one channel by all places alike, of which `used` says which count; 0 if none do.

    Where the noise grows with the light, this is that of the middle.
    """
    details = _separable(picture, _HIGH)
    kept = details != 0
    if used is not None:
        kept &= _windows(used)
        return _spread(details[kept]) if kept.any() else 0.0
    return min(_spread(details[kept]), _floor(picture)) if kept.any() else 0.0


def _sigma(picture: Vector) -> float:
    """Of one channel."""
    details = _separable(picture, _HIGH)
    kept = (details != 0) & _windows(~_clipped(picture))
    if np.count_nonzero(kept) < _LEAST * kept.size:
        kept = details != 0
    if not kept.any():
        return 0.0
    slopes = _slopes(_separable(picture, _LOW))[kept]
    found = _spread(details[kept][slopes <= np.quantile(slopes, _FLAT)])
    return found if _clipped(picture).any() else min(found, _floor(picture))


def _spread(details: Vector) -> float:
    return float(np.median(np.abs(details))) / _MEDIAN


def _floor(picture: Vector) -> float:
    """From the boxes of the spectrum that have the least power: a blur leaves no detail there.

    Infinite where there are too few boxes to tell.
    """
    for axis, n in enumerate(picture.shape):
        along = [1] * picture.ndim
        along[axis] = n
        picture = picture * np.hanning(n + 2)[1:-1].reshape(along)
    waves = fft.rfftn(picture, workers=1)
    power = waves.real**2 + waves.imag**2
    for axis, n in enumerate(power.shape):
        count = min(_BOXES if axis < power.ndim - 1 else _BOXES // 2, n)
        width = n // count
        power = np.take(power, np.arange(count * width), axis)
        split = (*power.shape[:axis], count, width, *power.shape[axis + 1 :])
        power = power.reshape(split).mean(axis=axis + 1)
    gain = np.prod([(np.hanning(n + 2) ** 2).sum() for n in picture.shape])
    if power.size < _BOXES or picture.size < 2 * power.size * _WAVES:
        return float(np.inf)
    return float(np.sqrt(np.quantile(power, _LOW_BOX) / gain))


def _separable(picture: Vector, taps: Vector) -> Vector:
    """The windows of a filter along every axis that lie within the picture."""
    for axis in range(picture.ndim):
        whole = correlate1d(picture, taps, axis, mode="nearest")
        stop = picture.shape[axis] - (_LENGTH - 1 - _LENGTH // 2)
        picture = whole[(slice(None),) * axis + (slice(_LENGTH // 2, stop),)]
    return picture


def _slopes(coarse: Vector) -> Vector:
    """How much the coarse picture changes around each place, beyond the filter's own reach."""
    total = np.zeros_like(coarse)
    for axis in range(coarse.ndim):
        taps = np.zeros(2 * _LENGTH + 1)
        taps[[0, -1]] = -1.0, 1.0
        total += np.abs(correlate1d(coarse, taps, axis, mode="nearest"))
        taps = np.zeros(_LENGTH + 1)
        taps[[0, -1]] = -1.0, 1.0
        total += np.abs(correlate1d(coarse, taps, axis, mode="nearest"))
    return np.asarray(uniform_filter(total, 3))


def _clipped(picture: Vector) -> NDArray[np.bool_]:
    """Pixels at an end of the range that is too frequent there to be chance."""
    cut = np.zeros(picture.shape, dtype=bool)
    for end in (picture.min(), picture.max()):
        at_end = picture == end
        if at_end.mean() > _CLIPPED:
            cut |= at_end
    return cut


def _windows(kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The windows all of whose pixels are kept."""
    ones = np.ones(_LENGTH)
    return np.asarray(_separable((~kept).astype(np.float64), ones) == 0)


def estimated(stack: Any, used: Any) -> float:
    """The noise of a stack of channels, as one number; 0 where nothing can be told."""
    if min(stack.shape[1:]) < _LENGTH:
        return 0.0
    masks = [None] * len(stack) if used is None else np.broadcast_to(used, stack.shape)
    levels = [noise_level(one, mask) for one, mask in zip(stack, masks, strict=True)]
    return float(np.sqrt(np.mean(np.square(levels))))
