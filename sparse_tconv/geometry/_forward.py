"""The axes of a convolution from its arguments."""

from __future__ import annotations

from ..errors import GeometryError
from ._arguments import Arguments, in_channels, sample_size
from ._axis import Axis
from ._padding import resolve
from ._sizes import conv_size


def conv_axes(given: Arguments) -> tuple[Axis, ...]:
    """One canonical axis per spatial axis; an empty output is refused."""
    size = sample_size(given, in_channels(given), "weight.shape[1] * groups")
    pads = resolve(given.padding, size, given.kernel_size, given.stride, given.dilation, given.flip)
    axes = []
    for n, k, s, d, (before, after), mode in zip(
        size, given.kernel_size, given.stride, given.dilation, pads, given.padding_mode, strict=True
    ):
        n_out = conv_size(n, k, s, d, before, after)
        if n_out < 1:
            extent = d * (k - 1) + 1
            raise GeometryError(
                f"`in_shape` must leave room for the kernel: an axis of {n} with padding "
                f"({before}, {after}) is shorter than the kernel's extent {extent}; got an empty output. "
                f"Add {extent - n - before - after} to its padding, or use a smaller kernel or dilation."
            )
        axes.append(Axis(n, n_out, k, s, d, before, mode))
    return tuple(axes)
