"""How a product of many channels is cut, and where everything lies in its work space.

A band of rows of the padded image is one flat stretch for every input channel and every source of
its axes, so a tap is one offset, whatever the number of axes. Outputs are computed for the whole
stretch, which is a *line* of sums; those between the rows do not exist and are dropped. Rows share
the zeros between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import ceil, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...geometry import Axis, ConvGeometry
from ._axis_sums import AxisSums, Tap, axis_sums
from ._calls import fixed, split
from ._outer import sums_of

Ints = NDArray[np.int64]

_SPACE = 1 << 19  # bytes of a band: it stays in a core's second-level cache
_WORTH_A_THREAD = 2_500_000  # multiply-adds
_PIECES_PER_THREAD = 2
_SPARE = 384  # numbers that may be read and written beyond the end of a line
_SLACK = 64  # numbers that a vector may write beyond the end of a row
_SINGLE = Axis(1, 1, 1, 1, 1, 0, "zeros")


@dataclass(frozen=True)
class Span:
    """One axis of one direction."""

    sums: AxisSums
    low: int  # the least shift
    spread: int  # how many more there are
    overlap: int  # zeros at the end of a row that the next row has in front

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


def span(axis: Axis, transposed: bool) -> Span:
    """One axis that is zero outside."""
    sums = axis_sums(axis, transposed)
    shifts = {tap.shift for target in sums.targets for tap in target.taps} or {0}
    low, spread = min(shifts), max(shifts) - min(shifts)
    after = max(0, sums.targets[0].count + low + spread - sums.lengths[0])
    return Span(sums, low, spread, min(max(0, -low), after, spread))


def spans(geometry: ConvGeometry, transposed: bool) -> tuple[Span, ...]:
    """All axes, at least two."""
    axes = geometry.axes if len(geometry.axes) > 1 else (_SINGLE, *geometry.axes)
    return tuple(span(axis, transposed) for axis in axes)


@dataclass(frozen=True, eq=False)
class BlockPlan:
    """The tables of one direction for one size of bands, and how much room they need."""

    tables: tuple[Ints, ...]  # sizes, planes, brought, taps, parts, phases, written, frame
    space: int  # numbers in the work space
    line: int  # numbers in the sums of one channel and one target of the last axis


@lru_cache(maxsize=64)
def block_plan(geometry: ConvGeometry, transposed: bool, rows: int, columns: int) -> BlockPlan:
    """The tables for one size of bands."""
    axes = spans(geometry, transposed)
    first, *between, last = axes
    steps = _distances([item.pitch for item in axes])
    flat = steps[0]  # from a row of the first axis to the next
    tail = sum(item.overlap * step for item, step in zip(axes[1:], steps[1:], strict=True))
    width = columns + last.spread  # of one axis alone, whose rows are cut into bands
    plane = (rows + first.spread) * flat + tail + _SLACK if len(geometry.axes) > 1 else width
    plane = -(-(plane + _SLACK) // 16) * 16
    sources = list(product(*(range(len(item.sums.lengths)) for item in axes)))
    channel = plane * len(sources) + 16  # channels do not start at the same place of the cache
    planes = [(n * plane, last.sums.residues[s[-1]]) for n, s in enumerate(sources)]
    brought = np.stack([_brought(axes, steps, source) for source in sources])
    taps, parts = _taps(axes, steps, [n * plane for n in range(len(sources))])
    phases, written = _written(axes, steps)
    taken, given = channels(geometry, transposed)
    n_in = prod(item.sums.n_source for item in axes)
    n_out = prod(item.outputs for item in axes)
    length = sum((item.count - 1) * step for item, step in zip(between, steps[1:], strict=False))
    sizes = [
        taken, given, geometry.groups, n_in, n_out, channel, flat, first.spread,
        brought.shape[1] // (first.count + first.spread),
        last.low, last.spread, last.sums.n_source, last.sums.stride, length,
    ]  # fmt: skip
    frame = [(0, 0, 0, 0, target.count) for target in last.sums.targets]
    tables: tuple[Any, ...] = (sizes, planes, brought, taps, parts, phases, written, frame)
    line = (rows - 1) * flat + length + columns
    return BlockPlan(
        tuple(fixed(np.array(table, dtype=np.int64)) for table in tables),
        taken * channel + line + 2 * _SPARE,
        line + _SPARE,
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
    cut, others = (axes[-1], ()) if one_axis else (axes[0], axes[1:])
    each = channels(geometry, transposed)[0] * itemsize * prod(item.pitch for item in others)
    each *= prod(len(item.sums.lengths) for item in axes)
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


def channels(geometry: ConvGeometry, transposed: bool) -> tuple[int, int]:
    """Channels of a group that a product takes, and that it gives."""
    pair = geometry.x_channels // geometry.groups, geometry.y_channels // geometry.groups
    return pair[::-1] if transposed else pair


def _distances(sizes: list[int]) -> list[int]:
    """From a position of each axis to the next in a flat array."""
    return [prod(sizes[number + 1 :]) for number in range(len(sizes))]


def _brought(axes: tuple[Span, ...], steps: list[int], source: Sequence[int]) -> Ints:
    """The rows of one source, those of one row of the first axis in ascending places: place, and
    where it comes from in a channel of the sample, -1 for zeros.
    """
    total = prod(item.sums.n_source for item in axes)
    places, origins = [], []
    distances = _distances([item.sums.n_source for item in axes])
    for item, number, step, distance in zip(axes[:-1], source, steps, distances, strict=False):
        place = np.arange(item.count + item.spread)
        position = item.sums.residues[number] + item.sums.stride * (item.low + place)
        there = (position >= 0) & (position < item.sums.n_source)
        places.append(place * step)
        origins.append(np.where(there, position * distance, -total))
    table = np.stack([sums_of(places), np.maximum(sums_of(origins), -1)], axis=-1)
    table = table.reshape(len(places[0]), -1, 2)
    return table[:, np.argsort(table[0, :, 0], kind="stable")].reshape(-1, 2)


def _taps(
    axes: tuple[Span, ...], steps: list[int], planes: list[int]
) -> tuple[list[int], list[tuple[int, int]]]:
    """The offset of every tap, phase by phase, and where each phase's begin and how many they
    are.
    """
    numbers = _distances([len(item.sums.lengths) for item in axes])
    offsets: list[int] = []
    parts = []
    for grid in tap_grids(axes):
        parts.append((len(offsets), len(grid)))
        for taps in grid:
            plane = planes[sum(tap.source * n for tap, n in zip(taps, numbers, strict=True))]
            along = zip(taps, axes, steps, strict=True)
            offsets.append(plane + sum((tap.shift - i.low) * step for tap, i, step in along))
    return offsets, parts


def tap_grids(axes: tuple[Span, ...]) -> list[list[tuple[Tap, ...]]]:
    """For each phase of all axes, the last axis fastest: the taps that meet in it."""
    phases = product(*(item.sums.targets for item in axes))
    return [list(product(*(target.taps for target in phase))) for phase in phases]


def _written(axes: tuple[Span, ...], steps: list[int]) -> tuple[list[tuple[int, int, int]], Ints]:
    """For each phase of all axes but the last: where its rows begin, how many positions it has on
    the first axis, and how many rows at each; and of all rows the place in a line of sums and the
    place in a channel of the output.
    """
    distances = _distances([item.outputs for item in axes])
    rows = []
    phases, begin = [], 0
    for phase in product(*(item.sums.targets for item in axes[:-1])):
        parts = list(zip(phase, steps, distances, strict=False))
        at = sums_of([step * np.arange(t.count) for t, step, _ in parts])
        to = sums_of([far * (t.start + t.step * np.arange(t.count)) for t, _, far in parts])
        rows.append(np.stack([at, to], axis=-1).reshape(-1, 2))
        phases.append((begin, len(at), at[0].size))
        begin += at.size
    return phases, np.concatenate(rows)


def pack(
    geometry: ConvGeometry, kernel: NDArray[Any], transposed: bool, blocks: list[tuple[int, int]]
) -> NDArray[Any]:
    """The weights of a correlation kernel as the loops read them: group, phase, block of output
    channels, input channel, tap, channel of the block.
    """
    size = geometry.kernel_size if len(geometry.axes) > 1 else (1, *geometry.kernel_size)
    kernel = kernel.reshape(geometry.groups, -1, kernel.shape[1], *size)
    if transposed:
        kernel = kernel.swapaxes(1, 2)
    missing = [(0, 0)] * kernel.ndim
    missing[1] = 0, sum(blocks[-1]) - kernel.shape[1]
    kernel = np.moveaxis(np.pad(kernel, missing), 1, -1)
    parts = []
    for grid in tap_grids(spans(geometry, transposed)):
        places = np.array([[tap.tap for tap in taps] for taps in grid], dtype=np.int64)
        chosen = kernel[:, :, *places.reshape(-1, len(size)).T]
        parts += [
            chosen[..., first : first + count].reshape(len(kernel), -1) for count, first in blocks
        ]
    return np.concatenate(parts, axis=1).reshape(-1)
