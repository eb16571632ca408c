"""The pattern of the whole matrix: the product of its axes' patterns, block-diagonal over channel
groups.

Rows are numbered (channel, position on axis 1, ..., axis N), C-ordered, and so are columns. A
*slab* is the run of rows over the last axis for one channel and one position on the other axes. All
slabs whose positions belong to the same progressions are alike but for a constant added to their
columns, and they lie in a regular, strided arrangement in the flat CSR arrays: so one slab is
written per combination of progressions, and copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ..geometry import ConvGeometry, folds_far
from ..threads import cached_property
from ._axis_pattern import AxisPattern, Progression, Region, axis_pattern
from ._rows import Ints, Rows

Mask = NDArray[np.bool_]

_SCATTERED = 256  # rows for each entry


@dataclass(frozen=True)
class Block:
    """All slabs of one combination of progressions on the axes but the last.

    Parameters
    ----------
    progressions : tuple of Progression
        One per axis but the last.
    offset : int
        Where the first slab starts in the flat arrays of one channel row.
    steps : tuple of int
        Distance in the flat arrays between slabs that are neighbors along each axis.
    size : int
        Entries in one slab.
    """

    progressions: tuple[Progression, ...]
    offset: int
    steps: tuple[int, ...]
    size: int

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of slabs along each axis."""
        return tuple(progression.count for progression in self.progressions)

    def view(self, flat: NDArray[Any]) -> NDArray[Any]:
        """The block's entries in `flat`, shape (channel rows, entries per channel row):
        (channels, *counts, size).
        """
        strides = (flat.strides[0], *(step * flat.itemsize for step in self.steps), flat.itemsize)
        return as_strided(flat[:, self.offset :], (flat.shape[0], *self.counts, self.size), strides)

    def first_slab(self, view: NDArray[Any]) -> NDArray[Any]:
        """The first slab of a view, shape (channel rows, size)."""
        index: tuple[Any, ...] = (slice(None), *(0,) * len(self.counts))
        return view[index]


