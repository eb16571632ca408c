"""A test problem whose PSF changes across the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from .._memory import check_fits
from ._problem import Problem, made, picture
from ._varying_blur import varying_blur

_REACH = 10  # pixels of a PSF on either side of its center


def varying(
    size: Any = 256,
    *,
    nodes: int = 5,
    image: str | ArrayLike = "photograph",
    noise: float = 0.003,
    padding_mode: Any = "symmetric",
    inverse_crime: bool = False,
    seed: int = 0,
) -> Problem:
    """A picture through a lens that is sharp in the middle: towards the corners its PSF grows, and
    turns with the direction from there.

    Parameters
    ----------
    size : int or tuple of int, default 256
        Shape of the picture.
    nodes : int, default 5
        PSFs along each axis, at least 2, from one end of the picture to the other.
    image, noise, padding_mode, inverse_crime, seed
        The noise is 0.003 of the data here; else as for :func:`sparse_tconv.inverse.problems.deblurring`.

    Returns
    -------
    Problem
        Its `op` is a :class:`sparse_tconv.inverse.VaryingBlur`.

    Raises
    ------
    GeometryError
        An argument is not what it may be, or the picture is too small.
    MissingExtraError
        For the photograph without matplotlib and Pillow.

    See Also
    --------
    sparse_tconv.inverse.varying_blur : such an operator from your own PSFs.

    Notes
    -----
    The PSFs are Gaussians of ``0.5 + 2 r`` pixels along the direction from the center of the
    picture and of ``0.5 + r / 2`` across it, r being the distance, 1 at the middles of the sides.

    Examples
    --------
    >>> from sparse_tconv.inverse import problems
    >>> problem = problems.varying(64, nodes=3, image="phantom")
    >>> problem.op
    <VaryingBlur (64, 64) -> (64, 64), 3x3 PSFs of (21, 21) at the input, dtype=float64>
    >>> problems.varying(64, nodes=1)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `nodes` must be an int, at least 2; got 1. Use 2 or more.
    """
    count = validate.integer("nodes", nodes, minimum=2)
    shape = validate.per_axis("size", size, 2, minimum=2)
    nbytes = 8 * (2 * _REACH + 1) ** 2 * count**2
    check_fits("nodes", f"{count} x {count} PSFs", nbytes, "Use fewer.")
    places = np.linspace(-1, 1, count)
    psfs = np.array([[_psf(row, column) for column in places] for row in places])
    positions = [np.linspace(0, n - 1, count) for n in shape]
    op = varying_blur(psfs, positions, shape, padding_mode=padding_mode)

    def honest(_: Any, given: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """What the model sees of a larger picture, and that blurred where nothing beyond is read."""
        large = picture(given, (shape[0] + 2 * _REACH, shape[1] + 2 * _REACH))
        seen = (slice(_REACH, -_REACH),) * 2
        moved = [nodes + _REACH for nodes in positions]
        twin = varying_blur(psfs, moved, large.shape, padding_mode="zeros")
        return large[seen].copy(), twin.apply(large)[seen]

    return made("varying blur", op, image, noise, inverse_crime, seed, honest)


def _psf(row: float, column: float) -> NDArray[np.float64]:
    """The PSF at a place of the picture, both coordinates from -1 to 1."""
    distance, angle = np.hypot(row, column), np.arctan2(row, column)
    i, j = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1]
    along = j * np.cos(angle) + i * np.sin(angle)
    across = i * np.cos(angle) - j * np.sin(angle)
    widths = 0.5 + 2 * distance, 0.5 + distance / 2
    psf = np.exp(-((along / widths[0]) ** 2 + (across / widths[1]) ** 2) / 2)
    return np.asarray(psf / psf.sum())
