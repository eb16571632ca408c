"""Samples seen through the taps: what each tap of the kernel reads, and products linear in the
kernel.

For a fixed x the convolution is linear in the kernel: ``w -> C(w) x``. Tap by tap that is one small
matrix product, and so is its transpose, the gradient with respect to the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..assembly import correlation_kernel, from_correlation_kernel
from ..geometry import ConvGeometry
from .borders import extended_along, folded_along


def extended(geometry: ConvGeometry, x: NDArray[Any]) -> NDArray[Any]:
    """x~: a batch of samples (batch, channels, *size) extended to just what the windows read."""
    for number, axis in enumerate(geometry.axes, 2):
        x = extended_along(axis, x, number)
    return x


def folded(geometry: ConvGeometry, wide: NDArray[Any]) -> NDArray[Any]:
    """The transpose of :func:`extended`: every position is added to the sample it repeats."""
    for number, axis in enumerate(geometry.axes, 2):
        wide = folded_along(axis, wide, number)
    return wide


def tap_views(
    geometry: ConvGeometry, wide: NDArray[Any]
) -> Iterator[tuple[tuple[int, ...], NDArray[Any]]]:
    """Each tap's index, and the view of x~ that it reads: (batch, channels, *out_size)."""
    for tap in np.ndindex(*geometry.kernel_size):
        slices = (
            slice(t * a.dilation, t * a.dilation + (a.n_out - 1) * a.stride + 1, a.stride)
            for t, a in zip(tap, geometry.axes, strict=True)
        )
        yield tap, wide[(slice(None), slice(None), *slices)]


def apply_kernel(geometry: ConvGeometry, weight: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    """C(w) x as a sum over taps; x and w of one dtype."""
    kernel = correlation_kernel(geometry, weight)
    kernel = kernel.reshape(geometry.groups, -1, *kernel.shape[1:])
    size = tuple(axis.n_out for axis in geometry.axes)
    y = np.zeros((len(x), geometry.groups, kernel.shape[1], int(np.prod(size))), dtype=x.dtype)
    for tap, view in tap_views(geometry, extended(geometry, x)):
        at_tap: tuple[Any, ...] = (..., *tap)
        y += kernel[at_tap] @ view.reshape(len(x), geometry.groups, kernel.shape[2], -1)
    return y.reshape(len(x), geometry.y_channels, *size)


def apply_kernel_transposed(
    geometry: ConvGeometry, weight: NDArray[Any], y: NDArray[Any]
) -> NDArray[Any]:
    """C(w)^T y as a sum over taps; y and w of one dtype."""
    kernel = correlation_kernel(geometry, weight)
    kernel = kernel.reshape(geometry.groups, -1, *kernel.shape[1:]).swapaxes(1, 2)
    data = y.reshape(len(y), geometry.groups, kernel.shape[2], -1)
    extent = tuple(axis.last - axis.first + 1 for axis in geometry.axes)
    wide = np.zeros((len(y), geometry.x_channels, *extent), dtype=y.dtype)
    for tap, view in tap_views(geometry, wide):
        at_tap: tuple[Any, ...] = (..., *tap)
        view += (kernel[at_tap] @ data).reshape(view.shape)
    return folded(geometry, wide)


def kernel_gradient(geometry: ConvGeometry, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """The transpose of ``w -> C(w) x`` applied to y, summed over the batch; nothing is
    conjugated.
    """
    groups = geometry.groups
    batch = len(x)
    data = y.reshape(batch, groups, geometry.y_channels // groups, -1)
    gradient = np.empty(
        (
            groups,
            geometry.y_channels // groups,
            geometry.x_channels // groups,
            *geometry.kernel_size,
        ),
        dtype=y.dtype,
    )
    for tap, view in tap_views(geometry, extended(geometry, x)):
        read = view.reshape(batch, groups, geometry.x_channels // groups, -1)
        at_tap: tuple[Any, ...] = (..., *tap)
        gradient[at_tap] = (data @ read.swapaxes(-1, -2)).sum(axis=0)
    return from_correlation_kernel(
        geometry, gradient.reshape(geometry.y_channels, -1, *geometry.kernel_size)
    )
