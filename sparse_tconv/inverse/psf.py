"""Point-spread functions: non-negative kernels of sum 1, for :func:`sparse_tconv.inverse.blur`.

All have their middle at index ``side // 2`` of every axis, where `blur` puts its center by default.
"""

from __future__ import annotations

from functools import reduce
from math import ceil, cos, isfinite, prod, radians, sin
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _validate as validate
from .._memory import check_fits
from ..errors import GeometryError
from ._arguments import number

__all__ = ["box", "defocus", "gauss", "motion"]

PSF = NDArray[np.float64]

# Sub-pixels per side of a pixel: the area of the disk in each pixel comes out to four digits.
_SUBPIXELS = 16

_MOST_AXES = 32
_LARGEST = 1e300  # a side beyond all arrays, and an integer still
_COPIES = 4  # of a PSF while it is made


def gauss(sigma: float, side: Any = None, *, ndim: int = 2) -> PSF:
    """A Gaussian, sampled at the pixels: the air, or many small causes.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels, positive.
    side : int or tuple of int, optional
        Pixels along every axis; ``2 ceil(4 sigma) + 1`` if not given.
    ndim : int, default 2
        Number of axes.

    Returns
    -------
    ndarray of float64, (side,) * ndim
        Sum 1, fresh.

    Raises
    ------
    GeometryError
        `sigma`, `side` or `ndim` is not positive.

    See Also
    --------
    sparse_tconv.inverse.blur : the operator.

    Examples
    --------
    >>> from sparse_tconv.inverse import psf
    >>> psf.gauss(0.5, 3, ndim=1).round(3)
    array([0.107, 0.787, 0.107])
    >>> psf.gauss(2).shape
    (17, 17)
    >>> psf.gauss(0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `sigma` must be a finite number, above 0; got 0. Pass a
        positive one.
    """
    sigma = number("sigma", sigma, positive=True)
    sides = _sides(2 * ceil(min(4 * sigma, _LARGEST)) + 1 if side is None else side, ndim)
    profiles = [np.exp(-0.5 * ((np.arange(k) - k // 2) / sigma) ** 2) for k in sides]
    return _normalized(reduce(np.multiply.outer, profiles))


def defocus(radius: float, *, ndim: int = 2) -> PSF:
    """A disk: a lens out of focus.

    Parameters
    ----------
    radius : float
        Radius of the disk in pixels, positive.
    ndim : int, default 2
        Number of axes.

    Returns
    -------
    ndarray of float64, (2 ceil(radius - 1/2) + 1,) * ndim
        The share of the disk in every pixel; sum 1, fresh.

    Raises
    ------
    GeometryError
        `radius` or `ndim` is not positive.

    Examples
    --------
    >>> from sparse_tconv.inverse import psf
    >>> psf.defocus(1.5).round(2)
    array([[0.08, 0.14, 0.08],
           [0.14, 0.14, 0.14],
           [0.08, 0.14, 0.08]])
    >>> psf.defocus(-1)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `radius` must be a finite number, above 0; got -1. Pass a
        positive one.
    """
    radius = number("radius", radius, positive=True)
    (side, *_) = sides = _sides(2 * max(ceil(radius - 0.5), 0) + 1, ndim)
    _check_fits(tuple(k * _SUBPIXELS for k in sides))
    points = (np.arange(side * _SUBPIXELS) + 0.5) / _SUBPIXELS - 0.5 * side
    squares = reduce(np.add.outer, [points**2] * len(sides))
    inside = (squares <= radius**2).astype(np.float64)
    fine = inside.reshape([part for k in sides for part in (k, _SUBPIXELS)])
    return _normalized(fine.sum(axis=tuple(range(1, 2 * len(sides), 2))))


def motion(length: float, angle: float = 0.0) -> PSF:
    """A straight path of one length in two dimensions: the camera moved.

    Parameters
    ----------
    length : float
        Length of the path in pixels, positive.
    angle : float, default 0
        Its direction in degrees, counterclockwise from the horizontal, on a picture whose rows go
        down.

    Returns
    -------
    ndarray of float64, 2-d with odd sides
        The share of the path in every pixel that it crosses; sum 1, fresh.

    Raises
    ------
    GeometryError
        `length` is not positive or `angle` is no finite number.

    Examples
    --------
    >>> from sparse_tconv.inverse import psf
    >>> psf.motion(4)
    array([[0.125, 0.25 , 0.25 , 0.25 , 0.125]])
    >>> psf.motion(3, angle=45).round(2)
    array([[0.  , 0.  , 0.26],
           [0.  , 0.47, 0.  ],
           [0.26, 0.  , 0.  ]])
    >>> psf.motion(0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `length` must be a finite number, above 0; got 0. Pass a
        positive one.
    """
    half = 0.5 * number("length", length, positive=True)
    direction = np.array([-sin(_angle(angle)), cos(_angle(angle))])
    direction[np.abs(direction) < 1e-12] = 0.0
    reach = np.maximum(np.ceil(half * np.abs(direction) - 0.5 - 1e-9), 0)
    _check_fits(tuple(2 * int(pixels) + 1 for pixels in reach))
    reach = reach.astype(int)
    # The path is cut where it goes from one pixel into the next; every piece lies in one pixel.
    borders = [
        (np.arange(-r, r) + 0.5) / step for r, step in zip(reach, direction, strict=True) if step
    ]
    cuts = np.unique(np.concatenate([[-half, half], *borders]).clip(-half, half))
    middles = np.outer(direction, 0.5 * (cuts[1:] + cuts[:-1]))
    rows, columns = np.rint(middles).astype(int) + reach[:, None]
    path = np.zeros(2 * reach + 1)
    np.add.at(path, (rows, columns), np.diff(cuts))
    return _normalized(path)


def box(side: Any, *, ndim: int = 2) -> PSF:
    """Equal weights: the mean over a window.

    Parameters
    ----------
    side : int or tuple of int
        Pixels along every axis.
    ndim : int, default 2
        Number of axes.

    Returns
    -------
    ndarray of float64
        Sum 1, fresh.

    Raises
    ------
    GeometryError
        `side` or `ndim` is not positive.

    Examples
    --------
    >>> from sparse_tconv.inverse import psf
    >>> psf.box(2)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    >>> psf.box((3, 0))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `side` must be an int or one int per axis, at least 1; got 0.
        Use 1 or more.
    """
    return _normalized(np.ones(_sides(side, ndim)))


def _sides(side: Any, ndim: Any) -> tuple[int, ...]:
    axes = validate.integer("ndim", ndim, minimum=1, maximum=_MOST_AXES)
    sides = validate.per_axis("side", side, axes, minimum=1)
    _check_fits(sides)
    return sides


def _check_fits(sides: tuple[int, ...]) -> None:
    check_fits("psf", f"one of {sides} pixels", 8 * _COPIES * prod(sides), "Use a smaller one.")


def _angle(angle: float) -> float:
    """Radians; any finite angle, negative ones too."""
    degrees = validate.real(angle)
    if not isfinite(degrees):
        raise GeometryError(
            f"`angle` must be a finite number of degrees; got {validate.written(angle)}. Pass 45.0, say."
        )
    return radians(degrees)


def _normalized(weights: PSF) -> PSF:
    return weights / weights.sum()
