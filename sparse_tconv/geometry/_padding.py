"""From the `padding` argument to the pads of each axis."""

from __future__ import annotations

from .._validate import Pair
from ._sizes import same_padding


def resolve(
    padding: str | tuple[Pair, ...],
    size: tuple[int, ...],
    kernel_size: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    flip: bool,
) -> tuple[Pair, ...]:
    """One (before, after) pair per axis for a convolution whose input has `size`."""
    if not isinstance(padding, str):
        return padding
    rows = zip(size, kernel_size, stride, dilation, strict=True)
    if padding == "same":
        return tuple(same_padding(n, k, s, d, flip) for n, k, s, d in rows)
    border = [d * (k - 1) if padding == "full" else 0 for _, k, _, d in rows]
    return tuple((amount, amount) for amount in border)
