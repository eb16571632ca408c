"""Averages over windows."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from ..errors import GeometryError
from ..operators import Conv, Operator
from ._axis_matrices import axis_operator, cast_exactly, gathered
from ._sample import channels_first, check_written


def avg_pool(
    in_shape: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dtype: DTypeLike = float,
) -> Operator:
    """Averages over windows: torch.nn.functional.avg_pool1d, 2d and 3d.

    Parameters
    ----------
    in_shape : tuple of int, (C, *size)
        Shape of one sample.
    kernel_size : int or one int per spatial axis
        Size of the windows.
    stride : int or one int per spatial axis, optional
        Their distance; `kernel_size`, if not given.
    padding : int or one int per spatial axis, default 0
        Zeros on both sides, at most half of `kernel_size`.
    ceil_mode : bool, default False
        Keep a last window that is not full.
    count_include_pad : bool, default True
        Whether the zeros count in the averages.
    divisor_override : int, optional
        What to divide by, instead of the size of a window.
    dtype : dtype-like, default float
        Type of the matrix's entries.

    Returns
    -------
    Conv or Operator
        A ``Conv`` of one group per channel where all windows divide by the same number.

    Raises
    ------
    GeometryError
        An argument cannot be what it is, or no window fits.
    MatrixTooLargeError
        What has to be written out does not fit in memory.
    DTypeError
        `dtype` cannot hold the entries, which are fractions but for ``divisor_override=1``.

    See Also
    --------
    adaptive_avg_pool : from the size that results.

    Notes
    -----
    Forward ``y[c, o] = sum over t of x~[c, o * stride - padding + t] / divisor``; the adjoint
    spreads each average over its window.

    Examples
    --------
    >>> from sparse_tconv import layers
    >>> layers.avg_pool((1, 5), 2, ceil_mode=True).toarray()
    array([[0.5, 0.5, 0. , 0. , 0. ],
           [0. , 0. , 0.5, 0.5, 0. ],
           [0. , 0. , 0. , 0. , 1. ]])
    >>> layers.avg_pool((1, 5), 2, padding=2)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `padding` must be at most half of kernel_size=(2,); got (2,).
        Use layers.pad for more.
    """
    channels, size = channels_first(in_shape)
    kind = validate.numeric_dtype("dtype", dtype)
    d = len(size)
    kernel = validate.per_axis("kernel_size", kernel_size, d, minimum=1)
    step = kernel if stride is None else validate.per_axis("stride", stride, d, minimum=1)
    border = validate.per_axis("padding", padding, d, minimum=0)
    ceil = validate.flag("ceil_mode", ceil_mode)
    include = validate.flag("count_include_pad", count_include_pad)
    divisor = None
    if divisor_override is not None:
        divisor = validate.integer("divisor_override", divisor_override, minimum=1)
    if any(2 * p > k for p, k in zip(border, kernel, strict=True)):
        raise GeometryError(
            f"`padding` must be at most half of kernel_size={kernel}; got {border}. Use layers.pad for more."
        )
    axes = [_Windows(*axis, ceil) for axis in zip(size, kernel, step, border, strict=True)]
    if min(axis.count for axis in axes) < 1:
        raise GeometryError(
            f"`kernel_size` must fit into the padded sample; got {kernel} on {size}. "
            f"Pad more, or take a smaller window."
        )
    if all(axis.is_convolution(include or divisor is not None) for axis in axes):
        check_written("kernel_size", kernel, channels * prod(kernel), 24)
        taps = np.full((channels, 1, *kernel), 1 / (divisor or prod(kernel)))
        return Conv(
            cast_exactly(taps, kind),
            (channels, *size),
            stride=step,
            padding=border,
            groups=channels,
        )
    for axis in axes:
        check_written("kernel_size", kernel, axis.count * axis.k)
    matrices = [axis.matrix(include, divisor is not None) for axis in axes]
    if divisor is not None:
        matrices[0] = matrices[0] / divisor
    return axis_operator((channels, *size), matrices, kind)


def adaptive_avg_pool(in_shape: Any, output_size: Any, *, dtype: DTypeLike = float) -> Operator:
    """Averages over windows that give a size: torch.nn.functional.adaptive_avg_pool1d, 2d and 3d.

    Parameters
    ----------
    in_shape : tuple of int, (C, *size)
        Shape of one sample.
    output_size : int, or one int or None per spatial axis
        The size that results; None keeps that of the sample.
    dtype : dtype-like, default float
        Type of the matrix's entries.

    Returns
    -------
    Conv or Operator
        A ``Conv`` where the size that results divides that of the sample on every axis.

    Raises
    ------
    GeometryError
        An argument cannot be what it is.
    MatrixTooLargeError
        What has to be written out does not fit in memory.
    DTypeError
        `dtype` cannot hold the entries, which are fractions where windows have several.

    See Also
    --------
    avg_pool : from the windows.

    Notes
    -----
    Window i of m on an axis of n entries is from ``floor(i n / m)`` up to ``ceil((i + 1) n / m)``.

    Examples
    --------
    >>> from sparse_tconv import layers
    >>> layers.adaptive_avg_pool((1, 5), 2).toarray().round(2)
    array([[0.33, 0.33, 0.33, 0.  , 0.  ],
           [0.  , 0.  , 0.33, 0.33, 0.33]])
    >>> layers.adaptive_avg_pool((1, 5), 0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `output_size` must be an int or one int per axis, at least 1;
        got 0. Use 1 or more.
    """
    channels, size = channels_first(in_shape)
    kind = validate.numeric_dtype("dtype", dtype)
    if validate.is_sequence(output_size):
        entries = list(output_size)
        known = [n if m is None else m for n, m in zip(size, entries, strict=False)]
        output_size = known + entries[len(known) :]
    result = validate.per_axis("output_size", output_size, len(size), minimum=1)
    if not any(n % m for n, m in zip(size, result, strict=True)):
        kernel = tuple(n // m for n, m in zip(size, result, strict=True))
        return avg_pool((channels, *size), kernel, dtype=kind)
    for n, m in zip(size, result, strict=True):
        check_written("output_size", result, 2 * m + n)
    matrices = [adaptive_matrix(n, m) for n, m in zip(size, result, strict=True)]
    return axis_operator((channels, *size), matrices, kind)


def adaptive_matrix(n: int, m: int) -> csr_array:
    """Averages of n entries in m windows that cover them."""
    start = [i * n // m for i in range(m)]
    stop = [-(-(i + 1) * n // m) for i in range(m)]
    return _averages(np.array(start), np.array(stop), np.subtract(stop, start), n)


class _Windows:
    """The windows of one axis."""

    def __init__(self, n: int, k: int, s: int, p: int, ceil: bool) -> None:
        self.n, self.k, self.s, self.p = n, k, s, p
        self.full = (n + 2 * p - k) // s + 1
        self.count = self.full
        if ceil:
            count = -(-(n + 2 * p - k) // s) + 1
            # A window has to start inside the sample or the padding before it.
            self.count = count - ((count - 1) * s >= n + p)

    def is_convolution(self, same_divisor: bool) -> bool:
        """Whether all windows divide by the same number, and all of them are full."""
        return self.count == self.full and (same_divisor or not self.p)

    def matrix(self, include: bool, sums: bool) -> csr_array:
        """The averages; the sums alone where another number divides them."""
        start = np.arange(self.count) * self.s - self.p
        stop = np.minimum(start + self.k, self.n + self.p)
        size = stop - start
        start, stop = np.maximum(start, 0), np.minimum(stop, self.n)
        if sums:
            size = np.ones_like(size)
        elif not include:
            size = stop - start
        return _averages(start, stop, size, self.n)


def _averages(start: NDArray[Any], stop: NDArray[Any], divisor: NDArray[Any], n: int) -> csr_array:
    """Sums of entries from start up to stop, divided."""
    places = start[:, None] + np.arange(max(1, int((stop - start).max())))
    inside = places < stop[:, None]
    return gathered(np.where(inside, places, -1), n, (1 / divisor)[:, None])
