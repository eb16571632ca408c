"""Where everything lies in the work space of a product of many channels.

A band of rows of the padded image is one flat line for every input channel (and every residue of a
stride that the taps read), so a tap is one offset, whatever the number of axes. Outputs are
computed for the whole line; those between the rows do not exist and are dropped. Rows share the
zeros between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import Axis, ConvGeometry
from ..gemm.plan import Phase, line

Ints = NDArray[np.int64]

# Where the places of one kernel's weights go: the table and its column, the table and its entry.
WEIGHTS_OF_PHASES = 4
SIZES, WEIGHTS_OF_GROUP = 0, 17

_SLACK = 64  # numbers that a vector may write beyond the end of a row
_SINGLE = Axis(1, 1, 1, 1, 1, 0, "zeros")


@dataclass(frozen=True)
class Span:
    """One axis of one direction.

    Parameters
    ----------
    phases : tuple of Phase
        The outputs' phases, the longest in front.
    n_source, stride : int
        Size of the axis that is read, and the stride of reading.
    residues : tuple of int
        The residues of the stride that are read.
    low, spread : int
        Where the first output reads first, in positions of one residue, and how many more places
        it reaches over.
    overlap : int
        Zeros at the end of a row that the next row has in front.
    """

    phases: tuple[Phase, ...]
    n_source: int
    stride: int
    residues: tuple[int, ...]
    low: int
    spread: int
    overlap: int

    @property
    def count(self) -> int:
        """Outputs of the longest phase."""
        return self.phases[0].count

    @property
    def pitch(self) -> int:
        """Places from a row to the next."""
        return self.count + self.spread - self.overlap


def span(axis: Axis, transposed: bool) -> Span:
    """One axis that is zero outside."""
    item = line(axis, transposed)
    firsts = {first for phase in item.phases for first in phase.taps.values()} or {0}
    shifts = {first // item.stride for first in firsts}
    residues = tuple(sorted({first % item.stride for first in firsts}))
    low, spread = min(shifts), max(shifts) - min(shifts)
    existing = max(0, -(-(item.n_source - residues[0]) // item.stride))
    after = max(0, item.count + low + spread - existing)
    overlap = min(max(0, -low), after, spread)
    return Span(item.phases, item.n_source, item.stride, residues, low, spread, overlap)


def spans(geometry: ConvGeometry, transposed: bool) -> tuple[Span, ...]:
    """All axes, at least two."""
    axes = geometry.axes if len(geometry.axes) > 1 else (_SINGLE, *geometry.axes)
    return tuple(span(axis, transposed) for axis in axes)


@dataclass(frozen=True, eq=False)
class BlockPlan:
    """The tables of one direction, for bands of at most `rows` rows and `columns` columns.

    ``tables`` are sizes, planes, middles, taps, parts, phases, places and frame, as the loops
    unpack them; ``space`` and ``line`` the numbers that the work space, and the sums of one
    channel, need.
    """

    tables: tuple[Ints, ...]
    space: int
    line: int


def tap_grids(axes: tuple[Span, ...]) -> list[tuple[tuple[Phase, ...], list[tuple[int, ...]]]]:
    """For each phase of all axes, the last axis fastest: the taps that meet in it."""
    return [
        (phases, list(product(*(phase.taps for phase in phases))))
        for phases in product(*(item.phases for item in axes))
    ]


@lru_cache(maxsize=64)
def block_plan(geometry: ConvGeometry, transposed: bool, rows: int, columns: int) -> BlockPlan:
    """The tables for one size of bands."""
    axes = spans(geometry, transposed)
    first, *between, last = axes
    inner = axes[1:]
    steps = [1]
    for item in reversed(inner):
        steps.insert(0, steps[0] * item.pitch)
    flat, *steps = steps  # from a row of the first axis to the next; then along the other axes
    tail = sum(item.overlap * step for item, step in zip(inner, steps, strict=True))
    width = columns + last.spread  # of one axis alone, whose rows are cut into bands
    plane = (rows + first.spread) * flat + tail + _SLACK if len(geometry.axes) > 1 else width
    plane = -(-(plane + _SLACK) // 16) * 16
    slots = list(product(*(item.residues for item in axes)))
    channel = plane * len(slots) + 16  # channels do not start at the same place of the cache
    middles, ends = _middles(between, steps[:-1], last.n_source, slots)
    planes = [
        (number * plane, slot[0], slot[-1], *ends[number]) for number, slot in enumerate(slots)
    ]
    taps, parts = _taps(axes, [flat, *steps], plane, slots)
    phases, places = _places(axes, steps)
    groups = geometry.groups
    taken, given = geometry.x_channels // groups, geometry.y_channels // groups
    if transposed:
        taken, given = given, taken
    sources = [item.n_source for item in axes]
    targets = [sum(phase.count for phase in item.phases) for item in axes]
    length = sum((item.count - 1) * step for item, step in zip(between, steps, strict=False))
    sizes = [
        taken, given, groups, prod(sources), prod(targets), channel, flat,
        first.low, first.spread, first.n_source, first.stride, prod(sources[1:]),
        last.low, last.spread, last.n_source, last.stride, length, 0, prod(targets[1:]),
    ]  # fmt: skip
    frame = [(0, 0, 0, 0, phase.count) for phase in last.phases]
    tables = (sizes, planes, middles, taps, parts, phases, places, frame)
    total = (rows - 1) * flat + length + columns
    return BlockPlan(
        tuple(np.array(table, dtype=np.int64) for table in tables), taken * channel + total, total
    )


def _middles(
    between: list[Span], steps: list[int], n_last: int, slots: list[tuple[int, ...]]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """For each plane, the rows of the axes between the first and the last in ascending places:
    place and where it comes from, -1 for zeros; and where a plane's begin and end.
    """
    sources = [
        prod(item.n_source for item in between[number + 1 :]) for number in range(len(between))
    ]
    rows: list[tuple[int, int]] = []
    ends = []
    for slot in slots:
        begin = len(rows)
        for place in product(*(range(item.count + item.spread) for item in between)):
            at, source = 0, 0
            for item, k, step, distance, residue in zip(
                between, place, steps, sources, slot[1:-1], strict=True
            ):
                position = residue + item.stride * (item.low + k)
                at += k * step
                outside = source < 0 or not 0 <= position < item.n_source
                source = -1 if outside else source + position * distance * n_last
            rows.append((at, source))
        rows[begin:] = sorted(rows[begin:])
        ends.append((begin, len(rows)))
    return rows, ends


def _taps(
    axes: tuple[Span, ...], steps: list[int], plane: int, slots: list[tuple[int, ...]]
) -> tuple[list[int], list[tuple[int, int, int]]]:
    """The offset of every tap, phase by phase, and for each phase where its weights begin (for one
    input and one output channel), where its offsets begin, and how many they are.
    """
    taps: list[int] = []
    parts = []
    for phases, grid in tap_grids(axes):
        parts.append((0, len(taps), len(grid)))
        for tap in grid:
            firsts = [phase.taps[t] for phase, t in zip(phases, tap, strict=True)]
            slot = tuple(f % item.stride for f, item in zip(firsts, axes, strict=True))
            shifts = [f // item.stride - item.low for f, item in zip(firsts, axes, strict=True)]
            along = sum(shift * step for shift, step in zip(shifts, steps, strict=True))
            taps.append(slots.index(slot) * plane + along)
    return taps, parts


def _places(
    axes: tuple[Span, ...], steps: list[int]
) -> tuple[list[tuple[int, ...]], list[tuple[int, int]]]:
    """For each phase of all axes but the last: start, step and count of its rows, and where its
    positions on the axes between begin and end in the list of (place in the line of sums, place in
    a row of the first axis).
    """
    between, last = axes[1:-1], axes[-1]
    width = sum(phase.count for phase in last.phases)
    sizes = [sum(phase.count for phase in item.phases) for item in between]
    distances = [prod(sizes[number + 1 :]) * width for number in range(len(sizes))]
    rows: list[tuple[int, ...]] = []
    places: list[tuple[int, int]] = []
    for phase, *others in product(*(item.phases for item in axes[:-1])):
        begin = len(places)
        for place in product(*(range(other.count) for other in others)):
            at = sum(k * step for k, step in zip(place, steps, strict=False))
            to = sum(
                (other.start + other.step * k) * distance
                for other, k, distance in zip(others, place, distances, strict=True)
            )
            places.append((at, to))
        rows.append((phase.start, phase.step, phase.count, begin, len(places)))
    return rows, places


def pack(
    geometry: ConvGeometry, kernel: NDArray[Any], transposed: bool, blocks: list[tuple[int, int]]
) -> tuple[NDArray[Any], Ints]:
    """The weights of a correlation kernel as the loops read them, and where each phase's begin in a
    group: phase, block of output channels, input channel, tap, channel of the block.
    """
    size = geometry.kernel_size if len(geometry.axes) > 1 else (1, *geometry.kernel_size)
    kernel = kernel.reshape(geometry.groups, -1, kernel.shape[1], *size)
    if transposed:
        kernel = kernel.swapaxes(1, 2)
    end = sum(blocks[-1])
    missing = np.zeros((len(kernel), end - kernel.shape[1], *kernel.shape[2:]), kernel.dtype)
    kernel = np.concatenate([kernel, missing], axis=1)
    parts = [np.zeros((len(kernel), 0), kernel.dtype)]  # there may be no taps at all
    starts, start = [], 0
    for _, grid in tap_grids(spans(geometry, transposed)):
        starts.append(start)
        if not grid:
            continue
        places: list[Any] = [(..., *tap) for tap in grid]
        chosen = np.stack([kernel[place] for place in places], axis=-1)
        for channels, first in blocks:
            part = chosen[:, first : first + channels].transpose(0, 2, 3, 1)
            parts.append(part.reshape(len(kernel), -1))
        start += prod(chosen.shape[1:])
    return np.concatenate(parts, axis=1).reshape(-1), np.array(starts, dtype=np.int64)
