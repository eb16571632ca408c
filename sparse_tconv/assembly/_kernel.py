"""The kernel in the one layout that everything below the operators computes with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import ConvGeometry
from ..pattern import MatrixPattern


def correlation_kernel(geometry: ConvGeometry, weight: NDArray[Any]) -> NDArray[Any]:
    """A kernel of ``geometry.weight_shape`` with channel axes, ready to correlate: a view where
    possible.
    """
    kernel = weight if geometry.channels else weight[None, None]
    return np.flip(kernel, axis=tuple(range(2, kernel.ndim))) if geometry.flip else kernel


def grouped_kernel(
    geometry: ConvGeometry, weight: NDArray[Any], transposed: bool = False
) -> NDArray[Any]:
    """The kernel of C or C^T as (group, channels given, channels taken, *kernel_size), the channels
    those of a group, ready to correlate: a view where possible.
    """
    kernel = correlation_kernel(geometry, weight)
    kernel = kernel.reshape(geometry.groups, -1, *kernel.shape[1:])
    return kernel.swapaxes(1, 2) if transposed else kernel


def kernel_by_rows(pattern: MatrixPattern, weight: NDArray[Any]) -> NDArray[Any]:
    """The kernel as (row channel, column channel of its group, *kernel_size)."""
    kernel = grouped_kernel(pattern.geometry, weight, pattern.transposed)
    return kernel.reshape(-1, *kernel.shape[2:])


def from_correlation_kernel(geometry: ConvGeometry, kernel: NDArray[Any]) -> NDArray[Any]:
    """The inverse (and transpose) of :func:`correlation_kernel`."""
    weight = np.flip(kernel, axis=tuple(range(2, kernel.ndim))) if geometry.flip else kernel
    return weight if geometry.channels else weight[0, 0]
