"""A strided, dilated convolution as a plain correlation of stride 1 over more channels.

Window o reads ``x~[o s + d t]``. Written ``d t = s q + r``, the samples of one remainder r make an
image of their own, the *phase* r, and tap t reads it at ``o + q``: with the phases as channels the
stride is gone, and nothing is computed to be thrown away. The transpose gives the phases, which are
interleaved. Both directions thus are ``out[i] = sum_j kernel[j] in[i + j]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...assembly import correlation_kernel
from ...geometry import Axis, ConvGeometry, Phase, extended_axis, phases
from ...threads import scratch
from ..extension import extend, fold


@dataclass(frozen=True)
class Line:
    """One axis of the correlation: entry j of the kernel is read at ``i + j + origin``, for each
    window i.

    Parameters
    ----------
    windows : int
        Number of windows.
    k : int
        Extent of the kernel.
    origin : int
        What the first entry reads in the first window; not 0 only where `cyclic`.
    cyclic : bool
        Whether the axis is a circle of `windows` positions.
    phases : tuple of Phase
        The phases of the stride that was taken apart.
    reads, leaves : Axis
        How the array taken is extended, and how the one given is folded.
    """

    windows: int
    k: int
    origin: int
    cyclic: bool
    phases: tuple[Phase, ...]
    reads: Axis
    leaves: Axis

    @property
    def stride(self) -> int:
        """The stride."""
        return self.phases[0].step

    @property
    def taps(self) -> list[tuple[int, int]]:
        """For each tap of the original kernel the number of its phase, and its place in this kernel
        before a flip.
        """
        low = min(phase.shifts[0] for phase in self.phases)
        found = {
            tap: (number, shift - low)
            for number, phase in enumerate(self.phases)
            for tap, shift in zip(phase.taps, phase.shifts, strict=True)
        }
        return [found[tap] for tap in range(len(found))]

    @property
    def length(self) -> int:
        """Number of positions read."""
        return self.windows if self.cyclic else self.windows + self.k - 1


class UnitStride:
    """C or C^T of one geometry as a correlation of stride 1: what it reads, its kernel, and what
    becomes of its result.

    Parameters
    ----------
    geometry : ConvGeometry
        The geometry of C.
    transposed : bool
        Whether this is C^T.
    cyclic : tuple of bool
        The axes to be treated as circles, where :func:`is_circle` allows.
    """

    def __init__(
        self, geometry: ConvGeometry, transposed: bool, cyclic: Sequence[bool] | None = None
    ) -> None:
        self.geometry = geometry
        self.transposed = transposed
        circles = [False] * len(geometry.axes) if cyclic is None else cyclic
        make = _transposed_line if transposed else _line
        self.lines = tuple(
            make(axis, circle) for axis, circle in zip(geometry.axes, circles, strict=True)
        )
        self.groups = geometry.groups
        self.phases = prod(len(line.phases) for line in self.lines)
        x_channels = geometry.x_channels // self.groups * self.phases
        channels = x_channels, geometry.y_channels // self.groups
        self.in_channels, self.out_channels = channels[::-1] if transposed else channels

    @property
    def windows(self) -> tuple[int, ...]:
        """Number of windows along each axis."""
        return tuple(line.windows for line in self.lines)

    @property
    def kernel_size(self) -> tuple[int, ...]:
        """Extent of the kernel along each axis."""
        return tuple(line.k for line in self.lines)

    def kernel(self, weight: NDArray[Any]) -> NDArray[Any]:
        """The kernel as (groups, out_channels, in_channels, *kernel_size)."""
        kernel = correlation_kernel(self.geometry, weight)
        kernel = kernel.reshape(self.groups, -1, *kernel.shape[1:])
        for number, line in enumerate(self.lines):
            kernel = _split(kernel, 3 + number, line)
        count = len(self.lines)
        kernel = kernel.reshape(*kernel.shape[:2], -1, *self.kernel_size)
        if not self.transposed:
            return np.ascontiguousarray(kernel)
        return np.ascontiguousarray(np.flip(kernel.swapaxes(1, 2), axis=tuple(range(3, 3 + count))))

    def taps(self, kernel: NDArray[Any]) -> NDArray[Any]:
        """The transpose of the forward direction's :meth:`kernel`, as (y_channels, x_channels //
        groups, *kernel_size).
        """
        count = len(self.lines)
        kernel = kernel.reshape(
            *kernel.shape[:2], -1, *(len(line.phases) for line in self.lines), *self.kernel_size
        )
        for number, line in enumerate(self.lines):
            phase, place = np.array(line.taps).T
            # Two indexed axes become one, in front; it is put where the tap axis belongs, before
            # those not yet joined.
            pair = np.moveaxis(kernel, (3 + number, 3 + count), (0, 1))
            kernel = np.moveaxis(pair[phase, place], 0, 3 + number)
        return kernel.reshape(self.geometry.y_channels, -1, *kernel.shape[3:])

    def collect(
        self, x: NDArray[Any], lengths: Sequence[int], start: int = 0, count: int | None = None
    ) -> NDArray[Any]:
        """What the correlation reads, (batch, groups, in_channels, *lengths), of a batch of
        samples with a channel axis.

        It lies in this thread's work space, overwritten by the next call. The batch may hold the
        channels of some groups only. Only what `count` windows of the first axis read is collected,
        from window `start` on; None for all.
        """
        strides = [1 if self.transposed else line.stride for line in self.lines]
        reads = [line.reads for line in self.lines]
        if count is not None:
            reads[0] = _windows(reads[0], start, count)
        wide = extend(reads, x, [s * n for s, n in zip(strides, lengths, strict=True)])
        if prod(strides) > 1:
            wide = _phases(wide, self.lines, lengths)
        return wide.reshape(len(x), -1, self.in_channels, *lengths)

    @property
    def is_final(self) -> bool:
        """Whether what the correlation gives is the product as it stands."""
        return not self.transposed or all(
            line.stride == 1 and line.leaves == _plain(line.windows) for line in self.lines
        )

    def room(self, batch: int, sizes: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Where to put (batch, groups, out_channels, *sizes): fresh memory if :meth:`deliver`
        may keep it.
        """
        shape = (batch, self.groups, self.out_channels, *sizes)
        return (
            np.empty(shape, dtype)
            if self.is_final and sizes == self.windows
            else scratch("given", shape, dtype)
        )

    def deliver(self, result: NDArray[Any]) -> NDArray[Any]:
        """The product from what the correlation gave, in fresh memory.

        (batch, groups, out_channels, *sizes), the windows first along each axis, in a
        :meth:`room`; may be overwritten.
        """
        sizes = result.shape[3:]
        if sizes != self.windows:
            kept: tuple[Any, ...] = (..., *(slice(0, size) for size in self.windows))
            result = result[kept]
        if self.is_final:
            shape = (len(result), self.groups * self.out_channels, *self.windows)
            return (result if sizes == self.windows else result.copy()).reshape(shape)
        wide = (
            _interleaved(result, self.lines)
            if any(line.stride > 1 for line in self.lines)
            else result
        )
        wide = wide.reshape(
            len(wide),
            self.geometry.x_channels,
            *(line.windows * line.stride for line in self.lines),
        )
        with np.errstate(over="ignore", invalid="ignore"):
            return fold([line.leaves for line in self.lines], wide)


