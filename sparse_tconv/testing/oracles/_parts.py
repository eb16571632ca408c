"""What the oracles are made of: argument forms, extension by numpy.pad, and its adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import GeometryError, ShapeError

__all__ = [
    "NUMPY_MODE",
    "Ints",
    "Modes",
    "Padding",
    "check_transposed_channels",
    "extend",
    "fold",
    "group_slices",
    "ints",
    "modes",
    "pairs",
    "refuse_empty",
    "scattered_size",
    "unpadded_size",
    "with_channels",
]

Ints = int | Sequence[int]
Padding = int | Sequence[int] | Sequence[Sequence[int]]
Modes = str | Sequence[str]
Pairs = list[tuple[int, int]]

NUMPY_MODE = {
    "zeros": "constant",
    "circular": "wrap",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
}


def with_channels(
    x: ArrayLike, weight: ArrayLike, channels: bool, flip: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return sample and kernel with channel axes, the kernel flipped where asked."""
    x, w = np.asarray(x), np.asarray(weight)
    if not channels:
        x, w = x[np.newaxis], w[np.newaxis, np.newaxis]
    if x.ndim < 2 or w.ndim != x.ndim + 1:
        raise ShapeError(
            f"`x` must be one sample with as many spatial axes as `weight`, at least one; got "
            f"shapes {np.shape(x)} and {np.shape(w)}, channel axes included."
        )
    return x, (np.flip(w, tuple(range(2, w.ndim))) if flip else w)


def check_transposed_channels(y: NDArray[Any], w: NDArray[Any], groups: int) -> None:
    """Refuse channel counts that do not fit."""
    if y.shape[0] != w.shape[0] or w.shape[0] % groups:
        raise ShapeError(
            f"`y` must have weight.shape[0] = {w.shape[0]} channels, divisible by `groups`; got "
            f"{y.shape[0]} channels and groups {groups}."
        )


def ints(value: Ints, axes: int) -> list[int]:
    """One int per axis."""
    values = [value] * axes if isinstance(value, int | np.integer) else list(value)
    if len(values) != axes:
        raise GeometryError(f"one int per axis is needed for {axes} axes; got {value!r}.")
    return [int(v) for v in values]


def pairs(padding: Padding, axes: int) -> Pairs:
    """One (before, after) pair per axis."""
    if isinstance(padding, int | np.integer) or np.ndim(padding) == 1:
        return [(p, p) for p in ints(padding, axes)]  # type: ignore[arg-type]
    pairs = [(int(before), int(after)) for before, after in padding]  # type: ignore[misc]
    if len(pairs) != axes:
        raise GeometryError(f"`padding` needs one pair per axis for {axes} axes; got {padding!r}.")
    return pairs


def modes(mode: Modes, axes: int) -> list[str]:
    """One padding mode per axis."""
    return [mode] * axes if isinstance(mode, str) else list(mode)


def extend(x: NDArray[Any], pads: Pairs, modes: list[str], fill: int = 0) -> NDArray[Any]:
    """Extend every whole axis by its mode, then crop where the padding is negative."""
    for axis, ((before, after), mode) in enumerate(zip(pads, modes, strict=True)):
        width = [(0, 0)] * x.ndim
        width[axis] = (max(before, 0), max(after, 0))
        extra = {"constant_values": fill} if mode == "zeros" else {}
        x = np.pad(x, width, NUMPY_MODE[mode], **extra)  # type: ignore[call-overload]
        window = slice(max(-before, 0), max(x.shape[axis] - max(-after, 0), 0))
        x = x[(slice(None),) * axis + (window,)]
    return x


def fold(z: NDArray[Any], size: tuple[int, ...], pads: Pairs, modes: list[str]) -> NDArray[Any]:
    """Add every entry of an extended array back to the entry it was copied from."""
    source = extend(np.arange(np.prod(size)).reshape(size), pads, modes, fill=-1)
    x = np.zeros(int(np.prod(size)), z.dtype)
    np.add.at(x, source[source >= 0], z[source >= 0])
    return x.reshape(size)


def group_slices(c_in: int, c_out: int, groups: int) -> list[tuple[slice, slice]]:
    """Return the input and output channels of each group."""
    a, b = c_in // groups, c_out // groups
    return [(slice(g * a, g * a + a), slice(g * b, g * b + b)) for g in range(groups)]


def refuse_empty(size: tuple[int, ...]) -> None:
    """Refuse an output with an axis of length 0 or less."""
    if min(size) < 1:
        raise GeometryError(f"output size must be at least 1 on every axis; got {size}.")


def scattered_size(
    size: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    output_padding: Sequence[int],
) -> tuple[int, ...]:
    """Size of a transposed convolution before its padding is taken off."""
    return tuple(
        (n - 1) * s + d * (k - 1) + 1 + op
        for n, k, s, d, op in zip(size, kernel_size, stride, dilation, output_padding, strict=True)
    )


def unpadded_size(extended: Sequence[int], pads: Pairs) -> tuple[int, ...]:
    """Size left when the padding is taken off, refusing an empty one."""
    size = tuple(n - before - after for n, (before, after) in zip(extended, pads, strict=True))
    refuse_empty(size)
    return size
