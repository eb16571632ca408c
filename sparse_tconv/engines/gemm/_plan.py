"""What to multiply by what: C or C^T under zero boundaries as a few matrix products.

Along every axis but the first the taps are gathered: the images that they read, one beside the
other, are the terms of one product. Along the first axis they are scattered: each tap has its own
rows of that product, which are added where it reads. So a product has many terms and many rows, be
the channels many or few on either side, and most shifts are ranges of rows. C from few channels to
many gathers the first axis too, C^T from many to few scatters all axes: where less is copied than
would be added, and the other way round.

Forward, each phase of the first axis's stride is read on its own; transposed, each phase of the
gathered axes is computed on its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import Axis, ConvGeometry, Phase, extended_axis, phases

Slices = tuple[slice, ...]
Found = tuple[tuple[Axis, ...], "list[Product]"]

ADDITION = 2  # what it takes, in copies


@dataclass(frozen=True)
class Lead:
    """One scattered tap: source row i is added to row ``i + shift`` of a phase of the target, where
    that is in range(count).

    Parameters
    ----------
    taps : tuple of int
        The tap along each scattered axis.
    shift, phase, count : int
        Along the first axis.
    part : tuple of slice
        What of the product is added, along the other axes.
    place : tuple
        Where in the target along each of the other axes: phase and range, one after the other.
    """

    taps: tuple[int, ...]
    shift: int
    phase: int
    count: int
    part: Slices
    place: tuple[Any, ...]


@dataclass(frozen=True)
class Product:
    """One matrix product.

    Parameters
    ----------
    start, step, count : int
        The source's rows, along the first axis.
    leads : tuple of Lead
        The taps that are scattered.
    taps : tuple of tuple of int
        The taps that are gathered, along the other axes, or along all.
    offsets : tuple of int
        How far behind the source's rows each of these reads.
    reads : tuple of tuple of slice
        What it reads along the axes but the first.
    inner : tuple of int
        The result's size along the axes but the first.
    """

    start: int
    step: int
    count: int
    leads: tuple[Lead, ...]
    taps: tuple[tuple[int, ...], ...]
    offsets: tuple[int, ...]
    reads: tuple[Slices, ...]
    inner: tuple[int, ...]

    def rows(self, first: int, last: int) -> tuple[int, int]:
        """The source's rows that rows first .. last - 1 of the target's phases need."""
        low = min(first - lead.shift for lead in self.leads)
        high = max(min(last, lead.count) - lead.shift for lead in self.leads)
        return max(0, low), max(0, low, min(self.count, high))

    def source(self, first: int, last: int, offset: int) -> slice:
        """Source rows first .. last - 1 as positions."""
        start = self.start + offset
        return slice(start + self.step * first, start + self.step * (last - 1) + 1, self.step)


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
    within = tuple(axis if axis.mode == "zeros" else extended_axis(axis) for axis in geometry.axes)
    first, *others = geometry.axes
    x_channels, y_channels = geometry.x_channels, geometry.y_channels
    inner = prod(axis.k for axis in others)
    if not transposed:
        few = first.k > 1 and inner * x_channels <= y_channels
        reads, products = _forward(geometry.axes, within, few)
        size = tuple(axis.n_out for axis in geometry.axes)
        return Plan(reads, tuple(products), tuple(map(_plain, size)), (1,) * len(size), size)
    more = first.k * (inner - prod(min(axis.stride, axis.k) for axis in others))
    few = ADDITION * more * x_channels < inner * y_channels
    reads, products = _scattered(within) if few else _gathered(within)
    strides = tuple(min(axis.stride, axis.n_in) for axis in within)
    size = tuple(-(-axis.n_in // axis.stride) for axis in within)
    leaves = tuple(_plain(a.n_in) if a.mode == "zeros" else a for a in geometry.axes)
    return Plan(reads, tuple(products), leaves, strides, size)


def _forward(axes: tuple[Axis, ...], within: tuple[Axis, ...], whole: bool) -> Found:
    """What C reads, and its products: one, or one for each phase of the first axis."""
    first, *others = axes
    gathered = axes if whole else tuple(others)
    taps = tuple(product(*(range(axis.k) for axis in gathered)))
    offsets = tuple(first.dilation * tap[0] if whole else 0 for tap in taps)
    views = tuple(
        tuple(_every(axis, t) for axis, t in zip(others, tap[whole:], strict=True)) for tap in taps
    )
    inner = tuple(axis.n_out for axis in others)
    place = _whole([0] * len(inner), inner)
    if whole:
        lead = Lead((), 0, 0, first.n_out, *place)
        steps = 0, first.stride, first.n_out
        return axes, [Product(*steps, (lead,), taps, offsets, views, inner)]
    products = []
    for phase in phases(within[0]):
        leads = tuple(
            Lead((tap,), -shift, 0, first.n_out, *place) for tap, shift in _meeting(phase)
        )
        if leads:
            steps = phase.start, phase.step, phase.count
            products.append(Product(*steps, leads, taps, offsets, views, inner))
    return (_plain(first.n_in) if first.mode == "zeros" else first, *others), products


def _gathered(within: tuple[Axis, ...]) -> Found:
    """What C^T reads, and its products, one for each phase of the gathered axes."""
    first, *others = within
    padded = [_padded(axis) for axis in others]
    products = []
    for each in product(*map(phases, others)):
        inner = tuple(phase.count for phase in each)
        place = _whole([phase.start for phase in each], inner)
        leads = tuple(
            Lead((tap,), shift, phase.start, phase.count, *place)
            for phase in phases(first)
            for tap, shift in _meeting(phase)
        )
        met = list(product(*map(_meeting, each)))
        reads = tuple(
            tuple(
                slice(axis.before - shift, axis.before - shift + n)
                for (_, shift), n, axis in zip(taps, inner, padded, strict=True)
            )
            for taps in met
        )
        taps = tuple(tuple(tap for tap, _ in item) for item in met)
        if leads and met:
            offsets = (0,) * len(met)
            products.append(Product(0, 1, first.n_out, leads, taps, offsets, reads, inner))
    return (_plain(first.n_out), *padded), products


def _scattered(within: tuple[Axis, ...]) -> Found:
    """What C^T reads, and its one product."""
    leads = []
    for first, *others in product(*map(phases, within)):
        for (tap, shift), *met in product(*map(_meeting, (first, *others))):
            spans = [phase.meeting(other) for phase, (_, other) in zip(others, met, strict=True)]
            part = tuple(slice(*span) for span in spans)
            place: list[Any] = []
            for phase, (_, other), (low, high) in zip(others, met, spans, strict=True):
                place += [phase.start, slice(low + other, high + other)]
            taps = (tap, *(tap for tap, _ in met))
            leads.append(Lead(taps, shift, first.start, first.count, part, tuple(place)))
    sizes = [axis.n_out for axis in within]
    every = tuple(slice(n) for n in sizes[1:])
    item = Product(0, 1, sizes[0], tuple(leads), ((),), (0,), (every,), tuple(sizes[1:]))
    return tuple(map(_plain, sizes)), [item] if leads else []


def _whole(starts: Sequence[int], inner: tuple[int, ...]) -> tuple[Slices, tuple[Any, ...]]:
    """All of a product, and its place in a phase of each axis."""
    place = (at for start, n in zip(starts, inner, strict=True) for at in (start, slice(n)))
    return tuple(slice(n) for n in inner), tuple(place)


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
    size = kernel.shape[3:]
    numbers = [[np.ravel_multi_index((*lead.taps, *tap), size) for tap in item.taps] for lead in item.leads]  # fmt: skip
    chosen = kernel.reshape(*kernel.shape[:3], -1)[..., np.array(numbers)]
    matrix = np.ascontiguousarray(chosen.transpose(0, 3, 1, 4, 2))
    return matrix.reshape(*matrix.shape[:3], len(item.taps) * kernel.shape[2])


def ranges(total: int, step: int) -> Iterator[tuple[int, int]]:
    """range(total) in pieces of at most `step`."""
    return ((start, min(start + step, total)) for start in range(0, total, step))
