"""Rows of a matrix written out as the product of rows along its axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pattern import MatrixPattern, Rows
from ._entries import AxisEntries, axis_entries, extended

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Leaf:
    """Some rows of the first channel, for all columns of its group.

    Parameters
    ----------
    columns : int64 array
        Columns of the entries, ascending in every row.
    sources : int64 array
        Which number of the extended kernel, shape (column channels, *entries), each entry is.
    counts : int64 array
        Entries of each row.
    entries : tuple of AxisEntries
        How the kernel is extended by the sums of taps that meet in one entry, along each axis.
    """

    columns: Ints
    sources: Ints
    counts: Ints
    entries: tuple[AxisEntries, ...]


def leaf(pattern: MatrixPattern, parts: Sequence[Rows]) -> Leaf:
    """The product of these rows, one part per axis; the rows of the last axis vary fastest."""
    kernel_size = pattern.geometry.kernel_size
    extensions = tuple(axis_entries(rows, k) for rows, k in zip(parts, kernel_size, strict=True))
    counted = [(entries.number, entries.total) for entries in extensions]
    owner, columns, sources = expanded(pattern, parts, range(pattern.col_channels), counted)
    if pattern.taps is not None:
        kept = _kept(pattern, pattern.taps, extensions)[sources]
        owner, columns, sources = owner[kept], columns[kept], sources[kept]
    n_rows = prod(rows.ptr.size - 1 for rows in parts)
    return Leaf(columns, sources, np.bincount(owner, minlength=n_rows), extensions)


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
