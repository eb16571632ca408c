"""The arrays of a CSR matrix whose rows hardly repeat: a kernel about as long as its axis.

One slab of rows is made per combination of progressions and copied to all positions where it
repeats, columns plus a constant; nothing is sorted, and no coordinate list is ever made. See
:mod:`sparse_tconv.pattern`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import DTypeLike, NDArray

from ..pattern import Block, MatrixPattern, Rows, fold_outer
from ..threads import in_line, num_threads, run
from ._kernel import kernels_by_rows
from ._repeat import cut, place, repeat
from ._slab_columns import Tiled, fill_columns, outer_columns
from ._slab_row_ends import fill_row_ends
from ._slab_work import slab_work

Ints = NDArray[np.int64]


_TOGETHER = 1 << 17  # entries of one slab of all channels that are copied in one go
_PIECE = 1 << 14  # entries that are held beside those that they are copied to
_SHARED = 1 << 25  # bytes from which threads share the writing


class BySlabs:
    """Makes the arrays of matrices of one pattern, slab by slab."""

    def __init__(self, pattern: MatrixPattern) -> None:
        self._pattern = pattern
        self._starts = pattern.slab_starts()

    def indptr(self, dtype: DTypeLike) -> NDArray[Any]:
        """Row pointer of the matrix."""
        pattern, starts = self._pattern, self._starts
        indptr = np.empty(pattern.shape[0] + 1, dtype=dtype)
        indptr[0] = 0
        ends = indptr[1:].reshape(pattern.row_channels, -1)
        slabs = ends[0].reshape(*(axis.shape[0] for axis in pattern.axes))
        fill_row_ends(pattern, slabs, starts[:-1].astype(dtype).reshape(*slabs.shape[:-1], 1))
        channel = np.arange(1, pattern.row_channels, dtype=dtype) * indptr.dtype.type(starts[-1])
        np.add(ends[0], channel[:, None], out=ends[1:])
        return indptr

    def indices(self, dtype: DTypeLike) -> NDArray[Any]:
        """Column indices of the matrix, ascending in every row."""
        pattern, starts = self._pattern, self._starts
        channels = pattern.row_channels
        flat = np.empty((channels, int(starts[-1])), dtype=dtype)
        size = [axis.shape[1] for axis in pattern.axes]
        col_steps = [prod(size[number + 1 :]) for number in range(len(size))]
        tiled: Tiled = {}
        for block in pattern.blocks(starts):
            view = block.view(flat[:1])
            outer = outer_columns(pattern, block, col_steps, prod(size)).astype(dtype)
            fill_columns(block.first_slab(view)[0], pattern, block, outer, tiled)
            parts = zip(block.progressions, col_steps, strict=False)
            _spread(view, [part.shift * step for part, step in parts])
        groups = np.arange(1, channels) // (channels // pattern.geometry.groups)
        group_cols = groups * (pattern.col_channels * prod(size))
        np.add(flat[0], group_cols[:, None].astype(dtype), out=flat[1:])
        return flat.reshape(-1)

    def values(self, weight: NDArray[Any]) -> NDArray[Any]:
        """Values of the matrix in the weight's dtype, in the order of :meth:`indices`.

        Most of the time of a large array goes into its first touch: threads share it, by channels
        where there are enough of them.
        """
        pattern, starts = self._pattern, self._starts
        flat = np.empty((pattern.row_channels, int(starts[-1])), dtype=weight.dtype)
        blocks = list(pattern.blocks(starts))
        workers = num_threads() if flat.nbytes >= _SHARED else 1
        each = slab_work(pattern)[1] * weight.itemsize
        for rows, values in kernels_by_rows(pattern, weight, each):
            _share_channels(pattern, blocks, values, flat[rows], workers)
        return flat.reshape(-1)


def _share_channels(
    pattern: MatrixPattern,
    blocks: list[Block],
    values: NDArray[Any],
    flat: NDArray[Any],
    workers: int,
) -> None:
    """The values of some channel rows, shared by threads."""
    if len(flat) < workers:
        _fill_channels(pattern, blocks, values, flat, workers)
        return

    def fill(ends: tuple[int, int]) -> None:
        channels = slice(*ends)
        _fill_channels(pattern, blocks, values[channels], flat[channels], 1)

    run(fill, cut(len(flat), workers))


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
            _fill_sums(slab, pattern, block, fold_outer(values, block.progressions))

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
        repeat(target, region.count, 0)
        done += target.shape[1]


def _fill_sums(
    slab: NDArray[Any], pattern: MatrixPattern, block: Block, outer: NDArray[Any]
) -> None:
    """Write the values of one slab, shape (channel rows, entries), given those of the outer entries
    for each tap of the last axis, region by region of that axis.
    """
    last = pattern.axes[-1]
    done = 0
    for region in last.regions:
        rows = last.rows(region)
        entries = rows.sum_taps(outer, 2)
        size = entries[0].size
        if pattern.taps is None and entries.shape[1] == 1:
            slab[:, done : done + size] = entries[:, 0]
        elif pattern.taps is None and rows.uniform:
            _write_even_rows(slab[:, done : done + size], entries, rows)
        else:
            order = pattern.order(block.progressions, region)
            size = order.size
            flat = entries.reshape(len(entries), -1)
            slab[:, done : done + size] = flat.take(order, axis=1)
        target = slab[:, done : done + size * region.count]
        repeat(target, region.count, 0)
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
    return [_Copies(view, axis, *ends) for ends in cut(view.shape[axis], workers if large else 1)]


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
            repeat(as_strided(line, (len(line), count * size), strides), count, shifts[axis - 1])
        else:
            numbers = np.arange(1, count).reshape(-1, *(1,) * (line.ndim - 2))
            for part in _pieces(line):
                # A copy of the source: NumPy would make one as large as the target, which it
                # interleaves with.
                place(part[:, :1].copy(), numbers, shifts[axis - 1], part[:, 1:])


def _pieces(line: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Parts of some slabs, shape (channel rows, count, ..., size), that each hold all of the count
    and are no more than a piece of one.
    """
    if line[:, :1].size <= _PIECE:
        yield line
        return
    lengths = (line.shape[0], 1, *line.shape[2:])
    axis = int(np.argmax(lengths))
    for first, last in cut(line.shape[axis], 2):
        yield from _pieces(line[(*(slice(None),) * axis, slice(first, last))])
