"""Samples to the patches that windows see, and back."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import _validate as validate
from ..errors import GeometryError, ShapeError
from ..operators import Operator
from ._axis_matrices import axis_operator, gathered
from ._rearranged import Rearranged
from ._sample import channels_first, check_written


def unfold(
    in_shape: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
    *,
    dtype: DTypeLike = float,
) -> Operator:
    """The patches under a sliding window: torch.nn.functional.unfold, for any number of axes.

    Parameters
    ----------
    in_shape : tuple of int, (C, *size)
        Shape of one sample.
    kernel_size, dilation, padding, stride : int or one int per spatial axis
        The windows.
    dtype : dtype-like, default float
        Type of the ones in the matrix.

    Returns
    -------
    Operator
        ``out_shape`` is (C * taps, windows): a column per window, as im2col makes it.

    Raises
    ------
    GeometryError
        An argument cannot be what it is, or no window fits.
    MatrixTooLargeError
        What has to be written out does not fit in memory.
    DTypeError
        `dtype` is a type that the library does not compute with.

    See Also
    --------
    fold : its transpose.

    Notes
    -----
    Forward ``y[c * taps + t, o] = x~[c, o * stride - padding + dilation * t]``, x~ being x among
    zeros; the adjoint adds each patch to where it came from. A convolution is its kernel as a
    matrix, (C_out, C * taps), times the result.

    Examples
    --------
    >>> from sparse_tconv import layers
    >>> op = layers.unfold((1, 4), 2, dtype=int)
    >>> op.apply([[1, 2, 3, 4]])
    array([[1, 2, 3],
           [2, 3, 4]])
    >>> op.T.apply([[1, 1, 1], [1, 1, 1]])
    array([[1, 2, 2, 1]])
    >>> layers.unfold((1, 4), 5)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `kernel_size` must fit into the padded sample; got (5,) on (4,).
        Pad more, or take a smaller window.
    """
    channels, size = channels_first(in_shape)
    kind = validate.numeric_dtype("dtype", dtype)
    d = len(size)
    rows = (
        size,
        validate.per_axis("kernel_size", kernel_size, d, minimum=1),
        validate.per_axis("dilation", dilation, d, minimum=1),
        validate.per_axis("padding", padding, d, minimum=0),
        validate.per_axis("stride", stride, d, minimum=1),
    )
    taps = rows[1]
    count = tuple(
        (n + 2 * p - dil * (k - 1) - 1) // s + 1 for n, k, dil, p, s in zip(*rows, strict=True)
    )
    if min(count) < 1:
        raise GeometryError(
            f"`kernel_size` must fit into the padded sample; got {taps} on {size}. "
            f"Pad more, or take a smaller window."
        )
    for k, windows in zip(taps, count, strict=True):
        check_written("kernel_size", taps, k * windows)
    matrices = [
        gathered((np.arange(k)[:, None] * dil + np.arange(o) * s - p).reshape(-1), n)
        for (n, k, dil, p, s), o in zip(zip(*rows, strict=True), count, strict=True)
    ]
    seen = axis_operator((channels, *size), matrices, kind)
    split = (channels, *(number for pair in zip(taps, count, strict=True) for number in pair))
    order = (0, *range(1, 2 * d, 2), *range(2, 2 * d + 1, 2))
    flat = (channels * prod(taps), prod(count))
    return Rearranged(seen.out_shape, flat, split, order, kind) @ seen


def fold(
    in_shape: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
    *,
    dtype: DTypeLike = float,
) -> Operator:
    """Patches added up where they belong: torch.nn.functional.fold, for any number of axes.

    Parameters
    ----------
    in_shape : tuple of int, (C * taps, windows)
        Shape of one sample, as :func:`unfold` gives it.
    output_size : tuple of int
        Spatial size of the result, one int per axis; an int is that of a single axis.
    kernel_size, dilation, padding, stride : int or one int per spatial axis
        The windows.
    dtype : dtype-like, default float
        Type of the ones in the matrix.

    Returns
    -------
    Operator
        The transpose of :func:`unfold`.

    Raises
    ------
    ShapeError
        `in_shape` does not have a multiple of the taps, or not a column per window.
    GeometryError
        An argument cannot be what it is, or no window fits.
    MatrixTooLargeError
        What has to be written out does not fit in memory.
    DTypeError
        `dtype` is a type that the library does not compute with.

    See Also
    --------
    unfold : its transpose.

    Notes
    -----
    Forward and adjoint are those of :func:`unfold`, exchanged.

    Examples
    --------
    >>> from sparse_tconv import layers
    >>> layers.fold((2, 3), 4, 2, dtype=int).apply([[1, 2, 3], [4, 5, 6]])
    array([[1, 6, 8, 6]])
    >>> layers.fold((2, 5), 4, 2)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `in_shape` must be (C * 2, 3), taps and windows; got (2, 5).
        unfold of a sample of `output_size` gives it.
    """
    shape = validate.shape("in_shape", in_shape)
    size = validate.shape("output_size", output_size)
    taps = prod(validate.per_axis("kernel_size", kernel_size, len(size), minimum=1))
    channels = max(1, prod(shape[:1]) // taps)
    op = unfold((channels, *size), kernel_size, dilation, padding, stride, dtype=dtype)
    if op.out_shape != shape:
        raise ShapeError(
            f"`in_shape` must be (C * {taps}, {op.out_shape[1]}), taps and windows; got {shape}. "
            f"unfold of a sample of `output_size` gives it."
        )
    return op.T
