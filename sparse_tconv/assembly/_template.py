"""The rows of a matrix that are not repetitions of others, written out, and where they repeat.

Few rows of a convolution matrix are new: along each axis those of one period of each region of its
pattern. Written out together they are the *template*: its columns, and for each entry which number
of the kernel it is. A list of steps says where which part of the template goes, and what of the
matrix is then repeated. So indices, row pointer and values are each made by a few long copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cache import store
from ..pattern import MatrixPattern, Region, Rows
from ..threads import cached_property
from ._entries import AxisEntries
from ._leaf import leaf, numbers

Ints = NDArray[np.int64]

_LARGEST = 1 << 17  # entries: a template beyond is not worth its memory
_SMALL = 1 << 16  # entries: up to here a matrix is written out whole, which leaves fewer steps
_WHOLE = 1 << 13  # taps: and an axis is, of which as many are written out in one go
_NUMBERS = 8  # of sums of taps, for each entry that may be there
_COPIES = 4  # of the sums of taps, about, while these are made
_SHARE = 2  # and of a larger one as much as is this share of what may be


@dataclass(frozen=True, slots=True)
class Step:
    """Write one stretch `count` times, one behind the other.

    The stretch is rows `leaf` .. of the template, or, where `leaf` is -1, what the steps before
    have written at the target.

    Parameters
    ----------
    leaf, entry : int
        First row of the template, and the entry where it starts.
    row, target : int
        First row of the channel's part of the matrix, and the entry where it starts.
    rows, size : int
        Rows and entries of the stretch.
    count, shift : int
        Repetitions, and how far the columns move with each.
    """

    leaf: int
    entry: int
    row: int
    target: int
    rows: int
    size: int
    count: int
    shift: int


@dataclass(frozen=True, eq=False)
class Template:
    """What one channel's rows are made of.

    Parameters
    ----------
    columns : int32 or int64 array
        Columns of the template's entries, for the first channel group.
    sources : intp array
        Which number of the extended kernel, shape (column channels, *entries), each entry is.
    ends : int64 array
        Where the template's rows end, a 0 in front.
    entries : tuple of AxisEntries
        How the kernel is extended by the sums of taps that meet in one entry, along each axis.
    steps : tuple of Step
        How the template becomes all rows of a channel.
    """

    columns: NDArray[Any]
    sources: NDArray[np.intp]
    ends: Ints
    entries: tuple[AxisEntries, ...]
    steps: tuple[Step, ...]

    @property
    def size(self) -> int:
        """Entries of one channel's rows."""
        last = self.steps[-1]
        return last.target + last.size * last.count

    @property
    def rows(self) -> int:
        """Rows of one channel."""
        last = self.steps[-1]
        return last.row + last.rows * last.count

    def nbytes(self) -> int:
        """Bytes held, about."""
        arrays = self.columns.nbytes + self.sources.nbytes + self.ends.nbytes
        return arrays + 200 * len(self.steps) + 1000

    @cached_property
    def numbers(self) -> int:
        """Numbers that are made of one pair of channels to extend the kernel; 0 where no taps meet."""
        if not any(found.taps.size for found in self.entries):
            return 0
        return _COPIES * prod(found.total for found in self.entries)

    def kernel(self, values: NDArray[Any]) -> NDArray[Any]:
        """A kernel by rows as (row channels, numbers that `sources` count)."""
        return numbers(values, self.entries)


def template(pattern: MatrixPattern, most: int) -> Template | None:
    """The template of a pattern, kept if it is a geometry's own; None where it would have more
    rows and entries than `most`.
    """
    if pattern.taps is not None:
        return _template(pattern, most)
    bucket = Template, pattern.geometry, pattern.transposed
    found: Template | None = store.find(bucket)
    if found is None:
        found = _template(pattern, most)
        if found is not None:
            store.add(bucket, found, found.nbytes)
    return found


def _template(pattern: MatrixPattern, most: int) -> Template | None:
    parts = _parts(pattern, min(_LARGEST, most))
    made = _Writer(pattern, parts).template() if parts else None
    if made is not None and made.numbers * pattern.col_channels > _NUMBERS * most:
        return None
    return made


@dataclass(frozen=True)
class _Part:
    """One axis of the template: rows written out, and the regions that they are a period each of."""

    rows: Rows
    regions: tuple[Region, ...]

    @cached_property
    def whole(self) -> bool:
        """Whether these are all rows of the axis."""
        return all(region.count == 1 for region in self.regions)


