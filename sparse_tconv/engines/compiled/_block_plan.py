"""How a product of many channels is cut, and where everything lies in its work space.

A band of rows of the padded image is one flat stretch for every input channel and every source of
its axes, so a tap is one offset, whatever the number of axes. Sums are computed for the whole
stretch; those between the rows do not exist and are dropped. Rows share the zeros between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import ceil, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...assembly import grouped_kernel
from ...geometry import Axis, ConvGeometry, positions_axis
from ._axis_sums import AxisSums, Tap, axis_sums
from ._calls import fixed, split
from ._outer import sums_of

Ints = NDArray[np.int64]
Source = tuple[int, ...]  # the number of a source on each axis

_SPACE = 1 << 19  # bytes of a band: it stays in a core's second-level cache
_WORTH_A_THREAD = 2_500_000  # multiply-adds
_PIECES_PER_THREAD = 2
_SPARE = 384  # numbers that may be read and written beyond the end of the sums
_SLACK = 64  # numbers that a vector may write beyond the end of a row


@dataclass(frozen=True)
class Span:
    """One axis of one direction."""

    sums: AxisSums
    low: int  # the least shift
    spread: int  # how many more there are
    overlap: int  # zeros at the end of a row that the next row has in front
    step: int  # from a place to the next in a flat channel

    @property
    def count(self) -> int:
        """Outputs of the longest target."""
        return self.sums.targets[0].count

    @property
    def outputs(self) -> int:
        """Outputs of all targets."""
        return sum(target.count for target in self.sums.targets)

    @property
    def pitch(self) -> int:
        """Places from a row to the next."""
        return self.count + self.spread - self.overlap


def spans(geometry: ConvGeometry, transposed: bool) -> tuple[Span, ...]:
    """All axes, at least two."""
    found: list[Span] = []
    for axis in (*geometry.axes[::-1], positions_axis(1, 0, 1))[: max(2, len(geometry.axes))]:
        found.insert(0, _span(axis, transposed, found[0].step * found[0].pitch if found else 1))
    return tuple(found)


def _span(axis: Axis, transposed: bool, step: int) -> Span:
    """One axis that is zero outside."""
    sums = axis_sums(axis, transposed)
    shifts = {tap.shift for target in sums.targets for tap in target.taps} or {0}
    low, spread = min(shifts), max(shifts) - min(shifts)
    after = max(0, sums.targets[0].count + low + spread - sums.lengths[0])
    return Span(sums, low, spread, min(max(0, -low), after, spread), step)


def sources_of(axes: tuple[Span, ...]) -> list[Source]:
    """The sources of all axes together."""
    return list(product(*(range(len(axis.sums.lengths)) for axis in axes)))


def stretch(axes: tuple[Span, ...], rows: int, columns: int) -> int:
    """Sums from the first output of a band to its last."""
    first, *between, _ = axes
    return (rows - 1) * first.step + sum((a.count - 1) * a.step for a in between) + columns


@dataclass(frozen=True, eq=False)
class BlockPlan:
    """The tables of one direction for one size of bands, and how much room they need."""

    tables: tuple[Ints, ...]  # sizes, planes, brought, taps, parts, phases, written, frame
    space: int  # numbers in the work space
    distance: int  # numbers in the sums of one channel and one target of the last axis


@lru_cache(maxsize=64)
def block_plan(geometry: ConvGeometry, transposed: bool, rows: int, columns: int) -> BlockPlan:
    """The tables for one size of bands."""
    axes = spans(geometry, transposed)
    first, last = axes[0], axes[-1]
    tail = sum(axis.overlap * axis.step for axis in axes[1:])
    width = columns + last.spread  # of one axis alone, whose rows are cut into bands
    whole = (rows + first.spread) * first.step + tail + _SLACK
    plane = -(-((whole if len(geometry.axes) > 1 else width) + _SLACK) // 16) * 16
    places = {source: n * plane for n, source in enumerate(sources_of(axes))}
    channel = plane * len(places) + 16  # channels do not start at the same place of the cache
    planes = [(place, last.sums.residues[source[-1]]) for source, place in places.items()]
    brought = np.stack([_brought(axes, source) for source in places])
    taps, parts = _taps(axes, places)
    phases, written = _written(axes)
    in_channels, out_channels = geometry.group_channels(transposed)
    n_in = prod(axis.sums.n_source for axis in axes)
    n_out = prod(axis.outputs for axis in axes)
    sizes = [
        in_channels, out_channels, geometry.groups, n_in, n_out, channel, first.step, first.spread,
        brought.shape[1] // (first.count + first.spread),
        last.low, last.spread, last.sums.n_source, last.sums.stride, stretch(axes, 1, 0),
    ]  # fmt: skip
    frame = [(0, 0, 0, 0, target.count) for target in last.sums.targets]
    tables: tuple[Any, ...] = (sizes, planes, brought, taps, parts, phases, written, frame)
    length = stretch(axes, rows, columns)
    return BlockPlan(
        tuple(fixed(np.array(table, dtype=np.int64)) for table in tables),
        in_channels * channel + length + 2 * _SPARE,
        length + _SPARE,
    )


class Bands(NamedTuple):
    """Stretches of the rows of the first axis, of the columns of the last, and of the blocks of
    channels. One axis alone is one row.
    """

    rows: list[tuple[int, int]]
    columns: list[tuple[int, int]]
    blocks: list[tuple[int, int]]

    @property
    def most(self) -> list[int]:
        """Rows and columns of the longest bands."""
        return [max(stop - start for start, stop in parts) for parts in self[:2]]


@lru_cache(maxsize=1 << 10)
def bands(
    geometry: ConvGeometry, transposed: bool, itemsize: int, batch: int, blocks: int, threads: int
) -> Bands:
    """Bands that fit into a core's own cache, and enough of them for all threads."""
    axes = spans(geometry, transposed)
    one_axis = len(geometry.axes) == 1
    cut = axes[-1] if one_axis else axes[0]
    each = geometry.group_channels(transposed)[0] * len(sources_of(axes)) * cut.step * itemsize
    count = ceil(cut.count / max(1, _SPACE // each - cut.spread, 2 * cut.spread))
    tasks = batch * geometry.groups
    shared = threads > 1 and batch * geometry.nnz >= _WORTH_A_THREAD
    wanted = threads * _PIECES_PER_THREAD if shared else 1
    if tasks * count < wanted:  # bands a few times as high as the kernel, then blocks of channels
        count = max(count, min(ceil(wanted / tasks), cut.count // (4 * cut.spread + 4)))
    parts = min(blocks, ceil(wanted / (tasks * count)))
    row_bands, column_bands = (1, count) if one_axis else (count, 1)
    rows, columns = split(axes[0].count, row_bands), split(axes[-1].count, column_bands)
    return Bands(rows, columns, split(blocks, parts))


def blocks_of(count: int, sizes: tuple[int, ...]) -> list[tuple[int, int]]:
    """(channels, first channel) of blocks that cover `count` channels: the largest, and for what is
    left the smallest that does.
    """
    most = sizes[0]
    blocks = [(most, first) for first in range(0, count - most + 1, most)]
    left = count % most
    if left:
        blocks.append((min(size for size in sizes if size >= left), count - left))
    return blocks


def _distances(sizes: list[int]) -> list[int]:
    """From a position of each axis to the next in a flat array."""
    return [prod(sizes[number + 1 :]) for number in range(len(sizes))]


def _brought(axes: tuple[Span, ...], source: Source) -> Ints:
    """The rows of one source, those of one row of the first axis in ascending places: place, and
    where it comes from in a channel of the sample, -1 for zeros.
    """
    total = prod(axis.sums.n_source for axis in axes)
    places, origins = [], []
    distances = _distances([axis.sums.n_source for axis in axes])
    for axis, number, distance in zip(axes[:-1], source, distances, strict=False):
        place = np.arange(axis.count + axis.spread)
        position = axis.sums.residues[number] + axis.sums.stride * (axis.low + place)
        there = (position >= 0) & (position < axis.sums.n_source)
        places.append(place * axis.step)
        origins.append(np.where(there, position * distance, -total))
    table = np.stack([sums_of(places), np.maximum(sums_of(origins), -1)], axis=-1)
    table = table.reshape(len(places[0]), -1, 2)
    return table[:, np.argsort(table[0, :, 0], kind="stable")].reshape(-1, 2)


def _taps(
    axes: tuple[Span, ...], places: dict[Source, int]
) -> tuple[list[int], list[tuple[int, int]]]:
    """The offset of every tap, phase by phase, and where each phase's begin and how many they are."""
    offsets: list[int] = []
    parts = []
    for grid in _tap_grids(axes):
        parts.append((len(offsets), len(grid)))
        for taps in grid:
            shifts = ((tap.shift - a.low) * a.step for tap, a in zip(taps, axes, strict=True))
            offsets.append(places[tuple(tap.source for tap in taps)] + sum(shifts))
    return offsets, parts


def _tap_grids(axes: tuple[Span, ...]) -> list[list[tuple[Tap, ...]]]:
    """For each phase of all axes, the last axis fastest: the taps that meet in it."""
    phases = product(*(axis.sums.targets for axis in axes))
    return [list(product(*(target.taps for target in phase))) for phase in phases]


def _written(axes: tuple[Span, ...]) -> tuple[list[tuple[int, int, int]], Ints]:
    """For each phase of all axes but the last: where its rows begin, how many positions it has on
    the first axis, and how many rows at each; and of all rows the place in a stretch of sums and
    the place in a channel of the output.
    """
    distances = _distances([axis.outputs for axis in axes])
    rows = []
    phases, begin = [], 0
    for phase in product(*(axis.sums.targets for axis in axes[:-1])):
        parts = list(zip(phase, axes, distances, strict=False))
        at = sums_of([axis.step * np.arange(t.count) for t, axis, _ in parts])
        to = sums_of([far * (t.start + t.step * np.arange(t.count)) for t, _, far in parts])
        rows.append(np.stack([at, to], axis=-1).reshape(-1, 2))
        phases.append((begin, len(at), at[0].size))
        begin += at.size
    return phases, np.concatenate(rows)


def pack(
    geometry: ConvGeometry, weight: NDArray[Any], transposed: bool, blocks: list[tuple[int, int]]
) -> NDArray[Any]:
    """The weights as the loops read them: group, phase, block of output channels, input channel,
    tap, channel of the block.
    """
    kernel = grouped_kernel(geometry, weight, transposed)
    if len(geometry.axes) == 1:
        kernel = kernel[:, :, :, None]
    missing = [(0, 0)] * kernel.ndim
    missing[1] = 0, sum(blocks[-1]) - kernel.shape[1]
    kernel = np.moveaxis(np.pad(kernel, missing), 1, -1)
    parts = []
    for grid in _tap_grids(spans(geometry, transposed)):
        places = np.array([[tap.tap for tap in taps] for taps in grid], dtype=np.int64)
        chosen = kernel[:, :, *places.reshape(-1, kernel.ndim - 3).T]
        parts += [
            chosen[..., first : first + count].reshape(len(kernel), -1) for count, first in blocks
        ]
    return np.concatenate(parts, axis=1).reshape(-1)