@dataclass(frozen=True, eq=False)
class MatrixPattern:
    """Where the entries of C, or of C^T, are.

    Parameters
    ----------
    geometry : ConvGeometry
        The geometry of C.
    transposed : bool
        Whether the pattern is that of C^T.
    taps : (*kernel_size,) bool array, optional
        The taps to keep, in the kernel's own order; entries made of other taps alone are not
        stored. All, if not given.
    """

    geometry: ConvGeometry
    transposed: bool = False
    taps: Mask | None = None

    @cached_property
    def axes(self) -> tuple[AxisPattern, ...]:
        """One pattern per axis."""
        return tuple(axis_pattern(axis, self.transposed) for axis in self.geometry.axes)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix."""
        rows, cols = self.geometry.shape
        return (cols, rows) if self.transposed else (rows, cols)

    @property
    def row_channels(self) -> int:
        """Channels of the side that the rows number."""
        return self.geometry.x_channels if self.transposed else self.geometry.y_channels

    @property
    def col_channels(self) -> int:
        """Channels that one row reads: those of its group."""
        other = self.geometry.y_channels if self.transposed else self.geometry.x_channels
        return other // self.geometry.groups

    @cached_property
    def combinations(self) -> tuple[tuple[Progression, ...], ...]:
        """Every choice of one progression on each axis but the last."""
        return tuple(product(*(axis.progressions for axis in self.axes[:-1])))

    @property
    def empty(self) -> bool:
        """Whether no tap is kept."""
        return self.taps is not None and not self.taps.any()

    @property
    def folds_far(self) -> bool:
        """Whether many more taps are read than there are entries, along some axis."""
        return folds_far(self.geometry.axes)

    @property
    def scattered(self) -> bool:
        """Whether so few of the rows have entries that nothing of their number should be made."""
        return self.shape[0] > _SCATTERED * self.geometry.nnz

    @property
    def nnz(self) -> int:
        """Number of stored entries; nothing of the matrix's size is allocated."""
        if self.taps is None:
            return self.geometry.nnz
        slabs = (prod(part.count for part in c) * self.slab_size(c) for c in self.combinations)
        return self.row_channels * sum(slabs)

    def slab_size(self, combination: tuple[Progression, ...]) -> int:
        """Entries in one slab of a combination."""
        last = self.axes[-1]
        if self.taps is None:
            return self.outer_entries(combination) * last.axis.nnz
        return sum(
            region.count * int(self.row_sizes(combination, last.rows(region)).sum())
            for region in last.regions
        )

    def outer_entries(self, combination: tuple[Progression, ...]) -> int:
        """Outer entries (column channel, entry on axis 1, ...) of the rows of a combination."""
        return self.col_channels * prod(part.rows.cols.size for part in combination)

    def row_sizes(self, combination: tuple[Progression, ...], rows: Rows) -> Ints:
        """Entries in each of these rows of a slab."""
        if self.taps is None:
            return self.outer_entries(combination) * rows.counts
        before = np.concatenate([[0], np.cumsum(self._kept(combination, rows).sum(axis=0))])
        return np.diff(before[rows.ptr])

    def order(self, combination: tuple[Progression, ...], region: Region) -> Ints:
        """Which (outer entry, entry of the last axis) each entry of one period of a region is, in
        order of rows.

        Numbers into the table (outer entry, entry), C-ordered; those of dropped taps are left out.
        """
        last, key = self.axes[-1], (region.start, self.outer_entries(combination))
        rows = last.rows(region)
        order = self._orders[key] if key in self._orders else row_order(rows, key[1])
        if last.keeps(region.start, region.start + region.period):
            self._orders[key] = order
        if self.taps is None:
            return order
        kept = self._kept(combination, rows).reshape(-1)
        return order[kept[order]]

    @cached_property
    def _orders(self) -> dict[tuple[int, int], Ints]:
        """Orders already worked out: combinations with equally many outer entries share them."""
        return {}

    def _kept(self, combination: tuple[Progression, ...], rows: Rows) -> Mask:
        """Which (outer entry, entry of the last axis) are stored: those made of at least one
        kept tap.
        """
        mask = np.ones(self.geometry.kernel_size, dtype=bool) if self.taps is None else self.taps
        if self.geometry.flip:
            mask = np.flip(mask)
        mask = fold_outer(mask[None, None], combination, np.logical_or)[0]
        return np.asarray(np.tile(rows.sum_taps(mask, 1, np.logical_or), (self.col_channels, 1)))

    def slab_starts(self) -> Ints:
        """Where each slab of one channel starts in the flat arrays, and at last their end."""
        lengths = np.empty([axis.shape[0] for axis in self.axes[:-1]], dtype=np.int64)
        for combination in self.combinations:
            lengths[tuple(part.positions for part in combination)] = self.slab_size(combination)
        starts = np.zeros(lengths.size + 1, dtype=np.int64)
        np.cumsum(lengths.reshape(-1), out=starts[1:])
        return starts

    def blocks(self, starts: Ints) -> Iterator[Block]:
        """The blocks that together are the matrix, given :meth:`slab_starts`."""
        size = [axis.shape[0] for axis in self.axes[:-1]]
        steps = [prod(size[number + 1 :]) for number in range(len(size))]
        for combination in self.combinations:
            slab = sum(part.start * step for part, step in zip(combination, steps, strict=True))
            offset = int(starts[slab])
            flat_steps = tuple(
                int(starts[slab + part.step * step]) - offset if part.count > 1 else 0
                for part, step in zip(combination, steps, strict=True)
            )
            yield Block(combination, offset, flat_steps, int(starts[slab + 1]) - offset)


def fold_outer(
    values: NDArray[Any], combination: tuple[Progression, ...], ufunc: np.ufunc = np.add
) -> NDArray[Any]:
    """`values` of shape (rows, cols, *kernel_size) as (rows, outer entries, taps of the last axis).

    Along every axis but the last the taps become the entries of the progression's row; outer
    entries are numbered (column channel, entry on axis 1, ...), C-ordered: the order of their
    columns.
    """
    for number, part in enumerate(combination):
        values = part.rows.sum_taps(values, 2 + number, ufunc)
    return values.reshape(values.shape[0], -1, values.shape[-1])


def row_order(rows: Rows, outer: int) -> Ints:
    """Order that brings a table (outer entry, entry) into rows: (row, outer entry, entry of that
    row).
    """
    n_rows, n_entries = rows.ptr.size - 1, rows.cols.size
    numbers = np.arange(outer * n_entries)
    if n_rows == 1:
        return numbers
    counts = rows.counts
    owner = np.repeat(np.arange(n_rows), counts)
    begin = rows.ptr[owner] * (outer - 1) + np.arange(n_entries)
    place = begin + counts[owner] * np.arange(outer)[:, None]
    order = np.empty_like(numbers)
    order[place.reshape(-1)] = numbers
    return order
