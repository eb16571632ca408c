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
    "extension_matrix",
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

Sum = dict[int, int]  # sample: coefficient


def _antireflect(p: int, n: int) -> Sum:
    """Turned about the nearer edge, 2 x[edge] - x~[2 edge - p], until inside."""
    if 0 <= p < n:
        return {p: 1}
    edge = 0 if p < 0 else n - 1
    if n == 1:
        return {0: 1}
    found: Sum = {edge: 2}
    for sample, coefficient in _antireflect(2 * edge - p, n).items():
        found[sample] = found.get(sample, 0) - coefficient
    return found


def _antisymmetric(p: int, n: int) -> Sum:
    """The negative of what stands as far behind the border as this stands before it."""
    sign = 1
    while not 0 <= p < n:
        p, sign = (-1 - p if p < 0 else 2 * n - 1 - p), -sign
    return {p: sign}


def _smooth(p: int, n: int) -> Sum:
    """Each position twice its neighbor's value less the one behind that."""
    if 0 <= p < n or n == 1:
        return {min(max(p, 0), n - 1): 1}
    edge, inner = (0, 1) if p < 0 else (n - 1, n - 2)
    steps = abs(p - edge)
    return {edge: 1 + steps, inner: -steps}


# The modes of sums of samples, position by position.
SUMS = {"antireflect": _antireflect, "antisymmetric": _antisymmetric, "smooth": _smooth}


def extension_matrix(mode: str, n: int, start: int, stop: int) -> NDArray[np.int64]:
    """The matrix from the samples of an axis to positions of the extended axis.

    Parameters
    ----------
    mode : str
        The padding mode.
    n : int
        Samples.
    start, stop : int
        The positions, start .. stop - 1; those of the samples are 0 .. n - 1.

    Returns
    -------
    ndarray of int64, shape (stop - start, n)
        A new array: for each position the multiples of the samples that stand there.

    Examples
    --------
    >>> from sparse_tconv.testing.oracles import extension_matrix
    >>> extension_matrix("antireflect", 3, -2, 4)
    array([[ 2,  0, -1],
           [ 2, -1,  0],
           [ 1,  0,  0],
           [ 0,  1,  0],
           [ 0,  0,  1],
           [ 0, -1,  2]])
    """
    matrix = np.zeros((stop - start, n), np.int64)
    if mode in SUMS:
        for row, p in enumerate(range(start, stop)):
            for sample, coefficient in SUMS[mode](p, n).items():
                matrix[row, sample] += coefficient
        return matrix
    low, high = min(start, 0), max(stop, n)
    fill = {"constant_values": -1} if mode == "zeros" else {}
    padded = np.pad(np.arange(n), (-low, high - n), NUMPY_MODE[mode], **fill)  # type: ignore[call-overload]
    repeated = padded[start - low : stop - low]
    rows = np.flatnonzero(repeated >= 0)
    matrix[rows, repeated[rows]] = 1
    return matrix


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
    """Extend the first axes by their modes, whole, then crop where the padding is negative."""
    for axis, ((before, after), mode) in enumerate(zip(pads, modes, strict=True)):
        if mode in SUMS:
            n = x.shape[axis]
            matrix = extension_matrix(mode, n, -before, max(n + after, -before)).astype(x.dtype)
            x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
            continue
        width = [(0, 0)] * x.ndim
        width[axis] = (max(before, 0), max(after, 0))
        extra = {"constant_values": fill} if mode == "zeros" else {}
        x = np.pad(x, width, NUMPY_MODE[mode], **extra)  # type: ignore[call-overload]
        window = slice(max(-before, 0), max(x.shape[axis] - max(-after, 0), 0))
        x = x[(slice(None),) * axis + (window,)]
    return x


def fold(z: NDArray[Any], size: tuple[int, ...], pads: Pairs, modes: list[str]) -> NDArray[Any]:
    """Add every entry of extended first axes back to the entry it was copied from."""
    if any(mode in SUMS for mode in modes):
        for axis, (n, (before, _), mode) in enumerate(zip(size, pads, modes, strict=True)):
            stop = z.shape[axis] - before
            matrix = extension_matrix(mode, n, -before, stop).astype(z.dtype)
            z = np.moveaxis(np.tensordot(matrix.T, z, (1, axis)), 0, axis)
        return z
    source = extend(np.arange(np.prod(size)).reshape(size), pads, modes, fill=-1)
    others = z.shape[len(size) :]
    x = np.zeros((int(np.prod(size)), *others), z.dtype)
    np.add.at(x, source[source >= 0], z[source >= 0])
    return x.reshape(*size, *others)


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
