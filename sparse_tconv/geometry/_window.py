"""Windows: the part of a convolution that gives some outputs, or takes some inputs, as a convolution
on a part of the extended axis.
"""

from __future__ import annotations

from ._axis import Axis


def output_window(axis: Axis, start: int, stop: int) -> tuple[int, int, Axis]:
    """The positions [first, last) that windows start .. stop - 1 read, and the axis on them."""
    first, last = axis.position(start), axis.position(stop - 1, axis.k - 1) + 1
    part = Axis(last - first, stop - start, axis.k, axis.stride, axis.dilation, 0, "zeros")
    return first, last, part


def input_window(axis: Axis, first: int, last: int) -> tuple[int, int, Axis | None]:
    """The windows [start, stop) that read positions [first, last), and the axis between them.

    None where no window does.
    """
    reach = axis.dilation * (axis.k - 1)
    start = max(0, -(-(first + axis.before - reach) // axis.stride))
    stop = min(axis.n_out, (last - 1 + axis.before) // axis.stride + 1)
    if start >= stop:
        return start, start, None
    before = first - start * axis.stride + axis.before
    part = Axis(last - first, stop - start, axis.k, axis.stride, axis.dilation, before, "zeros")
    return start, stop, part


def positions_axis(n: int, start: int, stop: int, mode: str = "zeros") -> Axis:
    """Positions start .. stop - 1 of an extended axis of n samples, each read by a window of its
    own; 0 .. n - 1 are the samples themselves.
    """
    return Axis(n, stop - start, 1, 1, 1, -start, mode)


def extended_axis(axis: Axis) -> Axis:
    """The axis on the positions that its windows read, so that nothing lies outside."""
    return output_window(axis, 0, axis.n_out)[2]
