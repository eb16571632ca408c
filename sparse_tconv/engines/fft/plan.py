"""How a product is cut into transforms: one for the whole, or overlapping blocks that stay in cache
(overlap-save).

Both directions are correlations of stride 1, ``out[i] = sum_j kernel[j] in[i + j]``: C gives every
window and keeps those of its stride; C^T reads samples as far apart as the stride, with zeros
between, through the flipped kernel. A block of F positions gives the ``F - extent + 1`` windows that
do not wrap around. Blocks write to separate places, so they need no order and no addition.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log2, prod
from typing import NamedTuple

from scipy.fft import next_fast_len

from ...geometry import Axis, ConvGeometry, positions_axis

BLOCK_LENGTHS = (32, 48, 64, 128, 256, 512, 1024, 2048, 4096)
CACHE_BYTES = 1 << 20  # a block of this size and its spectrum stay in a core's own cache
OUT_OF_CACHE = 1.8  # how much slower a transform is beyond
MOST_POINTS = 1 << 40  # of one transform
FEWEST_POINTS = 4096  # smaller blocks cost more in calls than they save
# Transformed together: enough to hide the calls, little enough to stay in cache.
CHUNK_POINTS = 1 << 16
_SEARCHED = 256  # numbers of blocks tried for one that divides the axis evenly


@dataclass(frozen=True)
class Line:
    """One axis of a correlation of stride 1."""

    axis: Axis  # of C
    windows: int
    extent: int  # of the kernel with its dilation
    reads: Axis  # how the samples, of C^T with zeros between, are extended to the positions read


@dataclass(frozen=True)
class Plan:
    """The cut of one direction."""

    lines: tuple[Line, ...]
    transposed: bool
    groups: int
    in_channels: int  # of a group, which are read
    out_channels: int  # likewise, computed
    lengths: tuple[int, ...]  # points of one transform along each axis
    steps: tuple[int, ...]  # windows that a block gives
    counts: tuple[int, ...]  # blocks

    @property
    def points(self) -> int:
        """Points of one transform."""
        return prod(self.lengths)

    @property
    def blocks(self) -> int:
        """Transforms per channel and sample."""
        return prod(self.counts)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Windows that all blocks together give."""
        return tuple(step * count for step, count in zip(self.steps, self.counts, strict=True))

    def extents(self, rows: int) -> tuple[int, ...]:
        """Positions that the blocks read together, `rows` of them along the first axis."""
        cut = zip(self.lengths, self.steps, (rows, *self.counts[1:]), strict=True)
        return tuple(length + step * (count - 1) for length, step, count in cut)

    def work(self, itemsize: int) -> float:
        """Relative cost of transforming every block of one channel, forth and back."""
        out = OUT_OF_CACHE if self.points * itemsize > CACHE_BYTES else 1.0
        return self.blocks * self.points * (log2(2 * self.points) + 8) * out


@lru_cache(maxsize=512)
def plan(geometry: ConvGeometry, transposed: bool, real: bool, itemsize: int) -> Plan:
    """The cut of C or C^T with the least work."""
    lines = tuple(_line(axis, transposed) for axis in geometry.axes)
    channels = geometry.group_channels(transposed)
    longest = max(line.windows for line in lines)
    sizes: list[int | None] = [
        size for size in BLOCK_LENGTHS if size < longest and size ** len(lines) >= FEWEST_POINTS
    ]
    if prod(line.windows for line in lines) < MOST_POINTS or not sizes:
        sizes.append(None)
    found = []
    for size in sizes:
        cuts = [_cut(line, size, real and line is lines[-1]) for line in lines]
        found.append(Plan(lines, transposed, geometry.groups, *channels, *zip(*cuts, strict=True)))
    return min(found, key=lambda each: each.work(itemsize))


def _line(axis: Axis, transposed: bool) -> Line:
    """The axis in one direction."""
    extent = axis.dilation * (axis.k - 1) + 1
    full = (axis.n_out - 1) * axis.stride + 1
    if not transposed:
        reads = positions_axis(axis.n_in, axis.first, axis.last + 1, axis.mode)
        return Line(axis, full, extent, reads)
    # Under zeros just the windows that are kept.
    zeros = axis.mode == "zeros"
    windows, before = (axis.n_in, axis.before) if zeros else (full + extent - 1, 0)
    reads = positions_axis(full, before + 1 - extent, before + windows)
    return Line(axis, windows, extent, reads)


def _cut(line: Line, size: int | None, real: bool) -> tuple[int, int, int]:
    """Length, step and number of the blocks of one axis, of about the size given; None for a
    single one.
    """
    around = line.extent - 1
    count = 1 if size is None else -(-line.windows // max(size - around, line.extent))
    if count == 1:
        return next_fast_len(line.windows + around, real), line.windows, 1
    near = range(count, count + min(count // 3, _SEARCHED) + 1)
    count = next((even for even in near if line.windows % even == 0), count)
    step = -(-line.windows // count)
    return next_fast_len(step + around, real), step, -(-line.windows // step)


class Chunk(NamedTuple):
    """Blocks transformed together: a range of samples, of groups, and of blocks along the first
    axis.
    """

    samples: tuple[int, int]
    groups: tuple[int, int]
    blocks: tuple[int, int]


def schedule(plan: Plan, batch: int) -> list[Chunk]:
    """A product with a batch in pieces of about CHUNK_POINTS."""
    groups, rows = plan.groups, plan.counts[0]
    row = plan.points * prod(plan.counts[1:]) * max(plan.out_channels, plan.in_channels)
    at_once = max(CHUNK_POINTS // row, 1)
    if at_once < rows:
        samples, parts = 1, 1
    else:
        samples, parts = max(at_once // rows // groups, 1), min(at_once // rows, groups)
    return [
        Chunk(b, g, r)
        for b in _ranges(batch, samples)
        for g in _ranges(groups, parts)
        for r in _ranges(rows, min(at_once, rows))
    ]


def _ranges(total: int, step: int) -> list[tuple[int, int]]:
    return [(start, min(start + step, total)) for start in range(0, total, step)]
