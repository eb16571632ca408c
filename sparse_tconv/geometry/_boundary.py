"""What lies outside an axis: the table of boundary conditions.

A mode says what stands at each position of the extended axis: a sum of multiples of samples. The
five modes of copies, one sample and coefficient 1, mean exactly what ``numpy.pad`` means by
constant, wrap, reflect, symmetric and edge, for a border of any width; 'antireflect' is its odd
reflection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
# Position p + i holds (coefficient + slope * i) * sample (sample + step * i); no sample repeats
# beyond the axis.
Run = tuple[int, int, int, int]  # sample, step, coefficient, slope
# What stands at a position and behind it, and where that ends; None if it never does.
Runs = tuple[tuple[Run, ...], int | None]

OUTSIDE = -1


def _edge(n: int, position: int) -> Runs:
    return ((0 if position < 0 else n - 1, 0, 1, 0),), 0 if position < 0 else None


def _zeros(n: int, position: int) -> Runs:
    return (), 0 if position < 0 else None


def _circle(n: int, position: int) -> Runs:
    return ((position % n, 1, 1, 0),), position - position % n + n


def _mirrored(mode: str, sign: int = 1) -> Callable[[int, int], Runs]:
    """Forward and backward in turn; backward times a sign."""

    def runs(n: int, position: int) -> Runs:
        if n == 1 and sign == 1:
            return _edge(n, position)
        period, turn = mirror(mode, n)
        phase = position % period
        if phase < n:
            return ((phase, 1, 1, 0),), position - phase + n
        return (((turn - phase) % period, -1, sign, 0),), position - phase + period

    return runs


def _antireflected(n: int, position: int) -> Runs:
    """Mirrored through the points at the edges: every period adds twice the rise of the axis."""
    if n == 1:
        return _edge(n, position)
    period, _ = mirror("reflect", n)
    rises, phase = divmod(position, period)
    if phase < n:
        main, end, last = (phase, 1, 1, 0), n, 2 * rises
    else:
        main, end, last = (period - phase, -1, -1, 0), period, 2 * rises + 2
    ends = ((n - 1, 0, last, 0), (0, 0, -2 * rises, 0))
    return (main, *(run for run in ends if run[2])), position - phase + end


def _lines(n: int, position: int) -> Runs:
    """The lines through the two samples at each end."""
    if n == 1:
        return _edge(n, position)
    if position < 0:
        return ((0, 0, 1 - position, -1), (1, 0, position, 1)), 0
    ahead = position - n + 1
    return ((n - 1, 0, 1 + ahead, 1), (n - 2, 0, -ahead, -1)), None


# What stands at a position outside the axis; inside stand the samples themselves.
_TABLE: dict[str, Callable[[int, int], Runs]] = {
    "zeros": _zeros,
    "circular": _circle,
    "reflect": _mirrored("reflect"),
    "symmetric": _mirrored("symmetric"),
    "replicate": _edge,
    "antireflect": _antireflected,
    "antisymmetric": _mirrored("symmetric", -1),
    "smooth": _lines,
}
_COPIES = frozenset(("zeros", "circular", "reflect", "symmetric", "replicate"))


def copies(mode: str) -> bool:
    """Whether each position holds one sample at most, and that itself."""
    return mode in _COPIES


def repeats(mode: str) -> bool:
    """Whether all of an axis is met again and again, so that what stands there is listed run by
    run.
    """
    return _TABLE[mode](3, -1 << 20)[1] != 0


def runs(mode: str, n: int, start: int, stop: int) -> Iterator[tuple[int, int, tuple[Run, ...]]]:
    """Ranges (first, last) of the positions start .. stop - 1, and the runs whose sum stands there."""
    while start < stop:
        found: Runs = (((start, 1, 1, 0),), n) if 0 <= start < n else _TABLE[mode](n, start)
        end = stop if found[1] is None else min(found[1], stop)
        yield start, end, found[0]
        start = end


def held(mode: str, position: Ints, n: int) -> tuple[Ints, Ints, Ints | None]:
    """What positions of the extended axis hold: entries (number of the position, flat; sample;
    coefficient), none of them zero, ordered by number, each sample once.

    No coefficients where all are 1.
    """
    flat = position.reshape(-1)
    if copies(mode):
        sample = source(mode, flat, n)
        number = np.flatnonzero(sample != OUTSIDE)
        return number, sample[number], None
    if not flat.size:
        return flat, flat, None
    found = list(runs(mode, n, int(flat.min()), int(flat.max()) + 1))
    start = np.array([first for first, _, _ in found])
    which = np.searchsorted(start, flat, side="right") - 1
    ahead = flat - start[which]
    number = np.arange(flat.size)
    parts = []
    for column in zip_longest(*(terms for _, _, terms in found), fillvalue=(0, 0, 0, 0)):
        sample, step, coefficient, slope = np.array(column, dtype=np.int64)[which].T
        parts.append((number, sample + step * ahead, coefficient + slope * ahead))
    return _net(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _net(number: Ints, sample: Ints, coefficient: Ints) -> tuple[Ints, Ints, Ints | None]:
    """Entries of one position and sample added up, and those that come to zero left out."""
    order = np.lexsort((sample, number))
    number, sample, coefficient = number[order], sample[order], coefficient[order]
    first = np.ones(number.size, dtype=bool)
    first[1:] = (np.diff(number) != 0) | (np.diff(sample) != 0)
    total = np.add.reduceat(coefficient, np.flatnonzero(first))
    kept = total != 0
    return number[first][kept], sample[first][kept], total[kept]


def source(mode: str, position: Ints, n: int) -> Ints:
    """The index in range(n) that each position repeats, or OUTSIDE where it is zero, under a mode
    of copies: what :func:`held` says, in closed form.
    """
    if mode == "zeros":
        return np.where((position >= 0) & (position < n), position, OUTSIDE)
    if mode == "circular":
        return position % n
    if mode == "replicate":
        return np.clip(position, 0, n - 1)
    period, turn = mirror(mode, n)
    phase = position % period
    return np.minimum(phase, (turn - phase) % period)


def mirror(mode: str, n: int) -> tuple[int, int]:
    """Period of a mirrored axis, and the turn c for which positions e and c - e repeat the same
    sample.

    Half-sample symmetry ('symmetric') repeats the edge sample, whole-sample symmetry ('reflect')
    does not; an axis of length 1 has only one sample to repeat.
    """
    if mode == "symmetric":
        return 2 * n, -1
    return max(2 * (n - 1), 1), 0