def is_circle(axis: Axis) -> bool:
    """Whether C is a circulant of the axis's phases, so that the axis need not be extended."""
    return axis.mode == "circular" and axis.n_out * axis.stride == axis.n_in


def _line(axis: Axis, cyclic: bool) -> Line:
    """The axis of C."""
    parts = phases(axis if cyclic else extended_axis(axis))
    low, high = (end(end(part.shifts) for part in parts) for end in (min, max))
    reads = _plain(axis.n_in) if cyclic else axis
    return Line(axis.n_out, high - low + 1, low, cyclic, parts, reads, _plain(axis.n_out))


def _transposed_line(axis: Axis, cyclic: bool) -> Line:
    """The axis of C^T: the flipped kernel over y."""
    line = _line(axis, cyclic)
    k, n = line.k, axis.n_out
    if cyclic:
        windows, origin, reads, leaves = n, 1 - k - line.origin, _plain(n), _plain(axis.n_in)
    elif axis.stride == 1 and axis.mode == "zeros":  # just the windows that are kept
        windows, origin, leaves = axis.n_in, 0, _plain(axis.n_in)
        reads = Axis(n, windows, k, 1, 1, k - 1 - axis.before, "zeros")
    else:
        windows, origin, leaves = n + k - 1, 0, axis
        reads = Axis(n, windows, k, 1, 1, k - 1, "zeros")
    return Line(windows, k, origin, cyclic, line.phases, reads, leaves)


def _windows(axis: Axis, start: int, count: int) -> Axis:
    """Some of the windows of an axis as an axis."""
    return replace(
        axis, before=axis.before - start * axis.stride, n_out=min(count, axis.n_out - start)
    )


def _plain(n: int) -> Axis:
    """An axis that is neither extended nor folded."""
    return Axis(n, n, 1, 1, 1, 0, "zeros")


def _split(kernel: NDArray[Any], number: int, line: Line) -> NDArray[Any]:
    """One axis of taps as an axis of phases, with an axis of places put behind all others."""
    parts = np.zeros(
        (*kernel.shape[:number], len(line.phases), *kernel.shape[number + 1 :], line.k),
        dtype=kernel.dtype,
    )
    source, target = np.moveaxis(kernel, number, 0), np.moveaxis(parts, (number, -1), (0, 1))
    for tap, (phase, place) in enumerate(line.taps):
        target[phase, place] = source[tap]
    return parts


def _phases(wide: NDArray[Any], lines: Sequence[Line], lengths: Sequence[int]) -> NDArray[Any]:
    """(batch, channels, *(stride * length)) taken apart: (batch, channels, *phases, *lengths)."""
    parts = scratch(
        "phases", (*wide.shape[:2], *(len(line.phases) for line in lines), *lengths), wide.dtype
    )
    for number in np.ndindex(*(len(line.phases) for line in lines)):
        parts[(slice(None), slice(None), *number)] = wide[_every_stride(lines, number)]
    return parts


def _interleaved(result: NDArray[Any], lines: Sequence[Line]) -> NDArray[Any]:
    """The transpose of :func:`_phases`; phases that no tap reads are zero."""
    counts = tuple(len(line.phases) for line in lines)
    sizes = [line.windows * line.stride for line in lines]
    channels = result.shape[1] * result.shape[2] // prod(counts)
    parts = result.reshape(len(result), channels, *counts, *(line.windows for line in lines))
    wide = scratch("interleaved", (*parts.shape[:2], *sizes), result.dtype)
    if counts != tuple(line.stride for line in lines):
        wide[...] = 0
    for number in np.ndindex(*counts):
        wide[_every_stride(lines, number)] = parts[(slice(None), slice(None), *number)]
    return wide


def _every_stride(lines: Sequence[Line], number: Sequence[int]) -> tuple[slice, ...]:
    """Where the samples of one combination of phases are."""
    each = (
        slice(line.phases[phase].start, None, line.stride)
        for line, phase in zip(lines, number, strict=True)
    )
    return (slice(None), slice(None), *each)
