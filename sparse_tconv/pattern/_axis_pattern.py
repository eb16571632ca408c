"""The pattern of one axis as a few regions of rows that repeat, whatever the length of the axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cache import store
from ..geometry import Axis, copies, held
from ..threads import cached_property
from ._rows import Ints, Rows, forward_rows, outside_positions, transposed_rows

# Rows at the border are written out at most this many taps at a time, so that an axis without an
# interior (a circulant matrix, a kernel as long as the signal) needs little memory beside the
# matrix itself.
_TAPS_AT_ONCE = 1 << 18
_TAPS_AT_LEAST = 1 << 13
_TERMS = 4  # multiples of samples that a position may hold, with what it takes to add them up
_SHARE = 256  # of all taps, at least, where these are many
_TAPS_KEPT = 1 << 14  # rows of more taps are written out anew at each use
_ALL_TAPS_KEPT = 1 << 16  # and all where the regions have more together


@dataclass(frozen=True)
class Region:
    """Rows ``start .. start + period * count - 1``: `count` repetitions of `period` rows.

    Each repetition has the taps of the one before it, its columns moved by `shift`.
    """

    start: int
    period: int
    count: int
    shift: int

    @property
    def stop(self) -> int:
        return self.start + self.period * self.count


@dataclass(frozen=True)
class Progression:
    """Equal rows ``start, start + step, ...``: the columns of each are those of the one before
    moved by `shift`.
    """

    start: int
    step: int
    count: int
    shift: int
    rows: Rows

    @property
    def positions(self) -> slice:
        """The rows as a slice."""
        return slice(self.start, self.start + self.step * (self.count - 1) + 1, self.step)


@dataclass(frozen=True)
class AxisPattern:
    """Where the entries of one axis's matrix, or of its transpose, are.

    Parameters
    ----------
    axis : Axis
        The axis.
    transposed : bool
        Whether rows are the axis's n_in samples instead of its n_out windows.
    regions : tuple of Region
        A partition of the rows, in order.
    """

    axis: Axis
    transposed: bool
    regions: tuple[Region, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        forward = (self.axis.n_out, self.axis.n_in)
        return forward[::-1] if self.transposed else forward

    @property
    def interior(self) -> tuple[int, int]:
        """Range (start, stop) of rows as those of an endless axis: every tap is there, and nothing
        from beyond the axis.
        """
        start, stop = _readers_inside(self.axis) if self.transposed else self.axis.interior
        return min(start, self.shape[0]), min(stop, self.shape[0])

    def rows(self, region: Region) -> Rows:
        """The rows of one period of a region, written out; kept if they are few."""
        return self.rows_between(region.start, region.start + region.period)

    def rows_between(self, start: int, stop: int) -> Rows:
        """Rows start .. stop - 1, written out; kept if they are few."""
        if not self.keeps(start, stop):
            return _rows(self.axis, self.transposed, start, stop)
        if (start, stop) not in self._kept:
            self._kept[start, stop] = _rows(self.axis, self.transposed, start, stop)
        return self._kept[start, stop]

    def keeps(self, start: int, stop: int) -> bool:
        """Whether rows start .. stop - 1 are few enough to be kept from one use to the next."""
        return self._few and (stop - start) * self.axis.k <= _TAPS_KEPT

    @cached_property
    def _few(self) -> bool:
        return sum(region.period for region in self.regions) * self.axis.k <= _ALL_TAPS_KEPT

    def all_rows(self) -> Rows:
        """All rows, written out anew."""
        return _rows(self.axis, self.transposed, 0, self.shape[0])

    @cached_property
    def _kept(self) -> dict[tuple[int, int], Rows]:
        return {}

    def size(self) -> int:
        """Bytes held, about."""
        rows = list(self._kept.values())
        progressions = [part.rows for part in self.__dict__.get("progressions", ())]
        overhead = 500 * (1 + len(self.regions) + len(rows) + len(progressions))
        return overhead + sum(kept.nbytes for kept in (*rows, *progressions))

    @cached_property
    def progressions(self) -> tuple[Progression, ...]:
        """The same partition as progressions of equal rows."""
        return tuple(self._progressions())

    def _progressions(self) -> Iterator[Progression]:
        for region in self.regions:
            rows = self.rows(region)
            for phase in range(region.period):
                start = region.start + phase
                yield Progression(start, region.period, region.count, region.shift, rows.row(phase))


def axis_pattern(axis: Axis, transposed: bool) -> AxisPattern:
    """The pattern of one axis, kept; cheap for a long axis, whose interior is one region."""
    bucket = axis, transposed
    found: AxisPattern | None = store.find(bucket)
    if found is None:
        found = _axis_pattern(axis, transposed)
        store.add(bucket, found, found.size)
    return found


def written_taps(axis: Axis, transposed: bool) -> int:
    """How many taps are written out at once to find and to use the pattern of an axis, about and at
    most: those of rows at the border, and of a few repetitions.
    """
    start, stop = axis.interior
    border, inside = axis.n_out - (stop - start), min(stop - start, 1)
    if not transposed:
        taps = border * axis.k
        return (taps if taps <= _ALL_TAPS_KEPT else max(_at_once(taps), axis.k)) + inside * axis.k
    reach = axis.dilation * (axis.k - 1)
    outside = 0
    if axis.mode != "zeros":
        outside = max(0, -axis.first) + max(0, axis.last + 1 - axis.n_in)
    rows = min(axis.n_in, 2 * (reach + outside) + 6 * axis.stride)
    readers = min(axis.n_out, -(-axis.k // axis.stride))
    return rows * readers + outside * (readers + 1) + min(6 * axis.k, axis.k * axis.n_out)


def _axis_pattern(axis: Axis, transposed: bool) -> AxisPattern:
    n_rows = axis.n_in if transposed else axis.n_out
    start, stop = _readers_inside(axis) if transposed else axis.interior
    period, shift = (axis.stride, 1) if transposed else (1, axis.stride)
    if transposed and stop - start >= 2 * period:
        start, stop = _extended(axis, start, stop)
    count = (stop - start) // period
    if count < 2:
        regions = _border(axis, transposed, 0, n_rows)
    else:
        inner = Region(start, period, count, shift)
        left = _border(axis, transposed, 0, start)
        right = _border(axis, transposed, inner.stop, n_rows)
        regions = [*left, inner, *right]
    return AxisPattern(axis, transposed, tuple(regions))


def _readers_inside(axis: Axis) -> tuple[int, int]:
    """Samples (start, stop) read by windows as in an endless axis: no window missing, no border
    folded onto them.
    """
    start = max(0, axis.dilation * (axis.k - 1) - axis.before)
    stop = min(axis.n_in, (axis.n_out - 1) * axis.stride - axis.before + 1)
    if axis.mode != "zeros":
        folded = np.unique(held(axis.mode, outside_positions(axis), axis.n_in)[1])
        folded = folded[(folded >= start) & (folded < stop)]
        edges = np.concatenate([[start - 1], folded, [stop]])
        widest = int(np.argmax(np.diff(edges)))
        start, stop = int(edges[widest]) + 1, int(edges[widest + 1])
    return start, max(start, stop)


def _extended(axis: Axis, start: int, stop: int) -> tuple[int, int]:
    """Samples (start, stop) with those added in front and behind, a stride at most, that
    continue the repetition.
    """
    s = axis.stride
    first, last = max(0, start - s), min(axis.n_in, stop + s)
    front = _equal_rows(_rows(axis, True, first, start + s), s, 1)
    behind = _equal_rows(_rows(axis, True, stop - s, last), s, 1)
    more = np.argmin(np.append(front[::-1], False)), np.argmin(np.append(behind, False))
    return start - int(more[0]), stop + int(more[1])


def _border(axis: Axis, transposed: bool, start: int, stop: int) -> list[Region]:
    """Regions for rows outside the interior."""
    if start >= stop:
        return []
    # A sample is read by k / stride windows, but where a boundary folds more onto it.
    readers = -(-axis.k // axis.stride) if transposed and axis.mode == "zeros" else axis.k
    if transposed and axis.mode == "zeros":
        readers = min(readers, axis.n_out)
    readers *= 1 if copies(axis.mode) else _TERMS
    at_once = max(1, _at_once((stop - start) * readers) // readers)
    if stop - start > at_once:
        chunks = range(start, stop, at_once)
        return [Region(chunk, min(at_once, stop - chunk), 1, 0) for chunk in chunks]
    period, shift = (axis.stride, 1) if transposed else (1, axis.stride)
    return _merge_equal(_rows(axis, transposed, start, stop), start, period, shift)


def _at_once(taps: int) -> int:
    """How many of the taps of a border are written out at a time."""
    return min(max(_TAPS_AT_LEAST, taps // _SHARE), _TAPS_AT_ONCE)


def _merge_equal(rows: Rows, offset: int, period: int, shift: int) -> list[Region]:
    """Stretches in which every row equals the one a period later become regions that repeat."""
    n_rows = rows.ptr.size - 1
    equal = _equal_rows(rows, period, shift)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]]).astype(np.int8)))
    regions: list[Region] = []
    done = 0
    for low, high in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        low = max(low, done)
        count = (high + period - low) // period
        if count < 2:
            continue
        if low > done:
            regions.append(Region(offset + done, low - done, 1, 0))
        regions.append(Region(offset + low, period, count, shift))
        done = low + period * count
    if done < n_rows:
        regions.append(Region(offset + done, n_rows - done, 1, 0))
    return regions


def _equal_rows(rows: Rows, period: int, shift: int) -> NDArray[np.bool_]:
    """For each row that has one a period later: same taps, columns moved by `shift`."""
    n_rows = rows.ptr.size - 1
    if n_rows <= period:
        return np.zeros(0, dtype=bool)
    counts = rows.counts
    equal: NDArray[np.bool_] = counts[:-period] == counts[period:]
    # Compare entry by entry, in the rows whose lengths agree.
    candidates = np.flatnonzero(equal)
    here, owner = _entries(rows.ptr[candidates], counts[candidates])
    there = here + (rows.ptr[candidates + period] - rows.ptr[candidates])[owner]
    width = np.diff(rows.fold)
    same = (rows.cols[there] == rows.cols[here] + shift) & (width[there] == width[here])
    same &= rows.taps[rows.fold[there]] == rows.taps[rows.fold[here]]
    # An entry folded from several taps counts as different: such rows are few and rarely repeat.
    same &= width[here] == 1
    if rows.coefficients is not None:
        factors = rows.coefficients[rows.fold[:-1]]
        same &= factors[there] == factors[here]
    equal[candidates[owner[~same]]] = False
    return equal


def _entries(starts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """All indices ``starts[i] + range(counts[i])`` one after the other, and the i of each."""
    owner = np.repeat(np.arange(counts.size), counts)
    begins = np.cumsum(counts) - counts
    return starts[owner] + np.arange(owner.size) - begins[owner], owner


def _rows(axis: Axis, transposed: bool, start: int, stop: int) -> Rows:
    return transposed_rows(axis, start, stop) if transposed else forward_rows(axis, start, stop)
