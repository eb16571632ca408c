"""Rows of a one-axis convolution matrix, written out: columns in order, and the taps folded into
each entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._memory import check_fits
from ..geometry import OUTSIDE, Axis, copies, held, source

Ints = NDArray[np.int64]

# Terms that NumPy adds up in turn, by kind of dtype: the rest to the first; more in another order.
_IN_TURN = {"i": 8, "u": 8, "f": 8, "c": 4}
_FEW_SUMS = 1 << 10  # more take too much memory when added up in turn


@dataclass(frozen=True)
class Rows:
    """Some rows of a one-axis matrix, as CSR with taps in place of values.

    Row p holds entries ``ptr[p]:ptr[p + 1]``, columns strictly ascending; entry q is the sum of the
    taps ``taps[fold[q]:fold[q + 1]]``, ascending: more than one where the boundary brings several
    onto one column. Each tap is times its coefficient, never zero; there are none where all are 1.
    """

    ptr: Ints
    cols: Ints
    fold: Ints
    taps: Ints
    coefficients: Ints | None = None

    @property
    def counts(self) -> Ints:
        """Entries per row."""
        return np.diff(self.ptr)

    @property
    def uniform(self) -> bool:
        """Whether all rows have equally many entries."""
        counts = self.counts
        return bool((counts == counts[:1]).all())

    @property
    def folded(self) -> bool:
        """Whether any entry is other than a tap itself: a sum of several, or a multiple."""
        return self.taps.size > self.cols.size or self.coefficients is not None

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        own = self.ptr.nbytes + self.cols.nbytes + self.fold.nbytes + self.taps.nbytes
        return own + (0 if self.coefficients is None else self.coefficients.nbytes)

    @property
    def factors(self) -> Ints:
        """The coefficient of each tap."""
        return np.ones_like(self.taps) if self.coefficients is None else self.coefficients

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        """The rows of several, one after the other."""
        ptr, fold = (
            np.concatenate([[0], *(np.diff(ends) for ends in found)]).cumsum()
            for found in ([part.ptr for part in parts], [part.fold for part in parts])
        )
        cols = np.concatenate([part.cols for part in parts])
        taps = np.concatenate([part.taps for part in parts])
        plain = all(part.coefficients is None for part in parts)
        factors = None if plain else np.concatenate([part.factors for part in parts])
        return cls(ptr, cols, fold, taps, factors)

    def row(self, p: int) -> Rows:
        """Row p alone."""
        return self.span(p, p + 1)

    def span(self, start: int, stop: int) -> Rows:
        """Rows start .. stop - 1."""
        first, last = self.ptr[start], self.ptr[stop]
        fold = self.fold[first : last + 1]
        taps = slice(fold[0], fold[-1])
        factors = None if self.coefficients is None else _unless_ones(self.coefficients[taps])
        ptr = self.ptr[start : stop + 1] - first
        return Rows(ptr, self.cols[first:last], fold - fold[0], self.taps[taps], factors)

    def sum_taps(self, values: NDArray[Any], axis: int, ufunc: np.ufunc = np.add) -> NDArray[Any]:
        """`values` with its tap axis replaced by the entries: each the sum of the multiples of its
        taps, or another `ufunc` of the taps themselves.
        """
        return self.sum_terms(values.take(self.taps, axis=axis), axis, ufunc)

    def sum_terms(self, terms: NDArray[Any], axis: int, ufunc: np.ufunc = np.add) -> NDArray[Any]:
        """The same of values that each stand for one tap of one entry, in the order of `taps`."""
        if not self.folded:
            return terms
        if self.coefficients is not None and ufunc is np.add:
            factors = self.coefficients.astype(terms.dtype)
            terms = terms * factors.reshape(-1, *(1,) * (terms.ndim - 1 - axis % terms.ndim))
        counts = np.diff(self.fold)
        if ufunc is np.add and _added_in_turn(terms.dtype, counts):
            return _in_turn(terms, self.fold[:-1], counts, axis)
        summed: NDArray[Any] = ufunc.reduceat(terms, self.fold[:-1], axis=axis, dtype=terms.dtype)
        return summed


def _added_in_turn(dtype: np.dtype[Any], counts: Ints) -> bool:
    """Whether sums are few, and NumPy adds up their terms in turn: those of halves are float32's."""
    most = 0 if dtype == np.float16 else _IN_TURN.get(dtype.kind, 0)
    return bool(counts.size <= _FEW_SUMS and counts.max(initial=0) <= most)


