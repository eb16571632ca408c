"""The arrays of a CSR matrix of which too much would be written out at once otherwise: box by box.

A *box* is a part of the matrix that is contiguous in its flat arrays: the product of parts of the
axes' matrices, for some column channels. The whole is halved until each box is small: along rows of
the first axis, of the next one where a single row is left, and so on, then along column channels
and along the entries of a single row. So nothing beside the matrix grows with it, whatever the
geometry, and rows without entries cost what their row pointer does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..pattern import FoldedPatches, MatrixPattern, Patch, Patches, Rows, patches
from ..threads import cached_property
from ._box import Box
from ._kernel import kernels_by_rows
from ._leaf import expanded
from ._pointers import add_up

Ints = NDArray[np.int64]
# Row channels and their kernels, for the bytes that each takes.
_Kernels = Callable[[int], Iterable[tuple[slice, NDArray[Any]]]]

_PARTS = 200  # of the matrix: boxes are about as large where that is more than
_LEAST = 1 << 10  # entries, or rows, and
_MOST = 1 << 17  # at most so large
_COPIES = 1 + 2 * 4  # of the entries of a box, while they are summed: see _SUMMED
_TERMS = 3  # copies of them, while they are made
_KNOWN = 1 << 7  # parts of an axis whose readings are remembered
_KEPT = 1 << 17  # bytes of rows of parts of an axis, about, at most
_SUMMED = 4  # taps, for each entry, that may be there before they are summed


class ByBoxes:
    """Makes the arrays of matrices of one pattern, box by box."""

    def __init__(self, pattern: MatrixPattern, nnz: int | None = None) -> None:
        self._pattern, self._known = pattern, nnz
        axes, far = pattern.geometry.axes, pattern.folds_far
        self._axes = [patches(axis, pattern.transposed, far) for axis in axes]
        whole = pattern.geometry.nnz if nnz is None else nnz
        # Indices are made for one row channel, in the memory that there is beside all of them.
        self._entries = min(max(_LEAST, whole // _PARTS), _MOST)
        self._rows = min(max(_LEAST, pattern.shape[0] // _PARTS), _MOST)

    @cached_property
    def nnz(self) -> int:
        """Entries of the matrix, counted if they are not known."""
        if self._known is not None:
            return self._known
        counted = (int(self._counts(box, parts).sum()) for box, parts in self._boxes())
        return self._pattern.row_channels * sum(counted)

    def indices(self, dtype: DTypeLike) -> NDArray[Any]:
        """Column indices, ascending in every row."""
        pattern = self._pattern
        channels = pattern.row_channels
        flat = np.empty((channels, self._size), dtype=dtype)
        done = 0
        for box, parts in self._boxes():
            columns, _, kept, _ = self._expanded(box, parts)
            columns = columns if kept is None else columns[kept]
            flat[0, done : done + columns.size] = columns
            done += columns.size
        group = np.arange(1, channels) // (channels // pattern.geometry.groups)
        offsets = group * (pattern.shape[1] // pattern.geometry.groups)
        np.add(flat[0], offsets[:, None].astype(dtype), out=flat[1:])
        return flat.reshape(-1)

    def indptr(self, dtype: DTypeLike) -> NDArray[Any]:
        """Row pointer."""
        pattern = self._pattern
        indptr = np.zeros(pattern.shape[0] + 1, dtype=dtype)
        counts = indptr[1:].reshape(pattern.row_channels, -1)
        n_rows = [axis.whole.row_stop for axis in self._axes]
        steps = [prod(n_rows[number + 1 :]) for number in range(len(n_rows))]
        for box, parts in self._boxes():
            start = sum(
                patch.row_start * step for patch, step in zip(box.patches, steps, strict=True)
            )
            counts[0, start : start + box.rows] += self._counts(box, parts).astype(dtype)
        counts[1:] = counts[0]
        add_up(indptr)
        return indptr

    def values(self, weight: NDArray[Any]) -> NDArray[Any]:
        """Values in the weight's dtype, in the order of the indices."""
        pattern = self._pattern
        flat = np.empty((pattern.row_channels, self._size), dtype=weight.dtype)
        if pattern.folds_far:
            sizes = [axis.size if axis in self._early else axis.taps for axis in self._axes]
            each = _TERMS * pattern.col_channels * prod(sizes) * weight.itemsize
            for rows, kernel in kernels_by_rows(pattern, weight, each):
                made = [(slice(None), self._terms(kernel, 2))]
                self._fill(flat[rows], weight.itemsize, partial(_as_made, made))
        else:
            self._fill(flat, weight.itemsize, partial(kernels_by_rows, pattern, weight))
        return flat.reshape(-1)

    def _fill(self, flat: NDArray[Any], itemsize: int, kernels: _Kernels) -> None:
        """Write the values of some row channels, whose kernels are given for what each takes."""
        done = 0
        for box, parts in self._boxes():
            _, sources, kept, _ = self._expanded(box, parts)
            each = _COPIES * sources.size * itemsize
            sources = sources if kept is None else sources[kept]
            place = slice(done, done + sources.size)
            for rows, kernel in kernels(each):
                table = self._summed(kernel[:, slice(*box.channels)], parts)
                flat[rows, place] = table.take(sources, axis=1)
            done += sources.size

    @cached_property
    def _early(self) -> list[Patches | FoldedPatches]:
        """The axes whose terms are made once for all boxes: all that have fewer of them than taps,
        and one of those that have more.
        """
        more = [axis for axis in self._axes if axis.size > axis.taps]
        return [axis for axis in self._axes if axis not in more[1:]]

    def _terms(self, kernel: NDArray[Any], first: int, ufunc: np.ufunc = np.add) -> NDArray[Any]:
        """A kernel, or a mask of taps, whose axes from `first` on have the terms that are made once
        in place of taps.
        """
        order = sorted(range(len(self._axes)), key=lambda number: self._axes[number].size)
        for number in order:
            if self._axes[number] in self._early:
                kernel = self._axes[number].terms(kernel, first + number, ufunc)
        return kernel

    def _summed(
        self, kernel: NDArray[Any], parts: Sequence[Rows], ufunc: np.ufunc = np.add
    ) -> NDArray[Any]:
        """The entries of the product of some rows: (row channels, column channels x entries of
        each axis).
        """
        late = [axis not in self._early for axis in self._axes]
        relabeled = []
        for number, part in enumerate(parts):
            if not late[number] and part.taps.size < kernel.shape[2 + number]:
                # Taps that none of them reads would take memory until their axis is summed. (`take`
                # would copy the whole of a kernel that is not contiguous.)
                used, taps = np.unique(part.taps, return_inverse=True)
                index: tuple[Any, ...] = (*(slice(None),) * (2 + number), used)
                kernel, part = kernel[index], replace(part, taps=taps)
            relabeled.append(part)
        for number, part in enumerate(relabeled):
            if late[number]:
                kernel = self._axes[number].terms(kernel, 2 + number, ufunc)
            kernel = part.sum_taps(kernel, 2 + number, ufunc)
        return kernel.reshape(len(kernel), -1)

    @cached_property
    def _mask(self) -> NDArray[np.bool_] | None:
        """Which products of taps, or of terms, are kept."""
        if self._pattern.taps is None:
            return None
        flip = self._pattern.geometry.flip
        mask = np.flip(self._pattern.taps) if flip else self._pattern.taps
        return self._terms(mask, 0, np.logical_or)

    @property
    def _size(self) -> int:
        """Entries of one row channel."""
        pattern = self._pattern
        nnz = pattern.geometry.nnz if pattern.taps is None else self.nnz
        return nnz // pattern.row_channels

    def _boxes(self) -> Iterator[tuple[Box, list[Rows]]]:
        """The boxes in order, but those that hold nothing, with the rows of the axes."""
        whole = tuple(axis.whole for axis in self._axes)
        pending = [Box((0, self._pattern.col_channels), whole)]
        counted: list[dict[Patch, int]] = [{} for _ in self._axes]
        written: list[dict[Patch, Rows]] = [{} for _ in self._axes]
        while pending:
            box = pending.pop()
            readings = self._readings(box, counted)
            if not prod(readings):
                continue
            halves = box.halves() if self._large(box, readings) else [box]
            if len(halves) > 1:
                pending += reversed(halves)
                continue
            yield box, [self._rows_of(*found, written) for found in enumerate(box.patches)]

    def _rows_of(self, number: int, patch: Patch, written: list[dict[Patch, Rows]]) -> Rows:
        """The rows of a part of an axis, which the boxes to come may ask for again: but for the
        first axis, of which only the last ones are kept.
        """
        known = written[number]
        if patch not in known:
            if number == 0 or sum(rows.nbytes for rows in known.values()) > _KEPT:
                known.clear()
            known[patch] = self._axes[number].rows(patch)
        return known[patch]

    def _readings(self, box: Box, counted: list[dict[Patch, int]]) -> list[int]:
        """The readings that the part of each axis holds, or more than there may be."""
        found = []
        for axis, patch, known in zip(self._axes, box.patches, counted, strict=True):
            if patch not in known:
                if len(known) > _KNOWN:
                    known.clear()
                known[patch] = axis.readings(patch, self._entries)
            found.append(known[patch])
        return found

    def _large(self, box: Box, readings: Sequence[int]) -> bool:
        """Whether a box is to be halved: for its entries, its rows, or the taps of an axis that is
        summed when the entries of those before it are written out.
        """
        places = [
            (patch.row_stop - patch.row_start) * (patch.col_stop - patch.col_start)
            for patch in box.patches
        ]
        if (
            next((read for read, place in zip(readings, places, strict=True) if place > 1), 0)
            > self._entries
        ):
            return True  # of the axis that would be halved
        entries = [min(pair) for pair in zip(places, readings, strict=True)]
        channels = box.channels[1] - box.channels[0]
        if channels * prod(entries) > self._entries or box.rows > self._rows:
            return True
        taps = (min(axis.size, read) for axis, read in zip(self._axes, readings, strict=True))
        done = channels
        for own, summed in zip(entries, taps, strict=True):
            if done > channels and done * summed > _SUMMED * self._entries:
                return True
            done *= own
        return False

    def _counts(self, box: Box, parts: Sequence[Rows]) -> Ints:
        """Entries of each row of a box, in the first channel."""
        if self._pattern.taps is not None:
            _, _, kept, owner = self._expanded(box, parts)
            owner = owner if kept is None else owner[kept]
            return np.bincount(owner, minlength=box.rows)
        counts = np.array([box.channels[1] - box.channels[0]])
        for part in parts:
            counts = np.multiply.outer(counts, part.counts).reshape(-1)
        return counts

    def _expanded(
        self, box: Box, parts: Sequence[Rows]
    ) -> tuple[Ints, Ints, NDArray[np.bool_] | None, Ints]:
        """Columns, numbers in the table of :meth:`_summed`, which of them are stored, and the
        rows.
        """
        pattern = self._pattern
        numbers = [(np.arange(part.cols.size), part.cols.size) for part in parts]
        owner, columns, sources = expanded(pattern, parts, range(*box.channels), numbers)
        if self._mask is None:
            return columns, sources, None, owner
        stored = self._summed(self._mask[None, None], parts, np.logical_or)[0]
        return columns, sources, stored[sources % stored.size], owner


def _as_made(
    kernels: list[tuple[slice, NDArray[Any]]], each: int
) -> list[tuple[slice, NDArray[Any]]]:
    """The same kernels, whatever each takes."""
    return kernels
