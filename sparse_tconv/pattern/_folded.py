"""Any part of the matrix of an axis that windows read again and again: a kernel much longer than
its axis, or windows far beyond it.

An entry is the sum of many taps then. Its terms are not these but sums of them, which windows
share and which are made once: of the taps that a period apart read the same sample, and, towards
each end of the axis, of all taps up to some tap, and of these sums. Factors grow with the distance
from the end, so that nothing that is added up cancels.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import Axis, End, copies, folding, folds, folds_alone, spacing
from ..threads import cached_property
from ._patch import Patch, Patches, net
from ._rows import Ints, Rows, canonical

_AT_ONCE = 1 << 11  # windows whose terms are counted, or listed, in one go
_FEWER = 8  # times fewer sums than taps are met: the others are not kept

# Window, sample, term and factor of some terms.
_Terms = tuple[Ints, Ints, Ints, Ints]


class FoldedPatches:
    """The parts of the matrix of one axis, or of its transpose, whose entries are sums of *terms*:
    those of :meth:`terms`, in place of taps.
    """

    def __init__(self, axis: Axis, transposed: bool) -> None:
        self._axis, self._transposed = axis, transposed
        self._folding, self._spacing = folding(axis), spacing(axis)
        self._main = min(axis.k, self._spacing) if self._folding.period else axis.k
        self._grows = any(end.rise for end in self._folding.ends)
        length = max((end.length for end in self._folding.ends), default=1)
        # Steps of a staircase before it repeats, or taps if these are fewer.
        self._steps = min(axis.dilation, length) // gcd(axis.dilation, length)

    @property
    def taps(self) -> int:
        """Taps of the axis."""
        return self._axis.k

    @property
    def size(self) -> int:
        """How many terms there are."""
        if self._met is not None:
            return self._main + self._met.size
        tables = 0 if not self._folding.ends else 4 if self._grows else 2
        return self._main + tables * self._axis.k

    @cached_property
    def _met(self) -> Ints | None:
        """The sums towards the ends that windows meet, where these are few beside the taps; None if
        all are kept.
        """
        axis = self._axis
        if _FEWER * axis.n_out * (1 + self._steps) > axis.k:
            return None
        every = self._ends(self._starts(0, axis.n_out), (0, axis.n_in))
        met = [term for end in every for _, _, term, _ in self._towards(*end)]
        return np.unique(np.concatenate(met)) if met else np.zeros(0, dtype=np.int64)

    @property
    def whole(self) -> Patch:
        """The matrix."""
        rows, cols = self._axis.n_out, self._axis.n_in
        return Patch(0, cols, 0, rows) if self._transposed else Patch(0, rows, 0, cols)

    def terms(self, values: NDArray[Any], axis: int, ufunc: np.ufunc = np.add) -> NDArray[Any]:
        """`values` with the tap axis replaced by the terms, or by another `ufunc` of their taps."""
        taps, k = np.moveaxis(values, axis, 0), self._axis.k
        made = np.empty((self.size, *taps.shape[1:]), taps.dtype)
        if self._main == k:
            made[:k] = taps
        else:
            rounds, rest = _in_rounds(taps, self._spacing)
            ufunc.reduce(rounds, axis=0, dtype=taps.dtype, out=made[: self._main])
            ufunc(made[: len(rest)], rest, out=made[: len(rest)])
        done, first = self._main, self._main
        for table in self._tables(taps, ufunc):
            if self._met is not None:
                own = self._met[slice(*np.searchsorted(self._met, (first, first + k)))]
                table = table[own - first]
            made[done : done + len(table)] = table
            done, first = done + len(table), first + k
        return np.moveaxis(made, 0, axis)

    def _tables(self, taps: NDArray[Any], ufunc: np.ufunc) -> Iterator[NDArray[Any]]:
        """All sums towards the ends, each table in the place of the one before."""
        if not self._folding.ends:
            return
        for side in (taps, taps[::-1]):
            table = ufunc.accumulate(side, axis=0, dtype=side.dtype)
            yield table
            if self._grows:
                table = np.ascontiguousarray(table)
                _accumulate(table, self._spacing, ufunc)
                yield table

    def readings(self, patch: Patch, most: int) -> int:
        """How many terms the entries of a part have, no fewer than entries; counted up to `most`
        and some.
        """
        windows, samples = self._sides(patch)
        found = 0
        for first in range(*windows, _AT_ONCE):
            start = self._starts(first, min(first + _AT_ONCE, windows[1]))
            if self._folding.period:
                sides = 1 if self._folding.turn is None else 2
                common = self._folding.period // self._spacing
                each = -((samples[0] - samples[1]) // common)
                found += start.size * min(sides * each, self._main)
            else:
                low, high = self._inside(start, samples)
                found += int((high - low).sum())
            for place, _, end, _ in self._ends(start, samples):
                beyond = int(np.count_nonzero(self._beyond(place)))
                found += beyond * (1 + self._steps if end.rise else 1)
            if found > most:
                break
        return found

    def rows(self, patch: Patch) -> Rows:
        """A part's rows, counted from its first one; columns are those of the matrix."""
        windows, samples = self._sides(patch)
        found: list[_Terms] = [(np.zeros(0, dtype=np.int64),) * 4]
        for first in range(*windows, _AT_ONCE):
            start = self._starts(first, min(first + _AT_ONCE, windows[1]))
            for window, sample, term, factor in self._met_by(start, samples):
                found.append((window + first, sample, term, factor))
        window, sample, term, factor = (np.concatenate(part) for part in zip(*found, strict=True))
        del found
        if self._met is not None:
            met = self._main + np.searchsorted(self._met, term)
            term = np.where(term < self._main, term, met)
        row, col = (sample, window) if self._transposed else (window, sample)
        row -= patch.row_start
        n_rows = patch.row_stop - patch.row_start
        if copies(self._axis.mode) and self._folding.turn is None:
            return canonical(row, col, term, n_rows)
        return canonical(*net(row, col, term, factor, n_rows))

    def _met_by(self, start: Ints, samples: tuple[int, int]) -> Iterator[_Terms]:
        """The terms of some windows."""
        yield (self._repeated if self._folding.period else self._read)(start, samples)
        for end in self._ends(start, samples):
            yield from self._towards(*end)

    def _sides(self, patch: Patch) -> tuple[tuple[int, int], tuple[int, int]]:
        """Windows and samples of a part, but for windows that do not reach the samples."""
        rows, cols = patch[:2], patch[2:]
        windows, samples = (cols, rows) if self._transposed else (rows, cols)
        nothing = np.zeros(0, dtype=np.int64)
        if not self._folding.period and not any(self._ends(nothing, samples)):
            axis = self._axis
            first = -((axis.dilation * (axis.k - 1) - axis.before - samples[0]) // axis.stride)
            stop = (samples[1] - 1 + axis.before) // axis.stride + 1
            windows = max(windows[0], first), min(windows[1], stop)
        return windows, samples

    def _starts(self, first: int, stop: int) -> Ints:
        """The position that each window reads with its first tap."""
        return np.arange(first, stop, dtype=np.int64) * self._axis.stride - self._axis.before

    def _inside(self, start: Ints, samples: tuple[int, int]) -> tuple[Ints, Ints]:
        """The taps low .. high - 1 by which each window reads some samples on the axis itself."""
        low, high = (-((start - sample) // self._axis.dilation) for sample in samples)
        return np.clip(low, 0, self._axis.k), np.clip(high, 0, self._axis.k)

    def _read(self, start: Ints, samples: tuple[int, int]) -> _Terms:
        """What windows read on the axis itself."""
        low, high = self._inside(start, samples)
        counts = high - low
        window = np.repeat(np.arange(start.size), counts)
        tap = np.arange(window.size) + (low - np.cumsum(counts) + counts)[window]
        sample = start[window] + self._axis.dilation * tap
        return window, sample, tap, np.ones_like(tap)

    def _repeated(self, start: Ints, samples: tuple[int, int]) -> _Terms:
        """What repeats with the period: the first of the taps that read each sample, forward and
        backward.
        """
        period, turn, sign, _ = self._folding
        common = period // self._spacing
        inverse = pow(self._axis.dilation // common, -1, self._spacing) if self._spacing > 1 else 0
        further = common * np.arange(-((samples[0] - samples[1]) // common))
        # Which way positions go on, and the sample, or one as far away, where the first tap reads.
        sides = [(1, 1, start)]
        if turn is not None:
            sides.append((-1, sign, turn - start))
        parts: list[_Terms] = []
        for way, factor, place in sides:
            sample = samples[0] + (place[:, None] - samples[0]) % common + further
            ahead = way * ((sample - place[:, None]) // common) % self._spacing
            tap = ahead * inverse % self._spacing
            hits = (sample < samples[1]) & (tap < self._main)
            if turn is not None and way < 0:
                hits &= (turn - sample) % period != sample
            window = np.nonzero(hits)[0]
            parts.append((window, sample[hits], tap[hits], np.full(window.size, factor)))
        window, found, tap, factors = (np.concatenate(part) for part in zip(*parts, strict=True))
        return window, found, tap, factors

    def _ends(self, start: Ints, samples: tuple[int, int]) -> Iterator[tuple[Ints, int, End, int]]:
        """The ends of some samples, in front of the axis and, in its mirror image, behind it: where
        the first tap of each window reads, the number of the first term, the end, its sample.
        """
        axis = self._axis
        mirrored = axis.n_in - 1 - (start + axis.dilation * (axis.k - 1))
        term = self._main
        for behind, place in enumerate((start, mirrored)):
            for end in self._folding.ends:
                sample = axis.n_in - 1 - end.sample if behind else end.sample
                if samples[0] <= sample < samples[1]:
                    yield place + end.shift, term, end, sample
            term += (2 if self._grows else 1) * axis.k

    def _beyond(self, place: Ints) -> Ints:
        """How many taps read beyond an end, from the first one on."""
        return np.clip(-(place // self._axis.dilation), 0, self._axis.k)

    def _towards(self, place: Ints, term: int, end: End, sample: int) -> Iterator[_Terms]:
        """What windows read of one end.

        The nearest tap tells what all taps beyond the end have in common, and each step of the
        staircase what those behind it have more; steps that a period apart repeat it are one term.
        """
        k, d = self._axis.k, self._axis.dilation
        beyond = self._beyond(place)
        window = np.flatnonzero(beyond)
        place, last = place[window], beyond[window] - 1
        factor = end.sign * (end.base - end.rise * ((place + d * last) // end.length))
        yield window, np.full(window.size, sample), term + last, factor
        if not end.rise:
            return
        if d < end.length:
            level = -((place + d * last) // end.length)[:, None] + np.arange(self._steps)
            tap = self._beyond(place[:, None] + end.length * level) - 1
            step = np.ones_like(tap)
        else:
            tap = last[:, None] - np.arange(1, self._steps + 1)
            at = place[:, None] + d * tap
            step = (at + d) // end.length - at // end.length
        hits = tap >= 0
        window = window[np.nonzero(hits)[0]]
        factor = end.sign * end.rise * step[hits]
        yield window, np.full(window.size, sample), term + k + tap[hits], factor


def patches(axis: Axis, transposed: bool, far: bool) -> Patches | FoldedPatches:
    """The parts of the matrix of one axis; of sums of taps where it folds and these are looked
    for.
    """
    folded = folds_alone(axis) or (far and folds(axis))
    return (FoldedPatches if folded else Patches)(axis, transposed)


def _accumulate(taps: NDArray[Any], spacing: int, ufunc: np.ufunc) -> None:
    """To each tap, along the first axis, all before that are a multiple of the spacing away."""
    rounds, rest = _in_rounds(taps, spacing)
    ufunc.accumulate(rounds, axis=0, dtype=taps.dtype, out=rounds)
    if len(rounds):
        ufunc(rest, rounds[-1, : len(rest)], out=rest)


def _in_rounds(taps: NDArray[Any], spacing: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Views of taps as rounds of as many as the spacing, and of those behind the last of them."""
    whole = len(taps) // spacing * spacing
    return taps[:whole].reshape(whole // spacing, spacing, *taps.shape[1:]), taps[whole:]
