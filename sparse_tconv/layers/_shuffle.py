"""Channels to pixels and back."""

from __future__ import annotations

from math import prod
from typing import Any

from numpy.typing import DTypeLike

from .. import _validate as validate
from ..errors import GeometryError
from ..operators import Operator
from ._rearranged import Rearranged
from ._sample import channels_first


def pixel_shuffle(in_shape: Any, upscale_factor: int, *, dtype: DTypeLike = float) -> Operator:
    """Channels to pixels: torch.nn.functional.pixel_shuffle, for any number of axes.

    Parameters
    ----------
    in_shape : tuple of int, (C * r**d, *size)
        Shape of one sample of d spatial axes.
    upscale_factor : int
        The factor r.
    dtype : dtype-like, default float
        Type of the ones in the matrix.

    Returns
    -------
    Operator
        A permutation; ``out_shape`` is (C, r * size[0], ...).

    Raises
    ------
    GeometryError
        The channels are no multiple of r**d.
    DTypeError
        `dtype` is a type that the library does not compute with.

    See Also
    --------
    pixel_unshuffle : its inverse, and its transpose.

    Notes
    -----
    Forward ``y[c, r * i + a, r * j + b] = x[c * r**2 + a * r + b, i, j]``; the adjoint is the
    inverse.

    Examples
    --------
    >>> from sparse_tconv import layers
    >>> layers.pixel_shuffle((2, 2), 2, dtype=int).apply([[1, 2], [3, 4]])
    array([[1, 3, 2, 4]])
    >>> layers.pixel_shuffle((2, 2, 2), 2)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `in_shape` must start with a multiple of 4 channels; got (2, 2,
        2). There are upscale_factor ** 2 of them for each that results.
    """
    channels, size = channels_first(in_shape)
    r = validate.integer("upscale_factor", upscale_factor, minimum=1)
    kind = validate.numeric_dtype("dtype", dtype)
    d = len(size)
    if channels % r**d:
        raise GeometryError(
            f"`in_shape` must start with a multiple of {r**d} channels; got {(channels, *size)}. "
            f"There are upscale_factor ** {d} of them for each that results."
        )
    result = channels // r**d
    order = (0, *(axis for i in range(d) for axis in (1 + d + i, 1 + i)))
    out_shape = (result, *(r * n for n in size))
    return Rearranged((channels, *size), out_shape, (result, *(r,) * d, *size), order, kind, d)


def pixel_unshuffle(in_shape: Any, downscale_factor: int, *, dtype: DTypeLike = float) -> Operator:
    """Pixels to channels: torch.nn.functional.pixel_unshuffle, for any number of axes.

    Parameters
    ----------
    in_shape : tuple of int, (C, *size)
        Shape of one sample.
    downscale_factor : int
        The factor r, a divisor of each spatial size.
    dtype : dtype-like, default float
        Type of the ones in the matrix.

    Returns
    -------
    Operator
        A permutation; ``out_shape`` is (C * r**d, size[0] // r, ...).

    Raises
    ------
    GeometryError
        A spatial size is no multiple of r.
    DTypeError
        `dtype` is a type that the library does not compute with.

    See Also
    --------
    pixel_shuffle : its inverse, and its transpose.

    Notes
    -----
    Forward ``y[c * r**2 + a * r + b, i, j] = x[c, r * i + a, r * j + b]``.

    Examples
    --------
    >>> from sparse_tconv import layers
    >>> layers.pixel_unshuffle((1, 4), 2, dtype=int).apply([[1, 2, 3, 4]])
    array([[1, 3],
           [2, 4]])
    >>> layers.pixel_unshuffle((1, 5), 2)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `in_shape` must have spatial sizes that are multiples of 2; got
        (1, 5). Crop or pad the sample first.
    """
    channels, size = channels_first(in_shape)
    r = validate.integer("downscale_factor", downscale_factor, minimum=1)
    if any(n % r for n in size):
        raise GeometryError(
            f"`in_shape` must have spatial sizes that are multiples of {r}; got {(channels, *size)}. "
            f"Crop or pad the sample first."
        )
    coarse = tuple(n // r for n in size)
    return pixel_shuffle((channels * prod((r,) * len(size)), *coarse), r, dtype=dtype).T
