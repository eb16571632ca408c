"""What to multiply by what: C or C^T under zero boundaries as a few matrix products.

Along every axis but the first the taps are gathered: the images that they read, one beside the
other, are the terms of one product. Along the first axis they are scattered: each tap has its own
rows of that product, which are added where it reads. So a product has many terms and many rows, be
the channels many or few on either side, and most shifts are ranges of rows.

Forward, each phase of the first axis's stride is read on its own; transposed, each phase of the
other axes is given on its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import Axis, ConvGeometry, Phase, extended_axis, phases

Slices = tuple[slice, ...]


@dataclass(frozen=True)
class Lead:
    """One tap of the first axis: source row i is added to row ``i + shift`` of one of the target's
    phases, where that is in range(count).
    """

    tap: int
    shift: int
    phase: int
    count: int


@dataclass(frozen=True)
class Product:
    """One matrix product.

    Parameters
    ----------
    start, step, count : int
        The source's rows, along the first axis.
    leads : tuple of Lead
        The taps of the first axis.
    taps : tuple of tuple of int
        The taps of the other axes.
    reads : tuple of tuple of slice
        What each of these reads along the other axes.
    phases, inner : tuple of int
        The result's phase along each of the other axes of the target, and its size there.
    """

    start: int
    step: int
    count: int
    leads: tuple[Lead, ...]
    taps: tuple[tuple[int, ...], ...]
    reads: tuple[Slices, ...]
    phases: tuple[int, ...]
    inner: tuple[int, ...]

    def rows(self, first: int, last: int) -> tuple[int, int]:
        """The source's rows that rows first .. last - 1 of the target's phases need."""
        low = min(first - lead.shift for lead in self.leads)
        high = max(min(last, lead.count) - lead.shift for lead in self.leads)
        return max(0, low), max(0, low, min(self.count, high))

    def source(self, first: int, last: int) -> slice:
        """Source rows first .. last - 1 as positions."""
        return slice(
            self.start + self.step * first, self.start + self.step * (last - 1) + 1, self.step
        )


@dataclass(frozen=True)
class Plan:
    """One direction of C.

    Parameters
    ----------
    reads : tuple of Axis
        How the source is extended.
    products : tuple of Product
        What is then computed.
    leaves : tuple of Axis
        How the target is folded.
    strides, size : tuple of int
        How many phases the target has along each axis, and their length.
    """

    reads: tuple[Axis, ...]
    products: tuple[Product, ...]
    leaves: tuple[Axis, ...]
    strides: tuple[int, ...]
    size: tuple[int, ...]

    @property
    def extents(self) -> tuple[int, ...]:
        """The target's size before it is folded."""
        return tuple(
            axis.n_in if axis.mode == "zeros" else axis.last - axis.first + 1
            for axis in self.leaves
        )

    @property
    def folds(self) -> bool:
        """Whether the target has a border to fold."""
        return any(axis.mode != "zeros" for axis in self.leaves)


@lru_cache(maxsize=512)
def plan(geometry: ConvGeometry, transposed: bool) -> Plan:
    """The plan of C or C^T."""
    within = tuple(_within(axis) for axis in geometry.axes)
    return _transposed(geometry, within) if transposed else _forward(geometry, within)


def _within(axis: Axis) -> Axis:
    """The axis that is zero outside: itself, or the one on the extended sample."""
    return axis if axis.mode == "zeros" else extended_axis(axis)


def _forward(geometry: ConvGeometry, within: tuple[Axis, ...]) -> Plan:
    first, *others = geometry.axes
    reads = (_plain(first.n_in) if first.mode == "zeros" else first, *others)
    taps = tuple(product(*(range(axis.k) for axis in others)))
    views = tuple(
        tuple(_every(axis, tap) for axis, tap in zip(others, each, strict=True)) for each in taps
    )
    inner = tuple(axis.n_out for axis in others)
    products = []
    for phase in phases(within[0]):
        leads = tuple(Lead(tap, -shift, 0, first.n_out) for tap, shift in _meeting(phase))
        if leads:
            steps = phase.start, phase.step, phase.count
            products.append(Product(*steps, leads, taps, views, (0,) * len(others), inner))
    size = tuple(axis.n_out for axis in geometry.axes)
    return Plan(reads, tuple(products), tuple(map(_plain, size)), (1,) * len(size), size)


def _transposed(geometry: ConvGeometry, within: tuple[Axis, ...]) -> Plan:
    first, *others = within
    leads = tuple(
        Lead(tap, shift, phase.start, phase.count)
        for phase in phases(first)
        for tap, shift in _meeting(phase)
    )
    padded = [_padded(axis) for axis in others]
    products = []
    for each in product(*map(phases, others)) if leads else ():
        met = list(product(*map(_meeting, each)))
        if met:
            reads = tuple(
                tuple(
                    slice(axis.before - shift, axis.before - shift + phase.count)
                    for (_, shift), phase, axis in zip(taps, each, padded, strict=True)
                )
                for taps in met
            )
            taps = tuple(tuple(tap for tap, _ in item) for item in met)
            starts, inner = (
                tuple(phase.start for phase in each),
                tuple(phase.count for phase in each),
            )
            products.append(Product(0, 1, first.n_out, leads, taps, reads, starts, inner))
    strides = tuple(min(axis.stride, axis.n_in) for axis in within)
    size = tuple(-(-axis.n_in // axis.stride) for axis in within)
    leaves = tuple(_plain(a.n_in) if a.mode == "zeros" else a for a in geometry.axes)
    return Plan((_plain(first.n_out), *padded), tuple(products), leaves, strides, size)


def _meeting(phase: Phase) -> list[tuple[int, int]]:
    """Tap and shift of the taps that meet a sample at all."""
    pairs = zip(phase.taps, phase.shifts, strict=True)
    return [(tap, shift) for tap, shift in pairs if len(range(*phase.meeting(shift)))]


def _padded(axis: Axis) -> Axis:
    """The windows of an axis with as many zeros around as the samples of its phases reach for."""
    reached = [
        (shift, phase.count - shift) for phase in phases(axis) for _, shift in _meeting(phase)
    ]
    before = max((shift for shift, _ in reached), default=0)
    last = max((stop for _, stop in reached), default=axis.n_out)
    return Axis(axis.n_out, before + last, 1, 1, 1, before, "zeros")


def _plain(n: int) -> Axis:
    """An axis that is neither extended nor folded."""
    return Axis(n, n, 1, 1, 1, 0, "zeros")


def _every(axis: Axis, tap: int) -> slice:
    """What a tap reads of the extended axis."""
    start = axis.dilation * tap
    return slice(start, start + (axis.n_out - 1) * axis.stride + 1, axis.stride)


def packed(item: Product, kernel: NDArray[Any]) -> NDArray[Any]:
    """The matrices of a product, (groups, leads, out_channels, taps * in_channels).

    The kernel is (groups, out_channels, in_channels, *kernel_size), the channels those of a group.
    """
    others = kernel.shape[4:]
    flat = kernel.reshape(*kernel.shape[:4], prod(others))
    inner = [int(np.ravel_multi_index(tap, others)) if others else 0 for tap in item.taps]
    chosen = flat[:, :, :, [lead.tap for lead in item.leads]][..., inner]
    matrix = np.ascontiguousarray(chosen.transpose(0, 3, 1, 4, 2))
    return matrix.reshape(*matrix.shape[:3], len(inner) * kernel.shape[2])


def ranges(total: int, step: int) -> Iterator[tuple[int, int]]:
    """range(total) in pieces of at most `step`."""
    return ((start, min(start + step, total)) for start in range(0, total, step))
