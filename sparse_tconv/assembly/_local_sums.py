"""Rows of kernels that vary in space by way of tables: where entries are sums, or unevenly spaced.

Slabs of rows are written some at a time. What they are made of is copied, or along the outer axes
added up, to a table that caches hold: a row for each outer entry and tap of the last axis, with the
numbers that stand there for a run of positions. Turned, the table is the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pattern import Block, MatrixPattern, Region
from ._local_copies import pieces, spread, table_of
from ._local_rows import Part, Run, numbers_of, runs, spacing
from ._local_table import Gathered, Turned, written
from ._local_taken import Taken

Ints = NDArray[np.int64]
Slices = tuple[slice, ...]
Left = tuple[Block, tuple[Region, ...]]  # a block, and regions of the last axis

_TABLE = 1 << 16, 1 << 19  # numbers of a table at least and at most: more cost fewer calls
_SHARE = 32  # of the matrix, what a thread's table may be


class _Lines:
    """Where each run of kernels along the last axis of the positions lies."""

    def __init__(self, pattern: MatrixPattern) -> None:
        geometry = pattern.geometry
        groups, n = geometry.groups, len(geometry.axes)
        channels = groups, geometry.y_channels // groups, geometry.x_channels // groups
        places = *geometry.kernel_size, *(axis.n_out for axis in geometry.axes[:-1])
        shape = *channels, *places
        steps = [prod(shape[number + 1 :]) for number in range(len(shape))]
        rows, cols = (2, 1) if pattern.transposed else (1, 2)
        self.pattern = pattern
        self.together = min(max(pattern.nnz // _SHARE, _TABLE[0]), _TABLE[1])
        self.width = geometry.axes[-1].n_out
        self.channels = shape[0], shape[rows]
        self.channel_steps = steps[0], steps[rows]
        self.inner = np.arange(shape[cols]) * steps[cols]
        self.taps = np.arange(geometry.kernel_size[-1]) * steps[2 + n]
        self._steps = list(zip(steps[3 : 2 + n], steps[3 + n :], strict=True))
        self._runs: dict[tuple[int, tuple[Region, ...]], list[Run]] = {}

    def outer_places(self, block: Block) -> list[Ints]:
        """For each axis but the last, where the terms of a block's rows lie."""
        found = []
        for axis, part, (tap, position) in zip(
            self.pattern.axes, block.progressions, self._steps, strict=False
        ):
            flip = self.pattern.geometry.flip
            taps, positions = numbers_of(axis, flip, part.rows, part.start)
            found.append(taps * tap + positions * position)
        return found

    def outer_steps(self, block: Block) -> list[int]:
        """For each axis but the last, how far a block's rows are apart."""
        turned = self.pattern.transposed
        return [
            (part.shift if turned else part.step) * position
            for part, (_, position) in zip(block.progressions, self._steps, strict=True)
        ]

    def runs_of(self, outer: int, regions: tuple[Region, ...]) -> Iterable[Run]:
        """The rows of some regions of the last axis, for so many outer entries; kept where several
        blocks have them.
        """
        key = outer, regions
        if key in self._runs:
            return self._runs[key]
        flip = self.pattern.geometry.flip
        found = runs(self.pattern.axes[-1], flip, outer, self.together, regions)
        if len(self.pattern.axes) == 1:
            return found
        return self._runs.setdefault(key, list(found))


def sum_jobs(pattern: MatrixPattern, left: Iterable[Left]) -> Iterator[SumJob]:
    """What there is to write of some regions of blocks."""
    lines = _Lines(pattern)
    for block, regions in left:
        outer = pattern.outer_entries(block.progressions)
        source = _Source(lines, block)
        for own in lines.runs_of(outer, regions):
            writer: _Writer | _Taker = _Writer(source, own, outer)
            size = source.terms * len(own.taps) * len(own.positions)
            if own.sparse:
                writer = _Taker(source, own)
                size = source.terms * sum(part.taps.size * part.count for part in own.parts)
            for slabs in pieces((*lines.channels, *block.counts), size, lines.together):
                yield SumJob(writer, block, lines.channels, slabs)


