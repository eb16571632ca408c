"""Rows along the last axis as parts: which numbers of a table of runs of kernels they are made of.

A table has a row for each tap, of the numbers that stand there for the positions of a run. In rows
that repeat, the numbers of each entry lie one behind the other; where the entries are evenly spaced
too, all of them are one strided view of the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pattern import AxisPattern, Region, Rows

Ints = NDArray[np.int64]

_USELESS = 8  # numbers of a table for each that is used


def numbers_of(axis: AxisPattern, flip: bool, rows: Rows, start: int) -> tuple[Ints, Ints]:
    """The tap, as the user counts them, and the output position of every term of rows from `start`
    on: an output position has a kernel of its own.
    """
    taps = axis.axis.k - 1 - rows.taps if flip else rows.taps
    entry = np.repeat(np.arange(rows.cols.size), np.diff(rows.fold))
    if axis.transposed:
        return taps, rows.cols[entry]
    return taps, start + np.repeat(np.arange(rows.counts.size), rows.counts)[entry]


def spacing(places: Ints) -> int | None:
    """The distance from each place to the next; None if there is not one for all."""
    gaps = np.diff(places)
    if not gaps.size:
        return 1
    return int(gaps[0]) if (gaps == gaps[0]).all() else None


@dataclass(frozen=True)
class Part:
    """Some rows, each with its repetitions.

    Parameters
    ----------
    rows : Rows
        The rows of the first repetition.
    taps, near : int64 array
        Tap of every term, and its position but for `moved`: stretches of repetitions share both.
    moved, step, count : int
        How far the positions lie beyond `near`, and move with each repetition, and how many of
        these there are.
    start, period, offset : int
        Among the entries of a run of rows, per outer entry: where the first repetition starts, how
        far the next one is, and how far behind these starts the rows do.
    """

    rows: Rows
    taps: Ints
    near: Ints
    moved: int
    step: int
    count: int
    start: int
    period: int
    offset: int

    def of(self, slabs: NDArray[Any], outer: int) -> NDArray[Any]:
        """The part's entries (*slabs, repetitions, entries) among all of some slabs, (*slabs, entries),
        with so many outer entries: a view.
        """
        first, last = outer * self.start, outer * (self.start + self.period * self.count)
        repeated = slabs[..., first:last].reshape(*slabs.shape[:-1], self.count, -1)
        begin = outer * self.offset
        return repeated[..., begin : begin + outer * self.rows.cols.size]

    def run(self) -> Run:
        """The run of this part alone."""
        taps = range(int(self.taps.min()), int(self.taps.max()) + 1)
        last = int(self.near.max()) + self.moved + self.step * (self.count - 1)
        return Run((self,), taps, range(int(self.near.min()) + self.moved, last + 1))


@dataclass(frozen=True)
class Run:
    """The parts that are written from one table, and what it must hold.

    Parameters
    ----------
    parts : tuple of Part
        The parts.
    taps, positions : range
        Those that they are made of, and maybe others.
    """

    parts: tuple[Part, ...]
    taps: range
    positions: range

    @property
    def sparse(self) -> bool:
        """Whether most of the table would be of no use: of rows of a transpose, which read along
        diagonals.
        """
        used = sum(part.taps.size * part.count for part in self.parts)
        return len(self.taps) * len(self.positions) > _USELESS * used


def runs(
    axis: AxisPattern, flip: bool, outer: int, most: int, regions: Sequence[Region]
) -> Iterator[Run]:
    """The rows of these regions of the last axis, in runs whose tables hold about `most` numbers
    each, for so many outer entries; one after the other, since rows that do not repeat take more
    than their entries.
    """
    high = outer * axis.axis.k
    if len(regions) == len(axis.regions) and high * axis.axis.n_out <= 2 * most:
        parts = tuple(_parts(axis, flip, outer, most, axis.shape[0], regions))
        yield Run(parts, range(axis.axis.k), range(axis.axis.n_out))
        return
    for part in _parts(axis, flip, outer, most, max(1, most // high), regions):
        yield part.run()


def _parts(
    axis: AxisPattern, flip: bool, outer: int, most: int, length: int, regions: Sequence[Region]
) -> Iterator[Part]:
    """Parts of at most `length` repetitions; rows that do not repeat together while they are few."""
    done = 0
    for region in axis.regions:
        rows = axis.rows(region)
        if region not in regions:
            pass
        elif region.count == 1:
            yield from _alone(axis, flip, region, rows, max(1, most // outer), done)
        else:
            yield from _repeated(axis, flip, region, rows, length, done)
        done += rows.cols.size * region.count


def _alone(
    axis: AxisPattern, flip: bool, region: Region, rows: Rows, most: int, done: int
) -> Iterator[Part]:
    """Rows that do not repeat, with at most so many terms together."""
    ends = rows.fold[rows.ptr]
    first = 0
    while first < region.period:
        last = max(first + 1, int(np.searchsorted(ends, ends[first] + most, "right")) - 1)
        own = rows.span(first, last)
        if own.cols.size:
            numbers = numbers_of(axis, flip, own, region.start + first)
            start = done + int(rows.ptr[first])
            yield Part(own, *numbers, 0, 0, 1, start, own.cols.size, 0)
        first = last


def _repeated(
    axis: AxisPattern, flip: bool, region: Region, rows: Rows, length: int, done: int
) -> Iterator[Part]:
    """Each row of a period, in stretches of repetitions."""
    period = rows.cols.size
    step = region.shift if axis.transposed else region.period
    for phase in range(region.period):
        own = rows.row(phase)
        if not own.cols.size:
            continue
        taps, positions = numbers_of(axis, flip, own, region.start + phase)
        for first in range(0, region.count, length):
            count = min(length, region.count - first)
            start, moved = done + first * period, first * step
            offset = int(rows.ptr[phase])
            yield Part(own, taps, positions, moved, step, count, start, period, offset)