def _parts(pattern: MatrixPattern, largest: int) -> list[_Part]:
    """One part per axis, written out whole from the last axis on as far as the template stays
    small; empty where it is too large.
    """
    small = pattern.geometry.nnz <= _SMALL and pattern.shape[0] <= _SMALL
    periods = [sum(region.period for region in axis.regions) for axis in pattern.axes]
    sizes = [
        sum(int(axis.rows(region).ptr[-1]) for region in axis.regions)
        if period * axis.axis.k <= _LARGEST
        else _LARGEST + 1
        for axis, period in zip(pattern.axes, periods, strict=True)
    ]
    leaf, rows = pattern.col_channels * prod(sizes), prod(periods)
    if leaf + rows > (_LARGEST if small else largest) or min(sizes) == 0:
        return []
    most = (_SMALL if small else largest // _SHARE) // pattern.row_channels
    parts: list[_Part] = []
    whole = True
    for axis, size, period in zip(pattern.axes[::-1], sizes[::-1], periods[::-1], strict=True):
        grown = leaf // size * axis.axis.nnz, rows // period * axis.shape[0]
        whole = whole and sum(grown) <= most and axis.axis.n_out * axis.axis.k <= _WHOLE
        if whole:
            leaf, rows = grown
            parts.append(_Part(axis.all_rows(), (Region(0, axis.shape[0], 1, 0),)))
        else:
            written = Rows.joined([axis.rows(region) for region in axis.regions])
            parts.append(_Part(written, axis.regions))
    return parts[::-1]


class _Writer:
    """The template of some parts, written out."""

    def __init__(self, pattern: MatrixPattern, parts: list[_Part]) -> None:
        self._pattern, self._parts = pattern, parts
        n_cols = [axis.shape[1] for axis in pattern.axes]
        self._col_steps = [prod(n_cols[number + 1 :]) for number in range(len(parts))]
        n_rows = [part.rows.ptr.size - 1 for part in parts]
        self._row_steps = [prod(n_rows[number + 1 :]) for number in range(len(parts))]
        self._ends = np.zeros(1, dtype=np.int64)

    def template(self) -> Template:
        made = leaf(self._pattern, [part.rows for part in self._parts])
        self._ends = np.zeros(made.counts.size + 1, dtype=np.int64)
        np.cumsum(made.counts, out=self._ends[1:])
        steps = tuple(_fused(self._steps(0, 0, 0, 0)))
        return Template(made.columns, made.sources, self._ends, made.entries, steps)

    def _steps(self, level: int, leaf: int, row: int, target: int) -> Iterator[Step]:
        """Steps for all rows of the axes from `level` on, whose rows of the template start at
        `leaf`.
        """
        part, leaf_rows = self._parts[level], self._row_steps[level]
        below = all(other.whole for other in self._parts[level + 1 :])
        for region in part.regions:
            first = row, target
            # One period: in one piece where all that is below is written out.
            pieces = 1 if below else region.period
            rows = region.period * leaf_rows // pieces
            for _ in range(pieces):
                if below:
                    steps: Iterator[Step] = iter([self._copy(leaf, row, target, rows)])
                else:
                    steps = self._steps(level + 1, leaf, row, target)
                for step in steps:
                    yield step
                    row, target = (
                        step.row + step.rows * step.count,
                        step.target + step.size * step.count,
                    )
                leaf += rows
            if region.count > 1:
                size = target - first[1], row - first[0]
                shift = region.shift * self._col_steps[level]
                yield Step(-1, -1, *first, size[1], size[0], region.count, shift)
                row = first[0] + size[1] * region.count
                target = first[1] + size[0] * region.count

    def _copy(self, leaf: int, row: int, target: int, rows: int) -> Step:
        entry = int(self._ends[leaf])
        return Step(leaf, entry, row, target, rows, int(self._ends[leaf + rows]) - entry, 1, 0)


def _fused(steps: Iterator[Step]) -> Iterator[Step]:
    """The same in fewer steps: neighbors become one, a copy and its repetition too."""
    held: Step | None = None
    for step in steps:
        if held is None:
            held = step
            continue
        once = held.leaf >= 0 and held.count == 1
        if once and step.count == 1 and step.leaf == held.leaf + held.rows:
            held = replace(held, rows=held.rows + step.rows, size=held.size + step.size)
        elif once and step.leaf < 0 and (step.row, step.rows) == (held.row, held.rows):
            held = replace(held, count=step.count, shift=step.shift)
        else:
            yield held
            held = step
    if held is not None:
        yield held
