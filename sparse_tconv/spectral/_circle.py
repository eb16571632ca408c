"""Kernels laid on a circle, the common ground of the Fourier and the cosine transform."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import Axis, copies

ROUNDING = 4  # units of rounding by which entries that should be equal may differ


def circle_stride(axis: Axis) -> int | None:
    """The stride under which the axis is a circle that its windows go round once; None if it is
    none.
    """
    inside = axis.first >= 0 and axis.last < axis.n_in
    lone = (
        axis.n_in == 1 and axis.mode != "zeros" and copies(axis.mode)
    )  # all borders repeat the one sample
    stride = axis.n_in if axis.n_out == 1 else axis.stride
    whole = axis.n_out * stride == axis.n_in
    return stride if whole and (axis.mode == "circular" or inside or lone) else None


def is_centered_mirror(axis: Axis, mode: str = "symmetric") -> bool:
    """Whether a kernel that is its own mirror image along this axis is diagonal in the DCT-II
    basis, or in that of the DST-II under 'antisymmetric'.
    """
    centered = axis.k % 2 == 1 and 2 * axis.before == axis.dilation * (axis.k - 1)
    mirrors = axis.mode == mode or axis.k == 1
    return centered and mirrors and axis.n_in == axis.n_out and (axis.stride == 1)


def mirror_difference(kernel: NDArray[Any], number: int) -> NDArray[Any]:
    """How far each tap is from its mirror image along a spatial axis."""
    return abs(kernel - np.flip(kernel, axis=number + 3))


def is_mirrored(kernel: NDArray[Any], number: int, eps: float) -> bool:
    """Whether the kernel is its own mirror image along a spatial axis, to rounding."""
    return bool((mirror_difference(kernel, number) <= ROUNDING * eps * abs(kernel)).all())


def wrapped(kernel: NDArray[Any], number: int, axis: Axis, length: int) -> NDArray[Any]:
    """The kernel with a spatial axis of taps made an axis of places on a circle of `length`.

    Entry z is the sum of the taps that a window at 0 finds at z.
    """
    places = axis.position(0, np.arange(axis.k)) % length
    moved = np.moveaxis(kernel, number, 0)
    circle = np.zeros((length, *moved.shape[1:]), dtype=kernel.dtype)
    np.add.at(circle, places, moved)
    return np.moveaxis(circle, 0, number)
