"""The values of a matrix that has one kernel for each output position.

Where nothing is added up they are copies. Elsewhere slabs of rows are written some at a time: what
they are made of is copied, or along the outer axes added up, to a table that caches hold: a row for
each outer entry and tap of the last axis, with the numbers that stand there for a run of positions.
Turned, the table is the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import islice
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ..pattern import Block, MatrixPattern, Region
from ..threads import in_line, num_threads, run
from ._local_copies import pieces, table_of
from ._local_plan import local_plan
from ._local_rows import Part, Run, numbers_of, runs, spacing
from ._local_table import Gathered, Turned, written
from ._local_taken import Taken

Ints = NDArray[np.int64]
Slices = tuple[slice, ...]

_TABLE = 1 << 16, 1 << 19  # numbers of a table at least and at most: more cost fewer calls
_SHARE = 32  # of the matrix, what a thread's table may be
_SHARED = 1 << 23  # bytes from which threads share the writing
_TASKS = 8  # of a thread: one that is held up leaves some to the others


def local_values(
    pattern: MatrixPattern, weight: NDArray[Any], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Values in the order of the indices, as `dtype`, which holds the weight's: C-ordered, its
    kernels as the user gave them.
    """
    values = np.empty(pattern.nnz, dtype)
    if not values.size:
        return values
    numbers = weight.reshape(-1)
    plan = local_plan(pattern)
    workers = num_threads() if values.nbytes >= _SHARED else 1
    if workers == 1:
        for copy in plan.copies:
            copy.write(numbers, values)
    else:
        most = max(values.size // (_TASKS * workers), 1)
        tasks = [
            (copy, rows) for copy in plan.copies for rows in pieces(copy.shape, copy.width, most)
        ]
        run(lambda task: task[0].write(numbers, values, task[1]), tasks)
    if plan.left:
        _write_sums(pattern, plan.left, weight, values, workers)
    return values


def _write_sums(
    pattern: MatrixPattern,
    left: Sequence[tuple[Block, tuple[Region, ...]]],
    weight: NDArray[Any],
    values: NDArray[Any],
    workers: int,
) -> None:
    """Write regions of some blocks by way of tables."""
    flat = values.reshape(pattern.row_channels, -1)
    kernels = _Kernels(pattern, weight)
    jobs = (
        job for block, regions in left for job in _jobs(kernels, block, block.view(flat), regions)
    )
    while batch := list(islice(jobs, _TASKS * workers)):
        (run if workers > 1 else in_line)(_Job.write, batch)


class _Kernels:
    """The kernels as runs along the last axis of the positions, and where each of them lies."""

    def __init__(self, pattern: MatrixPattern, weight: NDArray[Any]) -> None:
        geometry = pattern.geometry
        groups, n = geometry.groups, len(geometry.axes)
        channels = groups, geometry.y_channels // groups, geometry.x_channels // groups
        places = *geometry.kernel_size, *(axis.n_out for axis in geometry.axes[:-1])
        shape = *channels, *places
        steps = [prod(shape[number + 1 :]) for number in range(len(shape))]
        rows, cols = (2, 1) if pattern.transposed else (1, 2)
        self.pattern = pattern
        self.together = min(max(pattern.nnz // _SHARE, _TABLE[0]), _TABLE[1])
        self.runs = weight.reshape(-1, geometry.axes[-1].n_out)
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


def _jobs(
    kernels: _Kernels, block: Block, view: NDArray[Any], regions: tuple[Region, ...]
) -> Iterator[_Job]:
    """What there is to write of some regions of a block, whose entries `view` shows."""
    outer = kernels.pattern.outer_entries(block.progressions)
    if not (outer and view.size):
        return
    target = view.reshape(*kernels.channels, *view.shape[1:])
    source = _Source(kernels, block)
    for own in kernels.runs_of(outer, regions):
        writer: _Writer | _Taker = _Writer(source, own, outer)
        size = source.terms * len(own.taps) * len(own.positions)
        if own.sparse:
            writer = _Taker(source, own)
            size = source.terms * sum(part.taps.size * part.count for part in own.parts)
        for slabs in pieces(target.shape[:-1], size, kernels.together):
            yield _Job(writer, slabs, target[slabs])


class _Source:
    """What the slabs of a block are made of."""

    def __init__(self, kernels: _Kernels, block: Block) -> None:
        self._runs, self._block = kernels.runs, block
        places = kernels.inner, *kernels.outer_places(block), kernels.taps
        steps = *kernels.channel_steps, *kernels.outer_steps(block)
        self._places, self._steps = places, steps
        self._sizes = *kernels.channels, *block.counts
        self.terms = prod(place.size for place in places[:-1])
        spacings = [spacing(place) for place in places]
        self._folded = any(part.rows.folded for part in block.progressions)
        self._even = None not in spacings and not self._folded
        if self._even:
            strides = [self._runs.strides[0] * int(step or 0) for step in (*spacings, *steps)]
            first = sum(int(place[0]) for place in places)
            shape = *(place.size for place in places), *self._sizes, self._runs.shape[1]
            strides.append(self._runs.itemsize)
            self._view = as_strided(self._runs[first:], shape, strides)

    def read(self, own: Run, slabs: Slices, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Numbers (inner channels, *entries of the outer axes, taps, *slabs, positions)."""
        taps, positions = (slice(part.start, part.stop) for part in (own.taps, own.positions))
        if self._even:
            outer = (slice(None),) * (len(self._places) - 1)
            return self._view[(*outer, taps, *slabs, positions)]
        lines = reduce(
            np.add.outer, [*self._places[:-1], self._places[-1][taps], self.moves(slabs)]
        )
        found = self._runs[lines, positions]
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
        return Taken(self._runs, self._places, outer, part)


class _Job:
    """Some slabs to be written."""

    def __init__(self, writer: _Writer | _Taker, slabs: Slices, target: NDArray[Any]) -> None:
        self._writer, self._slabs, self._target = writer, slabs, target

    def write(self) -> None:
        """Write them."""
        self._writer.write(self._slabs, self._target)


class _Taker:
    """Writes one run of rows of the slabs of a block without a table, which would hardly be used."""

    def __init__(self, source: _Source, own: Run) -> None:
        self._source, self._parts = source, [source.taken(part) for part in own.parts]

    def write(self, slabs: Slices, target: NDArray[Any]) -> None:
        """Write some slabs."""
        for part in self._parts:
            part.write(self._source.moves(slabs), target)


class _Writer:
    """Writes one run of rows of the slabs of a block by way of a table."""

    def __init__(self, source: _Source, own: Run, outer: int) -> None:
        self._source, self._own, self._outer = source, own, outer
        self._plans: dict[tuple[tuple[int, ...], int], list[Turned | Gathered]] = {}

    def write(self, slabs: Slices, target: NDArray[Any]) -> None:
        """Write some slabs."""
        own, dtype = self._own, target.dtype
        read = self._source.read(own, slabs, dtype)
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
