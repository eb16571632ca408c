"""Output size of a transposed convolution: output_padding, output_size, and the padding words."""

from __future__ import annotations

from typing import Any

from .. import _validate as validate
from ..errors import GeometryError
from ._arguments import Arguments, out_channels, sample_size
from ._axis import Axis
from ._padding import resolve
from ._sizes import conv_transpose_size, output_padding_limit, same_padding

Output = tuple[int, int]  # size and pad in front


def conv_transpose_axes(
    given: Arguments, output_padding: Any, output_size: Any
) -> tuple[Axis, ...]:
    """The axes of the convolution whose input is the transposed convolution's output."""
    size = sample_size(given, out_channels(given), "weight.shape[0]")
    outputs = transposed_output(given, size, output_padding, output_size)
    rows = zip(
        outputs,
        size,
        given.kernel_size,
        given.stride,
        given.dilation,
        given.padding_mode,
        strict=True,
    )
    return tuple(Axis(m, n, k, s, d, before, mode) for (m, before), n, k, s, d, mode in rows)


def transposed_output(
    given: Arguments, size: tuple[int, ...], output_padding: Any, output_size: Any
) -> list[Output]:
    """Size of the output and the pad in front of it, per axis."""
    n_axes = len(size)
    extra = validate.per_axis("output_padding", output_padding, n_axes, minimum=0)
    for axis, (amount, s, d) in enumerate(zip(extra, given.stride, given.dilation, strict=True)):
        limit = output_padding_limit(s, d)
        if amount >= limit:
            raise GeometryError(
                f"`output_padding` must be less than max(stride, dilation) = {limit} on axis {axis}; "
                f"got {amount}. Use {_at_most(limit - 1)}."
            )
    wanted = None
    if output_size is not None:
        wanted = validate.per_axis("output_size", output_size, n_axes, minimum=1)
        if any(extra):
            raise GeometryError(
                f"`output_size` must not be given together with `output_padding`; got {output_size!r} and "
                f"{output_padding!r}. Leave one of them out."
            )
    if given.padding == "same":
        return _same(given, size, extra, wanted)
    pads = resolve(given.padding, size, given.kernel_size, given.stride, given.dilation, given.flip)
    outputs = []
    for axis, (n, k, s, d, (before, after)) in enumerate(
        zip(size, given.kernel_size, given.stride, given.dilation, pads, strict=True)
    ):
        smallest = conv_transpose_size(n, k, s, d, before, after, 0)
        m = smallest + extra[axis]
        if wanted is not None:
            m = _within(wanted[axis], smallest, smallest + output_padding_limit(s, d) - 1, axis)
        if m < 1:
            raise GeometryError(
                f"`padding` must leave an output of at least 1 on axis {axis}; got ({before}, {after}), which leaves {m}. "
                f"Take {1 - m} off the padding."
            )
        outputs.append((m, before))
    return outputs


def _at_most(largest: int) -> str:
    return f"{largest} or less" if largest else "0"


def _same(
    given: Arguments, size: tuple[int, ...], extra: tuple[int, ...], wanted: tuple[int, ...] | None
) -> list[Output]:
    """padding='same': any size whose convolution with 'same' gives `size` back, n * stride
    unless asked otherwise.
    """
    if any(extra):
        raise GeometryError(
            f"`output_padding` must be 0 with padding='same'; got {extra}. Say the size you want with `output_size`."
        )
    outputs = []
    for axis, (n, k, s, d) in enumerate(
        zip(size, given.kernel_size, given.stride, given.dilation, strict=True)
    ):
        m = n * s if wanted is None else _within(wanted[axis], (n - 1) * s + 1, n * s, axis)
        outputs.append((m, same_padding(m, k, s, d, given.flip)[0]))
    return outputs


def _within(wanted: int, smallest: int, largest: int, axis: int) -> int:
    """`wanted`, if the transposed convolution can have that size."""
    smallest = max(smallest, 1)
    if smallest <= wanted <= largest:
        return wanted
    nearest = min(max(wanted, smallest), largest)
    raise GeometryError(
        f"`output_size` must be between {smallest} and {largest} on axis {axis}; got {wanted}. "
        f"The nearest valid size is {nearest}."
        if largest >= smallest
        else f"`output_size` must be reachable on axis {axis}, where the padding leaves at most {largest}; got {wanted}. "
        f"Use less padding."
    )