class _Source:
    """What the slabs of a block are made of."""

    def __init__(self, lines: _Lines, block: Block) -> None:
        self._width, self._block = lines.width, block
        places = lines.inner, *lines.outer_places(block), lines.taps
        steps = *lines.channel_steps, *lines.outer_steps(block)
        self._places, self._steps = places, steps
        self._sizes = *lines.channels, *block.counts
        self.terms = prod(place.size for place in places[:-1])
        spacings = [spacing(place) for place in places]
        self._folded = any(part.rows.folded for part in block.progressions)
        self._even = None not in spacings and not self._folded
        if self._even:
            self._first = sum(int(place[0]) for place in places)
            self._shape = *(place.size for place in places), *self._sizes, self._width
            lines_apart = (int(step or 0) for step in (*spacings, *steps))
            self._apart = *(self._width * step for step in lines_apart), 1

    def read(
        self, numbers: NDArray[Any], own: Run, slabs: Slices, dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        """Numbers (inner channels, *entries of the outer axes, taps, *slabs, positions)."""
        taps, positions = (slice(part.start, part.stop) for part in (own.taps, own.positions))
        if self._even:
            outer = (slice(None),) * (len(self._places) - 1)
            view = spread(numbers, self._first * self._width, self._shape, self._apart)
            return view[(*outer, taps, *slabs, positions)]
        lines = reduce(
            np.add.outer, [*self._places[:-1], self._places[-1][taps], self.moves(slabs)]
        )
        found: NDArray[Any] = numbers.reshape(-1, self._width)[lines, positions]
        if self._folded:
            found = found.astype(dtype, copy=False)
            for number, part in enumerate(self._block.progressions, 1):
                found = part.rows.sum_terms(found, number)
        return found

    def moves(self, slabs: Slices) -> Ints:
        """How many runs further what some slabs read lies."""
        along = [
            step * np.arange(*taken.indices(size))
            for step, size, taken in zip(self._steps, self._sizes, slabs, strict=True)
        ]
        return np.asarray(reduce(np.add.outer, along))

    def taken(self, part: Part) -> Taken:
        """What writes a part without a table."""
        outer = [axis.rows for axis in self._block.progressions]
        return Taken(self._width, self._places, outer, part)


class SumJob:
    """Some slabs of a block to be written, whatever the kernels are."""

    def __init__(
        self, writer: _Writer | _Taker, block: Block, channels: tuple[int, int], slabs: Slices
    ) -> None:
        self._writer, self._block, self._channels, self._slabs = writer, block, channels, slabs

    def write(self, numbers: NDArray[Any], values: NDArray[Any]) -> None:
        """Write them from all numbers of the kernels, flat, to their place among the values."""
        view = self._block.view(values.reshape(prod(self._channels), -1))
        target = view.reshape(*self._channels, *view.shape[1:])[self._slabs]
        self._writer.write(numbers, self._slabs, target)


class _Taker:
    """Writes one run of rows of the slabs of a block without a table, which would hardly be used."""

    def __init__(self, source: _Source, own: Run) -> None:
        self._source, self._parts = source, [source.taken(part) for part in own.parts]

    def write(self, numbers: NDArray[Any], slabs: Slices, target: NDArray[Any]) -> None:
        """Write some slabs."""
        for part in self._parts:
            part.write(numbers, self._source.moves(slabs), target)


class _Writer:
    """Writes one run of rows of the slabs of a block by way of a table."""

    def __init__(self, source: _Source, own: Run, outer: int) -> None:
        self._source, self._own, self._outer = source, own, outer
        self._plans: dict[tuple[tuple[int, ...], int], list[Turned | Gathered]] = {}

    def write(self, numbers: NDArray[Any], slabs: Slices, target: NDArray[Any]) -> None:
        """Write some slabs."""
        own, dtype = self._own, target.dtype
        read = self._source.read(numbers, own, slabs, dtype)
        count = prod(target.shape[:-1]) * read.shape[-1]
        table = table_of(read.size // count, count, dtype)
        table[:, :count].reshape(read.shape)[...] = read
        for step in self._plan(target.shape[:-1], table):
            step.write(table, target)

    def _plan(self, slabs: tuple[int, ...], table: NDArray[Any]) -> list[Turned | Gathered]:
        """What writes the parts from a table of slabs of this shape."""
        key = slabs, table.shape[1]
        if key not in self._plans:
            made = [written(part, self._own, self._outer, slabs, table) for part in self._own.parts]
            self._plans[key] = made
        return self._plans[key]
