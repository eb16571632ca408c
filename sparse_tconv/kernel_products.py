"""Products linear in the kernel: for fixed samples ``w -> C(w) x``, and its transpose, the gradient
with respect to the kernel.

Tap by tap each is one small matrix product, for any type of numbers; where the kernel is large,
transforms do all taps at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .assembly import from_correlation_kernel, grouped_kernel
from .engines import FftEngine, extend, fold
from .geometry import Axis, ConvGeometry
from .threads import num_threads, run_blas, single_blas

# Seconds of a product tap by tap, measured on two cores: per number that a tap reads or adds, per
# number and channel of the other side.
MOVED, MULTIPLIED = 5e-10, 4e-11
_WORTH_A_THREAD = 2e5  # numbers that all taps read


def apply_kernel(
    geometry: ConvGeometry, weight: NDArray[Any], x: NDArray[Any], transposed: bool = False
) -> NDArray[Any]:
    """C(w) x or C(w)^T x; w and x of one dtype, x a batch with a channel axis."""
    if by_transforms(geometry, x):
        engine = FftEngine(geometry, weight)
        return engine.transpose(x) if transposed else engine.forward(x)
    return single_blas(_transposed if transposed else _forward, geometry, weight, x)


def kernel_gradient(geometry: ConvGeometry, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """The transpose of ``w -> C(w) x`` applied to y, in the kernel's own shape and summed over the
    batch; nothing is conjugated.
    """
    if by_transforms(geometry, x, gradient=True):
        return _gradient_by_transforms(geometry, x, y)
    batch, (groups, out_channels, in_channels) = len(x), _channels(geometry)
    positions = _positions(geometry)
    data = y.reshape(batch, groups, out_channels, positions)
    gradient = np.empty((groups, out_channels, in_channels, *geometry.kernel_size), dtype=y.dtype)
    wide = extend(geometry.axes, x)

    def compute(tap: tuple[int, ...]) -> None:
        read = _view(geometry, wide, tap).reshape(batch, groups, in_channels, positions)
        place: tuple[Any, ...] = (..., *tap)
        gradient[place] = (data @ read.swapaxes(-1, -2)).sum(axis=0)

    taps = list(np.ndindex(*geometry.kernel_size))
    run_blas(compute, taps, len(taps) * x.size > _WORTH_A_THREAD)
    return from_correlation_kernel(
        geometry, gradient.reshape(groups * out_channels, in_channels, *geometry.kernel_size)
    )


def tap_images(
    geometry: ConvGeometry, x: NDArray[Any], transposed: bool = False
) -> Iterator[NDArray[Any]]:
    """What each tap, in the kernel's order before a flip, brings to every position of C x or C^T x:
    (batch, channels of x, *size), overwritten by the next.
    """
    wide = None if transposed else extend(geometry.axes, x)
    for tap in np.ndindex(*geometry.kernel_size):
        if wide is not None:
            yield _view(geometry, wide, tap)
        else:
            room = np.zeros((*x.shape[:2], *_extents(geometry)), dtype=x.dtype)
            _view(geometry, room, tap)[...] = x
            yield fold(geometry.axes, room)


def by_transforms(geometry: ConvGeometry, x: NDArray[Any], gradient: bool = False) -> bool:
    """Whether transforms are estimated to take less time than all taps one by one."""
    if FftEngine.refuses(geometry, x.dtype) is not None or not len(x):
        return False
    groups, out_channels, in_channels = _channels(geometry)
    read = prod(geometry.kernel_size) * len(x) * groups * in_channels * _positions(geometry)
    by_taps = read * (MOVED + MULTIPLIED * out_channels)
    turned, batch = (_turned(geometry, len(x)), in_channels) if gradient else (geometry, len(x))
    # Twice: the kernel's own transform is made for this one product.
    return 2 * FftEngine.seconds(turned, x.dtype, batch) * num_threads() < by_taps


def _gradient_by_transforms(
    geometry: ConvGeometry, x: NDArray[Any], y: NDArray[Any]
) -> NDArray[Any]:
    """The gradient as a convolution of x whose kernel is y: windows and taps change places, and so
    do samples and input channels.
    """
    batch, (groups, _, in_channels) = len(x), _channels(geometry)
    samples = x.reshape(batch, groups, in_channels, *x.shape[2:]).swapaxes(0, 2)
    samples = np.ascontiguousarray(samples).reshape(in_channels, groups * batch, *x.shape[2:])
    engine = FftEngine(_turned(geometry, batch), np.ascontiguousarray(y.swapaxes(0, 1)))
    return from_correlation_kernel(
        geometry, np.ascontiguousarray(engine.forward(samples).swapaxes(0, 1))
    )


def _turned(geometry: ConvGeometry, batch: int) -> ConvGeometry:
    """The geometry of the gradient: window and tap, stride and dilation change places."""
    axes = tuple(
        Axis(a.n_in, a.k, a.n_out, a.dilation, a.stride, a.before, a.mode) for a in geometry.axes
    )
    groups = geometry.groups
    return ConvGeometry(
        axes, groups * batch, geometry.y_channels, groups, flip=False, channels=True
    )


def _forward(geometry: ConvGeometry, weight: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    groups, out_channels, in_channels = _channels(geometry)
    kernel, positions = grouped_kernel(geometry, weight), _positions(geometry)
    y = np.zeros((len(x), groups, out_channels, positions), dtype=x.dtype)
    wide = extend(geometry.axes, x)
    for tap in np.ndindex(*geometry.kernel_size):
        place: tuple[Any, ...] = (..., *tap)
        y += kernel[place] @ _view(geometry, wide, tap).reshape(
            len(x), groups, in_channels, positions
        )
    return y.reshape(len(x), groups * out_channels, *(axis.n_out for axis in geometry.axes))


def _transposed(geometry: ConvGeometry, weight: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    groups, out_channels, in_channels = _channels(geometry)
    kernel = grouped_kernel(geometry, weight, transposed=True)
    data = y.reshape(len(y), groups, out_channels, _positions(geometry))
    wide = np.zeros((len(y), groups * in_channels, *_extents(geometry)), dtype=y.dtype)
    for tap in np.ndindex(*geometry.kernel_size):
        place: tuple[Any, ...] = (..., *tap)
        view = _view(geometry, wide, tap)
        view += (kernel[place] @ data).reshape(view.shape)
    return fold(geometry.axes, wide)


def _view(geometry: ConvGeometry, wide: NDArray[Any], tap: tuple[int, ...]) -> NDArray[Any]:
    """What one tap reads of x~: (batch, channels, *out_size)."""
    slices = (
        slice(t * a.dilation, t * a.dilation + (a.n_out - 1) * a.stride + 1, a.stride)
        for t, a in zip(tap, geometry.axes, strict=True)
    )
    return wide[(slice(None), slice(None), *slices)]


def _channels(geometry: ConvGeometry) -> tuple[int, int, int]:
    """Groups, and the channels of y and of x in each."""
    return geometry.groups, *geometry.group_channels(transposed=True)


def _positions(geometry: ConvGeometry) -> int:
    return prod(axis.n_out for axis in geometry.axes)


def _extents(geometry: ConvGeometry) -> tuple[int, ...]:
    """Size of the extended sample."""
    return tuple(axis.extent for axis in geometry.axes)
