"""The transposed convolution as a plain convolution of a zero-filled input."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._loops import conv
from ._parts import (
    Ints,
    Padding,
    check_transposed_channels,
    ints,
    pairs,
    scattered_size,
    unpadded_size,
    with_channels,
)

__all__ = ["conv_transpose_zero_insertion"]


def conv_transpose_zero_insertion(
    y: ArrayLike,
    weight: ArrayLike,
    *,
    stride: Ints = 1,
    padding: Padding = 0,
    output_padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
    flip: bool = False,
    channels: bool = True,
) -> NDArray[Any]:
    """Apply the transpose of a zero-padded `conv` as a plain convolution of a zero-filled input.

    Parameters
    ----------
    y, weight, stride, padding, output_padding, dilation, groups, flip, channels
        As in `conv_transpose`; the padding mode is 'zeros'.

    Returns
    -------
    ndarray
        As from `conv_transpose`.

    Raises
    ------
    GeometryError
        When the output would be empty.
    ShapeError
        When `y` and `weight` do not fit together.

    See Also
    --------
    conv_transpose : the same by scattering, for every padding mode.

    Notes
    -----
    Insert s - 1 zeros between entries, pad d(k - 1) - p (cropping when that is negative) and
    output_padding more behind, flip the kernel, swap its channel axes inside each group, and
    convolve at stride 1. Its transpose is `conv`. Cost: as `conv` on the larger array.

    Examples
    --------
    >>> conv_transpose_zero_insertion([1, 1], [1, 1, 1], stride=4, channels=False)
    array([1, 1, 1, 0, 1, 1, 1])
    >>> conv_transpose_zero_insertion([1], [1], padding=1, channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: output size must be at least 1 on every axis; got (-1,).
    """
    y, w = with_channels(y, weight, channels, flip)
    check_transposed_channels(y, w, groups)
    axes = y.ndim - 1
    s, d, pads = ints(stride, axes), ints(dilation, axes), pairs(padding, axes)
    op = ints(output_padding, axes)
    unpadded_size(scattered_size(y.shape[1:], w.shape[2:], s, d, op), pads)
    spread = [(n - 1) * jump + 1 for n, jump in zip(y.shape[1:], s, strict=True)]
    inserted = np.zeros((y.shape[0], *spread), y.dtype)
    inserted[(slice(None), *(slice(None, None, jump) for jump in s))] = y
    turned = [
        (step * (k - 1) - before, step * (k - 1) - after + extra)
        for step, k, (before, after), extra in zip(d, w.shape[2:], pads, op, strict=True)
    ]
    grouped = w.reshape(groups, w.shape[0] // groups, *w.shape[1:]).swapaxes(1, 2)
    swapped = grouped.reshape(w.shape[1] * groups, w.shape[0] // groups, *w.shape[2:])
    x = conv(inserted, swapped, padding=turned, dilation=d, groups=groups, flip=True)
    return x if channels else x[0]
