"""What the entries are: weights into a pattern, giving the arrays of a CSR matrix.

One slab of rows is made per combination of progressions and copied to all positions where it
repeats, columns plus a constant; nothing is sorted, and no coordinate list is ever made. See
:mod:`sparse_tconv.pattern`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import DTypeLike, NDArray

from ..pattern import Block, MatrixPattern, Progression, Rows, fold_outer
from ..threads import in_line, num_threads, run
from ._kernel import correlation_kernel

Ints = NDArray[np.int64]

# A stretch that repeats is copied in runs of at least this many entries, where it can be: a short
# inner loop costs more than the entries it moves.
_RUN = 1 << 12
_TOGETHER = 1 << 17  # entries of one slab of all channels that are copied in one go
_SHARED = 1 << 25  # bytes from which threads share the writing
_GROWTH = 32  # how many copies at once until there is such a run


def fill_indptr(pattern: MatrixPattern, starts: Ints, dtype: DTypeLike) -> NDArray[Any]:
    """Row pointer of the matrix, given the pattern's ``slab_starts()``."""
    indptr = np.empty(pattern.shape[0] + 1, dtype=dtype)
    indptr[0] = 0
    ends = indptr[1:].reshape(pattern.row_channels, -1)
    slabs = ends[0].reshape(*(axis.shape[0] for axis in pattern.axes))
    firsts = starts[:-1].astype(dtype).reshape(*slabs.shape[:-1], 1)
    made: dict[int, NDArray[Any]] = {}
    for combination in pattern.combinations:
        alike = pattern.outer_entries(combination) if pattern.taps is None else len(made)
        if alike not in made:
            made[alike] = _row_ends(pattern, combination, np.dtype(dtype))
        positions = tuple(part.positions for part in combination)
        np.add(made[alike], firsts[positions], out=slabs[positions])
    channel = np.arange(1, pattern.row_channels, dtype=dtype) * indptr.dtype.type(starts[-1])
    np.add(ends[0], channel[:, None], out=ends[1:])
    return indptr


