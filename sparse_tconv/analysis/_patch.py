"""A small operator inside a large one: its norm is a lower bound."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import Axis
from ..operators import Conv, ConvOperator
from ..spectral import Problem, circle_stride
from ._symbol import after

_LEAST = 64  # samples of a patch along an axis
_PER_REACH = 40  # samples of a patch for each sample that a window reaches
_MOST = 1 << 19  # samples of a patch, all channels


@dataclass(frozen=True)
class Patch:
    """Some samples of an axis: how many, their padding, and which of them are kept at zero so that
    the answer is that of the axis itself.
    """

    size: int
    padding: tuple[int, int]
    mode: str
    zero: tuple[int, int] = (0, 0)


def local_operator(problem: Problem) -> tuple[ConvOperator, NDArray[np.bool_] | None]:
    """An operator, and which of its samples may be other than zero (all, if None): the convolution
    itself if it is small, or what it does to samples that are zero outside a patch.
    """
    g = problem.geometry
    axes = g.axes
    share = (_MOST / (g.x_channels * max(1, g.y_channels // g.x_channels))) ** (1 / len(axes))
    patches = [_patch(axis, int(share)) for axis in axes]
    kernel = problem.kernel.reshape(-1, *problem.kernel.shape[2:])
    op = Conv(
        kernel,
        (g.x_channels, *(patch.size for patch in patches)),
        stride=tuple(axis.stride for axis in axes),
        padding=tuple(patch.padding for patch in patches),
        dilation=tuple(axis.dilation for axis in axes),
        groups=g.groups,
        padding_mode=tuple(patch.mode for patch in patches),
    )
    if all(patch.zero == (0, 0) for patch in patches):
        return op, None
    free: Any = reduce(np.logical_and.outer, [_free(patch) for patch in patches])
    return op, np.tile(free.reshape(-1), g.x_channels)


def _free(patch: Patch) -> NDArray[np.bool_]:
    """The samples that need not be zero."""
    free = np.ones(patch.size, dtype=bool)
    free[slice(*patch.zero)] = False
    return free


def _patch(axis: Axis, share: int) -> Patch:
    """The axis without the samples that no window reads if it is short; else its two ends where the
    border repeats samples, or its middle.
    """
    reach = axis.dilation * (axis.k - 1)
    size = min(max(_LEAST, _PER_REACH * reach), max(share, 1))
    repeats = axis.mode != "zeros" and circle_stride(axis) is None
    border = max(axis.before, after(axis), 0)
    both = min(size + 2 * border, max(share, 1))
    if repeats and axis.n_in > both and (ends := _ends(axis, both, reach, border)) is not None:
        return ends
    low, high = _inside(axis)
    if high - low > size + 2 * (reach + axis.stride):
        return _middle(axis, size, reach)
    if axis.mode != "zeros":
        return Patch(axis.n_in, (axis.before, after(axis)), axis.mode)
    return Patch(high - low, (axis.before + low, after(axis) + axis.n_in - high), "zeros")


def _inside(axis: Axis) -> tuple[int, int]:
    """Range of the samples between the first and the last that a window reads on the axis itself."""
    low = min(max(axis.first, 0), axis.n_in - 1)
    return low, max(min(axis.last + 1, axis.n_in), low + 1)


def _middle(axis: Axis, size: int, reach: int) -> Patch:
    """Samples in the interior. Of the windows that meet them, those inside are a convolution of
    them alone, padded with zeros, as one of them starts where they do.
    """
    return Patch(size, (reach // axis.stride * axis.stride, reach), "zeros")


def _ends(axis: Axis, size: int, reach: int, border: int) -> Patch | None:
    """A shorter axis with the same ends. Samples that are zero in its middle, where no window
    reaches across, are samples of the axis with more zeros there.

    None if an end that the border repeats would not fit, or no window be left.
    """
    size = size - (size - axis.n_in) % axis.stride  # what is cut out is a number of strides
    start = (size - reach) // 2
    fits = min(start, size - reach - start) > border
    if not fits or (axis.n_in - size) // axis.stride >= axis.n_out:
        return None
    return Patch(size, (axis.before, after(axis)), axis.mode, (start, start + reach))
