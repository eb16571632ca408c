"""Rows of a matrix written out as the product of rows along its axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pattern import MatrixPattern, Rows
from ._entries import AxisEntries, axis_entries, extended

Ints = NDArray[np.int64]
# Rows of an axis, which number each entry is, and how many numbers there are.
_Numbered = tuple[Rows, Ints, int]

_AT_ONCE = 1 << 13  # entries and rows that are written out in one go


@dataclass(frozen=True, eq=False)
class Leaf:
    """Some rows of the first channel, for all columns of its group.

    Parameters
    ----------
    columns : int32 or int64 array
        Columns of the entries, ascending in every row.
    sources : intp array
        Which number of the extended kernel, shape (column channels, *entries), each entry is.
    counts : int64 array
        Entries of each row.
    entries : tuple of AxisEntries
        How the kernel is extended by the sums of taps that meet in one entry, along each axis.
    """

    columns: NDArray[Any]
    sources: NDArray[np.intp]
    counts: Ints
    entries: tuple[AxisEntries, ...]


def leaf(pattern: MatrixPattern, parts: Sequence[Rows]) -> Leaf:
    """The product of these rows, one part per axis; the rows of the last axis vary fastest.

    It is written out some rows at a time: beside what is returned there is little.
    """
    kernel_size = pattern.geometry.kernel_size
    extensions = tuple(axis_entries(rows, k) for rows, k in zip(parts, kernel_size, strict=True))
    kept = None if pattern.taps is None else _kept(pattern, pattern.taps, extensions)
    pieces = list(_pieces(pattern, parts, extensions, kept))
    columns, sources, counts = (np.concatenate(found) for found in zip(*pieces, strict=True))
    return Leaf(columns, sources, counts, extensions)


def _pieces(
    pattern: MatrixPattern,
    parts: Sequence[Rows],
    extensions: Sequence[AxisEntries],
    kept: NDArray[np.bool_] | None,
) -> Iterator[tuple[NDArray[Any], NDArray[np.intp], Ints]]:
    """Columns, sources and counts of some rows after the other."""
    narrow = np.int32 if pattern.shape[1] <= np.iinfo(np.int32).max else np.int64
    numbered = [(rows, own.number, own.total) for rows, own in zip(parts, extensions, strict=True)]
    for piece in _cut(numbered, pattern.col_channels):
        rows = [own for own, _, _ in piece]
        numbers = [(number, total) for _, number, total in piece]
        owner, columns, sources = expanded(pattern, rows, range(pattern.col_channels), numbers)
        if kept is not None:
            stored = kept[sources]
            owner, columns, sources = owner[stored], columns[stored], sources[stored]
        counts = np.bincount(owner, minlength=prod(own.ptr.size - 1 for own in rows))
        yield columns.astype(narrow), sources.astype(np.intp, copy=False), counts


def _cut(parts: list[_Numbered], channels: int, level: int = 0) -> Iterator[list[_Numbered]]:
    """The product of some rows cut into little ones, in order: along the axis `level`, and where one
    row of it is much, along the next.
    """
    if level == len(parts):
        yield parts
        return
    rows, number, total = parts[level]
    before, behind = parts[:level], parts[level + 1 :]
    each = channels * prod(other.cols.size for other, _, _ in (*before, *behind))
    n_rows = prod(other.ptr.size - 1 for other, _, _ in behind)
    for start, stop in _stretches(rows.ptr * each + np.arange(rows.ptr.size) * n_rows):
        own = number[rows.ptr[start] : rows.ptr[stop]]
        piece = [*before, (rows.span(start, stop), own, total), *behind]
        if stop - start == 1:
            yield from _cut(piece, channels, level + 1)
        else:
            yield piece


def _stretches(ends: Ints) -> Iterator[tuple[int, int]]:
    """Rows start .. stop - 1 one stretch after the other, which end at `ends`: as many as come to
    little, one at least; once where there are none.
    """
    start, n_rows = 0, ends.size - 1
    while start < n_rows or start == 0:
        stop = int(np.searchsorted(ends, ends[start] + _AT_ONCE, side="right")) - 1
        stop = min(max(stop, start + 1), n_rows)
        yield start, stop
        start = max(stop, 1)


def expanded(
    pattern: MatrixPattern,
    parts: Sequence[Rows],
    channels: range,
    numbers: Sequence[tuple[Ints, int]],
) -> tuple[Ints, Ints, Ints]:
    """For each entry of the product of these rows: its row, its column, and its number, which is
    (column channel, number of its entry along each axis), C-ordered, given those and how many there
    are.
    """
    n_cols = [axis.n_out if pattern.transposed else axis.n_in for axis in pattern.geometry.axes]
    row_counts = [rows.ptr.size - 1 for rows in parts]
    n_rows = prod(row_counts)
    if len(parts) == len(channels) == 1:  # nothing to combine
        owner = np.repeat(np.arange(n_rows), parts[0].counts)
        return owner, parts[0].cols + channels[0] * prod(n_cols), numbers[0][0]
    held = reduce(np.logical_and.outer, (rows.counts > 0 for rows in parts)).reshape(-1)
    owner = np.repeat(np.flatnonzero(held), len(channels))
    columns = np.tile(np.array(channels) * prod(n_cols), owner.size // len(channels))
    sources = np.tile(np.arange(len(channels)), owner.size // len(channels))
    for axis, (rows, (number, total)) in enumerate(zip(parts, numbers, strict=True)):
        at = owner // prod(row_counts[axis + 1 :]) % row_counts[axis]
        counts = rows.counts[at]
        parent = np.repeat(np.arange(owner.size), counts)
        entry = np.arange(parent.size) + (rows.ptr[at] - np.cumsum(counts) + counts)[parent]
        owner = owner[parent]
        columns = columns[parent] + rows.cols[entry] * prod(n_cols[axis + 1 :])
        sources = sources[parent] * total + number[entry]
    return owner, columns, sources


def numbers(values: NDArray[Any], entries: Sequence[AxisEntries]) -> NDArray[Any]:
    """A kernel by rows as (row channels, numbers that sources count)."""
    for number, found in enumerate(entries):
        values = extended(values, found, 2 + number)
    return values.reshape(len(values), -1)


def _kept(
    pattern: MatrixPattern, taps: NDArray[np.bool_], entries: Sequence[AxisEntries]
) -> NDArray[np.bool_]:
    """Which numbers of the extended kernel are stored: those made of at least one kept tap."""
    mask = np.flip(taps) if pattern.geometry.flip else taps
    for number, found in enumerate(entries):
        mask = extended(mask, found, number, np.logical_or)
    return np.tile(mask.reshape(-1), pattern.col_channels)