def _row_ends(
    pattern: MatrixPattern, combination: tuple[Progression, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Where the rows of one slab end, counted from its start."""
    last = pattern.axes[-1]
    ends = np.empty((1, last.shape[0]), dtype=dtype)
    size = 0
    for region in last.regions:
        row_sizes = pattern.row_sizes(combination, last.rows(region))
        total = int(row_sizes.sum())
        ends[0, region.start : region.start + region.period] = size + np.cumsum(row_sizes)
        _repeat(ends[:, region.start : region.stop], region.count, total)
        size += total * region.count
    return ends[0]


def fill_indices(pattern: MatrixPattern, starts: Ints, dtype: DTypeLike) -> NDArray[Any]:
    """Column indices of the matrix, ascending in every row."""
    channels = pattern.row_channels
    flat = np.empty((channels, int(starts[-1])), dtype=dtype)
    size = [axis.shape[1] for axis in pattern.axes]
    col_steps = [prod(size[number + 1 :]) for number in range(len(size))]
    for block in pattern.blocks(starts):
        view = block.view(flat[:1])
        columns = _columns(_outer_columns(pattern, block, col_steps, prod(size)))
        _fill_slab(block.first_slab(view), pattern, block, columns, shifted=True)
        parts = zip(block.progressions, col_steps, strict=False)
        _spread(view, [part.shift * step for part, step in parts])
    groups = np.arange(1, channels) // (channels // pattern.geometry.groups)
    group_cols = groups * (pattern.col_channels * prod(size))
    np.add(flat[0], group_cols[:, None].astype(dtype), out=flat[1:])
    return flat.reshape(-1)


def fill_values(pattern: MatrixPattern, weight: NDArray[Any], starts: Ints) -> NDArray[Any]:
    """Values of the matrix in the weight's dtype, in the order of :func:`fill_indices`.

    Most of the time of a large array goes into its first touch: threads share it, by channels where
    there are enough of them.
    """
    values = _by_rows(pattern, weight)
    flat = np.empty((pattern.row_channels, int(starts[-1])), dtype=weight.dtype)
    blocks = list(pattern.blocks(starts))
    workers = num_threads() if flat.nbytes >= _SHARED else 1
    if len(flat) < workers:
        _fill_channels(pattern, blocks, values, flat, workers)
        return flat.reshape(-1)

    def fill(ends: tuple[int, int]) -> None:
        channels = slice(*ends)
        _fill_channels(pattern, blocks, values[channels], flat[channels], 1)

    run(fill, _parts(len(flat), workers))
    return flat.reshape(-1)


def _fill_channels(
    pattern: MatrixPattern,
    blocks: list[Block],
    values: NDArray[Any],
    flat: NDArray[Any],
    workers: int,
) -> None:
    """The values of some channel rows: the first slab of every block, then its copies."""
    rows_of_all_taps = _rows_of_all_taps(pattern, values) if len(blocks) > 1 else {}
    numbers = np.arange(values[:1, ..., 0].size).reshape(1, *values.shape[1:-1], 1)

    def write_first(block: Block) -> None:
        slab = block.first_slab(block.view(flat))
        if rows_of_all_taps and not any(part.rows.folded for part in block.progressions):
            taps = fold_outer(numbers, block.progressions).reshape(-1)
            _take_slab(slab, pattern, rows_of_all_taps, taps)
        else:
            sums = _sums(fold_outer(values, block.progressions))
            _fill_slab(slab, pattern, block, sums, shifted=False)

    large = sum(block.size for block in blocks) * len(flat) * flat.itemsize >= _SHARED
    (run if workers > 1 and large else in_line)(write_first, blocks)
    copies = [part for block in blocks for part in _copies(block.view(flat), workers)]
    (run if workers > 1 else in_line)(_Copies.write, copies)


def _rows_of_all_taps(pattern: MatrixPattern, values: NDArray[Any]) -> dict[int, NDArray[Any]]:
    """The last axis done once for every tap of the other axes, by the starts of its regions: arrays
    (channel row, row, tap of the others, entry). Empty where rows of a region differ in length.
    """
    last = pattern.axes[-1]
    if pattern.taps is not None or not all(last.rows(region).uniform for region in last.regions):
        return {}
    table = values.reshape(len(values), -1, values.shape[-1])
    made = {}
    for region in last.regions:
        rows = last.rows(region)
        shape = *table.shape[:2], region.period, rows.cols.size // region.period
        entries = rows.sum_taps(table, 2).reshape(shape)
        made[region.start] = np.ascontiguousarray(entries.swapaxes(1, 2))
    return made


def _take_slab(
    slab: NDArray[Any], pattern: MatrixPattern, rows: dict[int, NDArray[Any]], taps: Ints
) -> None:
    """Write one slab, shape (channel rows, entries), whose outer entries are single taps."""
    done = 0
    for region in pattern.axes[-1].regions:
        source = rows[region.start]
        shape = source.shape[1], taps.size, source.shape[3]
        for row, target in zip(source, slab[:, done : done + prod(shape)], strict=True):
            row.take(taps, axis=1, out=target.reshape(shape), mode="clip")
        target = slab[:, done : done + prod(shape) * region.count]
        _repeat(target, region.count, 0)
        done += target.shape[1]


def _by_rows(pattern: MatrixPattern, weight: NDArray[Any]) -> NDArray[Any]:
    """The kernel as (row channel, column channel of its group, *kernel_size)."""
    kernel = correlation_kernel(pattern.geometry, weight)
    if not pattern.transposed:
        return kernel
    grouped = kernel.reshape(pattern.geometry.groups, -1, *kernel.shape[1:])
    swapped = np.swapaxes(grouped, 1, 2)
    return swapped.reshape(pattern.row_channels, pattern.col_channels, *kernel.shape[2:])


def _outer_columns(pattern: MatrixPattern, block: Block, col_steps: list[int], size: int) -> Ints:
    """First column of each outer entry (column channel, entry on axis 1, ...), in ascending
    order.
    """
    columns = np.arange(pattern.col_channels, dtype=np.int64) * size
    for part, step in zip(block.progressions, col_steps, strict=False):
        columns = (columns[:, None] + part.rows.cols * step).reshape(-1)
    return columns


# A table holds, for some rows of the last axis, what belongs to each (outer entry, entry of these
# rows); its first axis numbers the channel rows, or is 1 where they are alike.
Table = Callable[[Rows], NDArray[Any]]


def _columns(outer: Ints) -> Table:
    return lambda rows: (outer[:, None] + rows.cols)[None]


def _sums(outer: NDArray[Any]) -> Table:
    return lambda rows: rows.sum_taps(outer, 2)


def _fill_slab(
    slab: NDArray[Any], pattern: MatrixPattern, block: Block, table: Table, *, shifted: bool
) -> None:
    """Write one slab, shape (channel rows or 1, entries), region by region of the last axis."""
    last = pattern.axes[-1]
    done = 0
    for region in last.regions:
        rows = last.rows(region)
        entries = table(rows)
        if pattern.taps is None and rows.uniform:
            size = entries[0].size
            period = slab[:, done : done + size]
            _write_even_rows(period, entries, rows)
        else:
            order = pattern.order(block.progressions, region)
            size = order.size
            period = slab[:, done : done + size]
            period[...] = entries.reshape(len(entries), -1).take(order, axis=1)
        target = slab[:, done : done + size * region.count]
        _repeat(target, region.count, region.shift if shifted else 0)
        done += target.shape[1]


def _write_even_rows(period: NDArray[Any], entries: NDArray[Any], rows: Rows) -> None:
    """Bring a table of rows with equally many entries each into rows."""
    n_rows = len(rows.counts)
    for channel, target in zip(entries, period, strict=True):
        table = channel.reshape(len(channel), n_rows, rows.cols.size // n_rows).swapaxes(0, 1)
        target.reshape(table.shape)[...] = table


@dataclass(frozen=True)
class _Copies:
    """Slabs of values to be copied from the first one of their block: those from `start` on along
    one axis of the block's view, shape (channel rows, *counts, size).
    """

    view: NDArray[Any]
    axis: int
    start: int
    stop: int

    def write(self) -> None:
        """Copy the first slab to all these places."""
        places: tuple[Any, ...] = (*(slice(None),) * self.axis, slice(self.start, self.stop))
        part = self.view[places]
        if self.axis and self.start:
            first: tuple[Any, ...] = (slice(None), *(0,) * (self.view.ndim - 2))
            part[first] = self.view[first]
        # Source and target of several channels overlap, and NumPy would copy a large source.
        together = part.shape[0] * part.shape[-1] <= _TOGETHER
        for channels in [part] if together else part[:, None]:
            _spread(channels, [0] * (part.ndim - 2))


def _copies(view: NDArray[Any], workers: int) -> list[_Copies]:
    """The copies that complete a block, in as many parts as threads share."""
    if prod(view.shape[1:-1]) == 1:
        return []
    axis = int(np.argmax(view.shape[:-1]))
    large = view.size * view.itemsize >= _SHARED
    return [
        _Copies(view, axis, *ends) for ends in _parts(view.shape[axis], workers if large else 1)
    ]


def _parts(length: int, parts: int) -> list[tuple[int, int]]:
    """range(length) cut into this many parts, or into single numbers."""
    parts = max(1, min(parts, length))
    return list(pairwise(length * number // parts for number in range(parts + 1)))


def _spread(view: NDArray[Any], shifts: list[int]) -> None:
    """Copy the first slab of some slabs, shape (channel rows, *counts, size), to all their
    positions, plus the shift of each step.
    """
    for axis in reversed(range(1, view.ndim - 1)):
        start: tuple[Any, ...] = (slice(None), *(0,) * (axis - 1))
        line = view[start]  # (channel rows, count, ..., size)
        count, size = line.shape[1], line[0, 0].size
        if count == 1 or not size:
            continue
        if line[0].flags.c_contiguous:
            strides = (line.strides[0], line.itemsize)
            _repeat(as_strided(line, (len(line), count * size), strides), count, shifts[axis - 1])
        else:
            numbers = np.arange(1, count).reshape(-1, *(1,) * (line.ndim - 2))
            _place(line[:, :1], numbers, shifts[axis - 1], line[:, 1:])


def _repeat(target: NDArray[Any], count: int, shift: int) -> None:
    """Of `count` equal parts along the last axis the first is written; write the others, each
    plus `shift`.
    """
    size = target.shape[1] // count
    if count == 1 or not size:
        return
    done = 1
    while 2 * done <= count:
        length = done * size
        large = length * len(target) >= _RUN
        times = count // done if large else min(count // done, _GROWTH)
        strides = (target.strides[0], length * target.itemsize, target.itemsize)
        runs = as_strided(target, (len(target), times, length), strides)
        moves = np.arange(done, times * done, done)[:, None]
        # Source and target overlap in several rows taken together, and NumPy would copy a large
        # source.
        for rows in runs if large else [runs.swapaxes(0, 1)]:
            _place(rows[:1], moves if large else moves[..., None], shift, rows[1:])
        done *= times
    length = done * size
    rest = target[:, length:]
    _place(target[:, : rest.shape[1]], done, shift, rest)


def _place(part: NDArray[Any], number: Ints | int, shift: int, target: NDArray[Any]) -> None:
    """Write `part` plus number * shift into `target`, the three broadcast against each other."""
    if shift:
        np.add(part, np.asarray(number * shift).astype(target.dtype), out=target)
    else:
        target[...] = part
