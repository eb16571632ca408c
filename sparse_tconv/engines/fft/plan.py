"""How a correlation is cut into transforms: one for the whole, or overlapping blocks that stay in
cache (overlap-save).

A block of F positions gives the ``F - k + 1`` windows that do not wrap around. Blocks write to
separate places, so they need no order and no addition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log2, prod
from typing import Any

from scipy.fft import next_fast_len

from ...geometry import ConvGeometry
from ._unit_stride import Line, UnitStride, is_circle

BLOCK_LENGTHS = (32, 48, 64, 128, 256, 512, 1024, 2048, 4096)
CACHE_BYTES = 1 << 20  # a block of this size and its spectrum stay in a core's own cache
OUT_OF_CACHE = 1.8  # how much slower a transform is beyond
MOST_POINTS = 1 << 40  # of one transform
_SEARCHED = 256  # numbers of blocks tried for one that divides the axis evenly
FEWEST_POINTS = 4096  # smaller blocks cost more in calls than they save


@dataclass(frozen=True)
class Plan:
    """The cut of one correlation.

    Parameters
    ----------
    unit : UnitStride
        The correlation.
    lengths : tuple of int
        Points of one transform along each axis.
    steps : tuple of int
        Windows that a block gives along each axis.
    counts : tuple of int
        Number of blocks along each axis.
    """

    unit: UnitStride
    lengths: tuple[int, ...]
    steps: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def points(self) -> int:
        """Points of one transform."""
        return prod(self.lengths)

    @property
    def blocks(self) -> int:
        """Transforms per channel and sample."""
        return prod(self.counts)

    @property
    def extents(self) -> tuple[int, ...]:
        """Positions that all blocks together read along each axis."""
        return tuple(
            length + step * (count - 1)
            for length, step, count in zip(self.lengths, self.steps, self.counts, strict=True)
        )

    def work(self, itemsize: int) -> float:
        """Relative cost of transforming every block of one channel, forth and back."""
        out = OUT_OF_CACHE if self.points * itemsize > CACHE_BYTES else 1.0
        return self.blocks * self.points * (log2(2 * self.points) + 8) * out


@lru_cache(maxsize=512)
def plan(geometry: ConvGeometry, transposed: bool, real: bool, itemsize: int) -> Plan:
    """The cut of C or C^T with the least work."""
    circles = tuple(is_circle(axis) for axis in geometry.axes)
    units = [UnitStride(geometry, transposed)]
    if any(circles):
        units.append(UnitStride(geometry, transposed, circles))
    longest = max(units[0].windows)
    sizes = [
        size
        for size in BLOCK_LENGTHS
        if size < longest and size ** len(geometry.axes) >= FEWEST_POINTS
    ]
    whole = [None] if prod(units[0].windows) < MOST_POINTS or not sizes else []
    plans = [_cut(unit, size, real) for unit in units for size in (*sizes, *whole)]
    return min(plans, key=lambda each: each.work(itemsize))


def _cut(unit: UnitStride, size: int | None, real: bool) -> Plan:
    """Blocks of about the length given along every axis that is longer; None for no blocks."""
    cuts = [_axis_cut(line, size, real and line is unit.lines[-1]) for line in unit.lines]
    lengths, steps, counts = zip(*cuts, strict=True)
    return Plan(unit, lengths, steps, counts)


def _axis_cut(line: Line, size: int | None, real: bool) -> tuple[int, int, int]:
    """Length, step and number of the blocks of one axis."""
    if line.cyclic:
        return line.windows, line.windows, 1
    count = 1 if size is None else -(-line.windows // max(size - line.k + 1, line.k))
    if count == 1:
        return next_fast_len(_whole(line), real), line.windows, 1
    near = range(count, count + min(count // 3, _SEARCHED) + 1)
    count = next((even for even in near if line.windows % even == 0), count)
    step = -(-line.windows // count)
    return next_fast_len(step + line.k - 1, real), step, -(-line.windows // step)


def _whole(line: Line) -> int:
    """Points that one transform of the whole axis needs: the zeros in front and behind may be
    the same.
    """
    axis = line.reads
    if axis.mode != "zeros" or axis.stride > 1 or axis.dilation > 1:
        return line.length
    front = min(max(axis.before, 0), line.length)
    filled = min(axis.n_in + axis.before, line.length)
    return max(filled, line.length - front, line.windows)


def every(lengths: Sequence[int]) -> tuple[Any, ...]:
    """An index of the first entries of the last axes."""
    return (..., *(slice(0, length) for length in lengths))
