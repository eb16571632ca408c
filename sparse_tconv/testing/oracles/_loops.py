"""Convolution and its transpose by nested loops."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ShapeError
from ._parts import (
    Ints,
    Modes,
    Padding,
    check_transposed_channels,
    extend,
    fold,
    group_slices,
    ints,
    modes,
    pairs,
    refuse_empty,
    scattered_size,
    unpadded_size,
    with_channels,
)

__all__ = ["conv", "conv_transpose"]


def conv(
    x: ArrayLike,
    weight: ArrayLike,
    *,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
    padding_mode: Modes = "zeros",
    flip: bool = False,
    channels: bool = True,
) -> NDArray[Any]:
    """Convolve one sample by nested loops over output positions and kernel taps.

    Parameters
    ----------
    x : array_like, shape (C_in, *size), or size when ``channels=False``
        One sample, any dtype that NumPy can multiply.
    weight : array_like, shape (C_out, C_in // groups, *kernel_size), or kernel_size
        The kernel.
    stride, dilation : int or one int per axis, default 1
        At least 1.
    padding : int, one int per axis, or one (before, after) pair per axis, default 0
        Resolved pads; a negative one only moves the window.
    groups : int, default 1
        Divides both channel counts.
    padding_mode : {'zeros', 'circular', 'reflect', 'symmetric', 'replicate', 'antireflect', \
'antisymmetric', 'smooth'} or one per axis
        How `x` is extended: numpy.pad with constant, wrap, reflect, symmetric, edge.
    flip : bool, default False
        Flip the spatial axes of the kernel first.
    channels : bool, default True
        False for a bare kernel on a bare image.

    Returns
    -------
    ndarray, shape (C_out, *out_size), or out_size when ``channels=False``
        A new array of dtype ``numpy.result_type(x, weight)``.

    Raises
    ------
    GeometryError
        When the output would be empty.
    ShapeError
        When `x` and `weight` do not fit together.

    See Also
    --------
    conv_transpose : its transpose.
    matrix : the same map as a dense matrix.

    Notes
    -----
    ``y[co, o] = sum_{ci, k} w[co, ci, k] x~[ci, o*s - before + d*k]``, x~ the extended `x`. The
    transpose is `conv_transpose`. Cost: one Python step per group, output position and tap.

    Examples
    --------
    >>> import numpy as np
    >>> conv(np.arange(9).reshape(3, 3), [[1, 2], [3, 4]], channels=False)
    array([[27, 37],
           [57, 67]])
    >>> conv(np.ones(2), np.ones(3), channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: output size must be at least 1 on every axis; got (0,).
    """
    x, w = with_channels(x, weight, channels, flip)
    y = conv_samples(x[..., np.newaxis], w, stride, padding, dilation, groups, padding_mode)[..., 0]
    return y if channels else y[0]


def conv_samples(
    x: NDArray[Any],
    w: NDArray[Any],
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
    padding_mode: Modes = "zeros",
) -> NDArray[Any]:
    """`conv` of samples along the last axis, with channels, the kernel flipped already."""
    if x.shape[0] != w.shape[1] * groups or w.shape[0] % groups:
        raise ShapeError(
            f"`x` must have groups * weight.shape[1] = {w.shape[1] * groups} channels, and "
            f"`groups` must divide weight.shape[0]; got {x.shape[0]} channels, groups {groups}, "
            f"weight {w.shape}."
        )
    axes = w.ndim - 2
    s, d, pads = ints(stride, axes), ints(dilation, axes), pairs(padding, axes)
    extended = extend(np.moveaxis(x, 0, -2), pads, modes(padding_mode, axes))
    size = tuple(
        (n - step * (k - 1) - 1) // jump + 1
        for n, k, jump, step in zip(extended.shape, w.shape[2:], s, d, strict=False)
    )
    refuse_empty(size)
    y = np.zeros((w.shape[0], *size, x.shape[-1]), np.result_type(x, w))
    for inside, outside in group_slices(x.shape[0], w.shape[0], groups):
        for o in np.ndindex(*size):
            for tap in np.ndindex(*w.shape[2:]):
                at = tuple(oi * si + di * ki for oi, si, di, ki in zip(o, s, d, tap, strict=True))
                y[(outside, *o)] += w[(outside, slice(None), *tap)] @ extended[(*at, inside)]
    return y


def conv_transpose(
    y: ArrayLike,
    weight: ArrayLike,
    *,
    stride: Ints = 1,
    padding: Padding = 0,
    output_padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
    padding_mode: Modes = "zeros",
    flip: bool = False,
    channels: bool = True,
) -> NDArray[Any]:
    """Apply the transpose of `conv`: scatter by nested loops, then fold the padding back.

    It is the transpose of the convolution whose input is this function's output; where
    ``output_padding >= stride`` only the first rows of that convolution are used.

    Parameters
    ----------
    y : array_like, shape (C_in, *size), or size when ``channels=False``
        One sample. C_in counts the channels of `y`: the output channels of the convolution.
    weight : array_like, shape (C_in, C_out // groups, *kernel_size), or kernel_size
        The array that `conv` takes.
    stride, dilation, padding, groups, padding_mode, flip, channels
        As in `conv`, and meaning the convolution's.
    output_padding : int or one int per axis, default 0
        At least 0; added to the output size.

    Returns
    -------
    ndarray, shape (C_out, *out_size), or out_size when ``channels=False``
        A new array of dtype ``numpy.result_type(y, weight)``; the size of an axis is
        ``(n - 1) stride - (before + after) + dilation (k - 1) + 1 + output_padding``.

    Raises
    ------
    GeometryError
        When the output would be empty.
    ShapeError
        When `y` and `weight` do not fit together.

    See Also
    --------
    conv : the convolution it transposes.
    conv_transpose_zero_insertion : the same by an independent route, for 'zeros'.

    Notes
    -----
    Its transpose is `conv`. ``z[ci, o*s + d*k] += w[co, ci, k] y[co, o]`` on the extended axis,
    then every entry of z is added to the entry of x that numpy.pad would have copied it from. The
    weight is not conjugated. Cost: one Python step per group, input position and tap.

    Examples
    --------
    >>> conv_transpose([[0, 1], [2, 3]], [[0, 1], [2, 3]], channels=False)
    array([[ 0,  0,  1],
           [ 0,  4,  6],
           [ 4, 12,  9]])
    >>> conv_transpose([1, 1], [1, 1, 1], stride=2, channels=False)
    array([1, 1, 2, 1, 1])
    >>> conv_transpose([1], [1], padding=1, channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: output size must be at least 1 on every axis; got (-1,).
    """
    y, w = with_channels(y, weight, channels, flip)
    x = conv_transpose_samples(
        y[..., np.newaxis], w, stride, padding, output_padding, dilation, groups, padding_mode
    )[..., 0]
    return x if channels else x[0]


def conv_transpose_samples(
    y: NDArray[Any],
    w: NDArray[Any],
    stride: Ints = 1,
    padding: Padding = 0,
    output_padding: Ints = 0,
    dilation: Ints = 1,
    groups: int = 1,
    padding_mode: Modes = "zeros",
) -> NDArray[Any]:
    """`conv_transpose` of samples along the last axis, with channels, the kernel flipped already."""
    check_transposed_channels(y, w, groups)
    axes = w.ndim - 2
    s, d, pads = ints(stride, axes), ints(dilation, axes), pairs(padding, axes)
    extended = scattered_size(y.shape[1:-1], w.shape[2:], s, d, ints(output_padding, axes))
    size = unpadded_size(extended, pads)
    z = np.zeros((*extended, w.shape[1] * groups, y.shape[-1]), np.result_type(y, w))
    for inside, outside in group_slices(y.shape[0], z.shape[-2], groups):
        for o in np.ndindex(*y.shape[1:-1]):
            for tap in np.ndindex(*w.shape[2:]):
                at = tuple(oi * si + di * ki for oi, si, di, ki in zip(o, s, d, tap, strict=True))
                z[(*at, outside)] += w[(inside, slice(None), *tap)].T @ y[(inside, *o)]
    return np.moveaxis(fold(z, size, pads, modes(padding_mode, axes)), -2, 0)
