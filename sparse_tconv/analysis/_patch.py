"""A small operator inside a large one: its norm is a lower bound."""

from __future__ import annotations

from ..geometry import Axis
from ..operators import Conv, ConvOperator
from ..spectral import Problem
from ._symbol import after

_LEAST = 64  # samples of a patch along an axis
_PER_REACH = 40  # samples of a patch for each sample that a window reaches
_MOST = 1 << 19  # samples of a patch, all channels


def local_operator(problem: Problem) -> ConvOperator:
    """The convolution itself, or what it does to samples that are zero outside a patch far from
    the border.

    All windows that meet such a patch lie inside, so they are those of a convolution of the patch
    alone, padded with zeros.
    """
    g = problem.geometry
    axes = g.axes
    share = (_MOST / (g.x_channels * max(1, g.y_channels // g.x_channels))) ** (1 / len(axes))
    patches = [_patch(axis, int(share)) for axis in axes]
    kernel = problem.kernel.reshape(-1, *problem.kernel.shape[2:])
    return Conv(
        kernel,
        (g.x_channels, *(size for size, _, _ in patches)),
        stride=tuple(axis.stride for axis in axes),
        padding=tuple(padding for _, padding, _ in patches),
        dilation=tuple(axis.dilation for axis in axes),
        groups=g.groups,
        padding_mode=tuple(mode for _, _, mode in patches),
    )


def _patch(axis: Axis, share: int) -> tuple[int, tuple[int, int], str]:
    """Size, padding and mode of the patch along one axis; the whole axis if it is short."""
    reach = axis.dilation * (axis.k - 1)
    size = min(max(_LEAST, _PER_REACH * reach), max(share, 1))
    if axis.n_in <= size or not _has_room(axis, size + 2 * (reach + axis.stride)):
        return axis.n_in, (axis.before, after(axis)), axis.mode
    # A window starts where the patch does, as some window does in the interior of the axis.
    front = -(-reach // axis.stride) * axis.stride
    return size, (front, reach), "zeros"


def _has_room(axis: Axis, size: int) -> bool:
    """Whether the interior of the axis, read by all windows there are, holds so many samples
    untouched by what the border repeats.
    """
    border = max(axis.before, after(axis), 0) + axis.stride
    start = max(border, axis.first)
    stop = min(axis.n_in - border, axis.last + 1)
    return stop - start >= size
