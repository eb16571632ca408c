"""Any part of one axis's matrix, written out at a cost of what it holds.

Whatever lies around the part and however far the windows reach, nothing is listed but the readings
that fall into it, and some stretches of the axis at a time: one for each time that its border
repeats it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geometry import Axis, copies, repeats, stretch_table
from ._rows import Ints, Rows, canonical

_AT_ONCE = 1 << 11  # taps or windows that are looked at in one go
_STRETCHES = 1 << 8  # about, that are listed in one go


class Patch(NamedTuple):
    """Rows ``row_start .. row_stop - 1`` of a matrix in columns ``col_start .. col_stop - 1``."""

    row_start: int
    row_stop: int
    col_start: int
    col_stop: int


class _Spans(NamedTuple):
    """Readings in a row: taps of one window, or windows of one tap, on one stretch."""

    line: Ints  # the window, or the tap
    stretch: Ints  # its start, sample, step, coefficient and slope, one column per span
    first: Ints  # the first tap, or the first window
    runs: Ints  # how many


class Patches:
    """The parts of the matrix of one axis, or of its transpose."""

    def __init__(self, axis: Axis, transposed: bool) -> None:
        self._axis, self._transposed = axis, transposed
        self._piece = _STRETCHES * max(1, axis.n_in - 1)  # positions
        self._listed: tuple[int, Ints] | None = None
        # Where nothing repeats, few stretches are endless.
        self._few = axis.last + 1 - axis.first <= self._piece or not repeats(axis.mode)
        self._alone = self._few and self._table(0).shape[1] == 1

    @property
    def whole(self) -> Patch:
        """The matrix."""
        rows, cols = self._axis.n_out, self._axis.n_in
        return Patch(0, cols, 0, rows) if self._transposed else Patch(0, rows, 0, cols)

    @property
    def taps(self) -> int:
        """Taps of the axis."""
        return self._axis.k

    @property
    def size(self) -> int:
        """How many terms there are: the taps."""
        return self._axis.k

    def terms(self, values: NDArray[Any], axis: int, ufunc: np.ufunc = np.add) -> NDArray[Any]:
        """`values` with the tap axis replaced by the terms of which entries are sums."""
        return values

    def readings(self, patch: Patch, most: int) -> int:
        """How many readings a part holds, no fewer than its entries; counted up to `most` and
        some.
        """
        found = 0
        for spans in self._spans(patch, self._by_taps(patch)):
            found += int(spans.runs.sum())
            if found > most:
                break
        return found

    def rows(self, patch: Patch) -> Rows:
        """A part's rows, counted from its first one; columns are those of the matrix."""
        axis, by_taps = self._axis, self._by_taps(patch)
        parts = list(self._spans(patch, by_taps))
        spans = _Spans(*(np.concatenate([part[n] for part in parts], axis=-1) for n in range(4)))
        total = np.cumsum(spans.runs)
        which = np.repeat(np.arange(total.size), spans.runs)
        run = np.arange(which.size) + (spans.first - total + spans.runs)[which]
        line = spans.line[which]
        tap, window = (line, run) if by_taps else (run, line)
        start, sample, step, factor, slope = spans.stretch
        ahead = axis.position(window, tap) - start[which]
        read = sample[which] + step[which] * ahead
        row, col = (read, window) if self._transposed else (window, read)
        row = row - patch.row_start
        n_rows = patch.row_stop - patch.row_start
        if copies(axis.mode):
            return canonical(row, col, tap, n_rows)
        return canonical(*net(row, col, tap, factor[which] + slope[which] * ahead, n_rows))

    def _by_taps(self, patch: Patch) -> bool:
        """Whether readings are looked for tap by tap, not window by window: what is less work."""
        axis = self._axis
        first, stop = patch[2:] if self._transposed else patch[:2]
        windows = stop - first
        if self._alone:
            return axis.k <= windows
        by_taps = axis.k * (1 + (windows - 1) * axis.stride // axis.n_in)
        return by_taps <= windows * (1 + axis.dilation * (axis.k - 1) // axis.n_in)

    def _table(self, number: int) -> Ints:
        """One piece of the stretches of the axis, the last one kept."""
        axis = self._axis
        if self._listed is None or self._listed[0] != number:
            start, stop = axis.first, axis.last + 1
            if not self._few:
                start += number * self._piece
                stop = min(start + self._piece, stop)
            self._listed = number, stretch_table(axis, start, stop)
        return self._listed[1]

    def _tables(self, first: int, stop: int) -> Iterator[Ints]:
        """The pieces of stretches that windows first .. stop - 1 reach, in order of positions."""
        axis = self._axis
        if self._few:
            yield self._table(0)
            return
        low = axis.position(first) - axis.first
        high = low + (stop - 1 - first) * axis.stride + axis.dilation * (axis.k - 1)
        for number in range(low // self._piece, high // self._piece + 1):
            yield self._table(number)

    def _spans(self, patch: Patch, by_taps: bool) -> Iterator[_Spans]:
        """The spans of readings in a part, piece by piece and line by line, each in order of
        positions.
        """
        none = np.zeros(0, dtype=np.int64)
        yield _Spans(none, np.zeros((5, 0), dtype=np.int64), none, none)
        windows, samples = patch[:2], patch[2:]
        if self._transposed:
            windows, samples = samples, windows
        if windows[0] < windows[1]:
            for table in self._tables(*windows):
                yield from self._spans_on(table, windows, samples, by_taps)

    def _spans_on(
        self, table: Ints, windows: tuple[int, int], samples: tuple[int, int], by_taps: bool
    ) -> Iterator[_Spans]:
        """The same on some stretches."""
        axis = self._axis
        # A reading is at position line * pitch + run * step - before.
        lines, pitch, runs, step = (0, axis.k), axis.dilation, windows, axis.stride
        if not by_taps:
            lines, pitch, runs, step = windows, axis.stride, (0, axis.k), axis.dilation
        starts, stops = table[:2]
        low, high = _holding(table, *samples)
        held = low < high
        if not held.any() or lines[0] >= lines[1] or runs[0] >= runs[1]:
            return
        reach = (runs[1] - 1 - runs[0]) * step
        base = runs[0] * step - axis.before
        nearest = -((reach + base - int(low[held].min())) // pitch)
        farthest = (int(high[held].max()) - 1 - base) // pitch + 1
        lines = max(lines[0], nearest), min(lines[1], farthest)
        at_once = max(1, _AT_ONCE // (1 + min(reach // axis.n_in, starts.size)))
        for begin in range(*lines, at_once):
            line = np.arange(begin, min(begin + at_once, lines[1]))
            position = line * pitch + base
            first = np.searchsorted(stops, position, side="right")
            met = np.searchsorted(starts, position + reach, side="right") - first
            met = np.maximum(met, 0)
            which = np.repeat(np.arange(line.size), met)
            stretch = np.arange(which.size) + (first - np.cumsum(met) + met)[which]
            at = position[which]
            begins = np.maximum(-((at - low[stretch]) // step), 0)
            ends = np.minimum(-((at - high[stretch]) // step), runs[1] - runs[0])
            kept = begins < ends
            begins, ends = begins[kept], ends[kept]
            found = table[[0, 2, 3, 4, 5]][:, stretch[kept]]
            yield _Spans(line[which[kept]], found, begins + runs[0], ends - begins)


def _holding(table: Ints, first: int, stop: int) -> tuple[Ints, Ints]:
    """The positions of each stretch, (start, stop), which hold samples first .. stop - 1."""
    starts, stops, sample, step, _, _ = table
    ahead = np.where(step > 0, first - sample, sample - stop + 1)
    low = np.maximum(starts, starts + ahead)
    high = np.minimum(stops, starts + ahead + stop - first)
    same = (step == 0) & (sample >= first) & (sample < stop)
    return np.where(step == 0, starts, low), np.where(
        step == 0, np.where(same, stops, starts), high
    )


def net(
    row: Ints, col: Ints, tap: Ints, factor: Ints, n_rows: int
) -> tuple[Ints, Ints, Ints, int, Ints]:
    """Readings of one tap in one entry added up, and those that come to zero left out."""
    order = np.lexsort((tap, col, row))
    row, col, tap, factor = row[order], col[order], tap[order], factor[order]
    first = np.ones(row.size, dtype=bool)
    first[1:] = (np.diff(row) != 0) | (np.diff(col) != 0) | (np.diff(tap) != 0)
    begins = np.flatnonzero(first)
    total = np.add.reduceat(factor, begins) if begins.size else factor
    begins, total = begins[total != 0], total[total != 0]
    return row[begins], col[begins], tap[begins], n_rows, total