def _in_turn(terms: NDArray[Any], first: Ints, counts: Ints, axis: int) -> NDArray[Any]:
    """Sums of `counts` terms each along an axis, from `first` on: all first terms, then all second
    ones, much faster than sum by sum; bit by bit what ``np.add.reduceat`` gives.
    """
    terms = np.moveaxis(terms, axis, 0)
    summed = terms[first]
    several = np.flatnonzero(counts > 1)
    rest = terms[first[several] + 1]
    for number in range(2, int(counts.max(initial=0))):
        more = counts[several] > number
        rest[more] += terms[first[several[more]] + number]
    summed[several] += rest
    return np.moveaxis(summed, 0, axis)


def forward_rows(axis: Axis, start: int, stop: int) -> Rows:
    """Rows start .. stop - 1 of the axis's n_out x n_in matrix: what windows read."""
    windows = np.arange(start, stop, dtype=np.int64)
    taps = np.arange(axis.k, dtype=np.int64)
    position = axis.position(windows[:, None], taps)
    if not copies(axis.mode):
        number, cols, factors = held(axis.mode, position, axis.n_in)
        return canonical(number // axis.k, cols, number % axis.k, stop - start, factors)
    cols = source(axis.mode, position, axis.n_in)
    row = np.broadcast_to(np.arange(stop - start)[:, None], cols.shape)
    tap = np.broadcast_to(taps, cols.shape)
    return canonical(row, cols, tap, stop - start)


def transposed_rows(axis: Axis, start: int, stop: int) -> Rows:
    """Rows start .. stop - 1 of the transposed, n_in x n_out matrix: which windows read a
    sample, by which tap.
    """
    first, last = 0, axis.n_out
    if axis.mode == "zeros":
        reach = axis.dilation * (axis.k - 1)
        first = max(0, -((reach - start - axis.before) // axis.stride))
        last = max(first, min(last, (stop - 1 + axis.before) // axis.stride + 1))
    if axis.mode == "zeros" and max(last - first, stop - start) < axis.k:
        return _rows_by_readers(axis, start, stop, first, last)
    if last - first < stop - start:
        return _rows_by_windows(axis, start, stop, first, last)
    row, position, factors = _readings(axis, start, stop)
    taps = np.arange(axis.k, dtype=np.int64)
    # Tap by tap, so that the taps of one entry stay ascending: they are added in the same order as
    # in C.
    numerator = (position + axis.before) - axis.dilation * taps[:, None]
    cols = numerator // axis.stride
    hits = (numerator % axis.stride == 0) & (cols >= 0) & (cols < axis.n_out)
    rows = np.broadcast_to(row - start, cols.shape)
    tap = np.broadcast_to(taps[:, None], cols.shape)
    if factors is not None:
        factors = np.broadcast_to(factors, cols.shape)
    return canonical(rows, np.where(hits, cols, OUTSIDE), tap, stop - start, factors)


def _rows_by_windows(axis: Axis, start: int, stop: int, first: int, last: int) -> Rows:
    """The same rows from windows first .. last - 1, all that read them: fewer than rows."""
    tap, window, sample, factors = _contributions(axis, first, last)
    hits = (sample >= start) & (sample < stop)
    factors = None if factors is None else factors[hits]
    return canonical(sample[hits] - start, window[hits], tap[hits], stop - start, factors)


def _rows_by_readers(axis: Axis, start: int, stop: int, first: int, last: int) -> Rows:
    """The same rows of an axis with zeros outside, from windows first .. last - 1, all that read
    them: fewer than taps.
    """
    rows, windows = np.ogrid[start:stop, first:last]
    reach = rows + axis.before - axis.stride * windows
    taps, between = np.divmod(reach, axis.dilation)
    hits = (between == 0) & (taps >= 0) & (taps < axis.k)
    row, col = np.nonzero(hits)
    return canonical(row, col + first, taps[hits], stop - start)


def _contributions(axis: Axis, first: int, last: int) -> tuple[Ints, Ints, Ints, Ints | None]:
    """What windows first .. last - 1 read, tap by tap: (tap, window, sample, coefficient)."""
    number, sample, factors = held(axis.mode, _read(axis, first, last), axis.n_in)
    return number // (last - first), number % (last - first) + first, sample, factors


def _readings(axis: Axis, start: int, stop: int) -> tuple[Ints, Ints, Ints | None]:
    """Entries (sample, position of the extended axis that repeats it, coefficient) for samples
    start .. stop - 1.
    """
    samples = np.arange(start, stop, dtype=np.int64)
    if axis.mode == "zeros":
        return samples, samples, None
    position = outside_positions(axis)
    number, repeated, factors = held(axis.mode, position, axis.n_in)
    wanted = (repeated >= start) & (repeated < stop)
    sample = np.concatenate([samples, repeated[wanted]])
    place = np.concatenate([samples, position[number[wanted]]])
    if factors is not None:
        factors = np.concatenate([np.ones_like(samples), factors[wanted]])
    return sample, place, factors


def rows_with_entries(axis: Axis, transposed: bool) -> tuple[Ints, Rows]:
    """The rows of the axis's matrix that are not empty: their numbers, and they themselves.

    Takes memory of their entries' size, however many rows are empty between them.
    """
    if axis.mode == "zeros":
        tap, window = _readers(axis)
        sample, factors = axis.position(window, tap), None
    else:
        tap, window, sample, factors = _contributions(axis, 0, axis.n_out)
    row, col = (sample, window) if transposed else (window, sample)
    numbers, owner = np.unique(row, return_inverse=True)
    return numbers, canonical(owner.astype(np.int64), col, tap, numbers.size, factors)


def _readers(axis: Axis) -> tuple[Ints, Ints]:
    """Pairs (tap, window) that read the axis itself, tap by tap."""
    taps = np.arange(axis.k, dtype=np.int64)
    before = axis.before - axis.dilation * taps
    starts = np.clip(-(-before // axis.stride), 0, axis.n_out)
    stops = np.clip((axis.n_in - 1 + before) // axis.stride + 1, starts, axis.n_out)
    counts = stops - starts
    tap = np.repeat(taps, counts)
    moves: Ints = (starts - np.cumsum(counts) + counts)[tap]
    return tap, moves + np.arange(tap.size)


def outside_positions(axis: Axis) -> Ints:
    """The positions beyond the axis that windows read, and, where they are not sparse there, all
    between the first and the last one.
    """
    extension = axis.last - axis.first + 1
    taps = axis.n_out * axis.k
    if extension <= max(2 * taps, axis.n_in):
        count = max(0, -axis.first) + max(0, axis.last + 1 - axis.n_in)
        check_fits("padding", f"{count:,} positions", 32 * count, "Pad less, or with zeros.")
        before = np.arange(min(axis.first, 0), min(axis.last + 1, 0), dtype=np.int64)
        behind = np.arange(
            max(axis.first, axis.n_in), max(axis.last + 1, axis.n_in), dtype=np.int64
        )
        return np.concatenate([before, behind])
    read = np.unique(_read(axis, 0, axis.n_out))
    return read[(read < 0) | (read >= axis.n_in)]


def _read(axis: Axis, start: int, stop: int) -> Ints:
    """The positions that windows start .. stop - 1 read, shape (tap, window)."""
    windows = np.arange(start, stop, dtype=np.int64)
    taps = np.arange(axis.k, dtype=np.int64)
    return axis.position(windows, taps[:, None])


def canonical(row: Ints, col: Ints, tap: Ints, n_rows: int, factors: Ints | None = None) -> Rows:
    """Contributions (row, col, tap, coefficient) as rows with ascending, unique columns; OUTSIDE
    columns are left out.
    """
    kept = col != OUTSIDE
    row, col, tap = row[kept], col[kept], tap[kept]
    factors = None if factors is None else factors[kept]
    place = row * (int(col.max(initial=0)) + 1) + col
    if not (np.diff(place) > 0).all():
        order = np.argsort(
            place, kind="stable"
        )  # taps stay ascending; runs that are in order cost one pass
        row, col, tap, place = row[order], col[order], tap[order], place[order]
        factors = None if factors is None else factors[order]
    first = np.ones(row.size, dtype=bool)
    first[1:] = np.diff(place) != 0
    fold = np.append(np.flatnonzero(first), row.size)
    counts = np.bincount(row[first], minlength=n_rows)
    ptr = np.concatenate([[0], np.cumsum(counts)])
    factors = None if factors is None else _unless_ones(factors)
    return Rows(ptr, col[first], fold, tap, factors)


def _unless_ones(factors: Ints) -> Ints | None:
    """Coefficients, or None where all are 1."""
    return None if (factors == 1).all() else factors
