"""The kernel in the one layout that everything below the operators computes with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import ConvGeometry
from ..pattern import MatrixPattern

_SHARE = 24  # of the matrix, at most, is what some row channels take while they are worked on,
_LITTLE = 1 << 17  # bytes, which may be taken beside any matrix


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


def kernels_by_rows(
    pattern: MatrixPattern, weight: NDArray[Any], each: int
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Row channels and their part of :func:`kernel_by_rows`, as many at a time as may be worked on
    beside the matrix where each takes so many bytes; all of them if they are few.
    """
    kernel = grouped_kernel(pattern.geometry, weight, pattern.transposed)
    groups, given = kernel.shape[:2]
    nnz, n_rows = pattern.geometry.nnz, pattern.shape[0]
    beside = max((nnz * weight.itemsize + 4 * n_rows) // _SHARE, _LITTLE)
    if not kernel.flags.c_contiguous:  # copied
        each += kernel[0, 0].nbytes
    most = max(1, beside // max(each, 1))
    if most >= given:
        step = most // given
        for first in range(0, groups, step):
            part = kernel[first : first + step]
            start = first * given
            yield slice(start, start + len(part) * given), part.reshape(-1, *part.shape[2:])
        return
    for group, own in enumerate(kernel):
        for first in range(0, given, most):
            part = own[first : first + most]
            yield slice(group * given + first, group * given + first + len(part)), part


def from_correlation_kernel(geometry: ConvGeometry, kernel: NDArray[Any]) -> NDArray[Any]:
    """The inverse (and transpose) of :func:`correlation_kernel`."""
    weight = np.flip(kernel, axis=tuple(range(2, kernel.ndim))) if geometry.flip else kernel
    return weight if geometry.channels else weight[0, 0]
