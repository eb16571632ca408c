"""The axes but the last: classes of output rows, and which rows of the input each of them reads.

A *row* is one line of the last axis. Rows whose positions belong to the same progressions of the
axes' patterns read alike, relative to a place of their own: a class. Rows are computed two at a
time, from one reading of the input rows they share.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, reduce
from math import prod

import numpy as np
from numpy.typing import NDArray

from ...geometry import ConvGeometry
from ...pattern import MatrixPattern

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class OuterRows:
    """The output rows of one channel."""

    reads: tuple[Ints, ...]  # the input rows that a class reads, from its place on, ascending
    owner: Ints  # the class of each output row
    place: Ints  # what to add to the input rows of its class
    input_rows: int  # rows of the input in one channel

    @property
    def starts(self) -> Ints:
        """Where the entries of each class begin when all classes' entries stand one after the
        other; at last their end.
        """
        return np.cumsum([0, *(rows.size for rows in self.reads)], dtype=np.int64)


@lru_cache(maxsize=64)
def outer_rows(geometry: ConvGeometry, transposed: bool) -> OuterRows:
    """The rows of C, or of C^T."""
    pattern = MatrixPattern(geometry, transposed)
    size, inputs = zip(*(axis.shape for axis in pattern.axes), strict=True)
    steps = [prod(inputs[number + 1 : -1]) for number in range(len(inputs) - 1)]
    owner = np.empty(size[:-1], dtype=np.int64)
    place = np.empty(size[:-1], dtype=np.int64)
    reads = []
    for number, combination in enumerate(pattern.combinations):
        parts = list(zip(combination, steps, strict=True))
        region = tuple(part.positions for part in combination)
        owner[region] = number
        place[region] = sums_of([step * part.shift * np.arange(part.count) for part, step in parts])
        reads.append(sums_of([step * part.rows.cols for part, step in parts]).reshape(-1))
    return OuterRows(tuple(reads), owner.reshape(-1), place.reshape(-1), prod(inputs[:-1]))


def sums_of(parts: list[Ints]) -> Ints:
    """All sums of one number from each part, an axis per part."""
    return np.asarray(reduce(np.add.outer, parts, np.zeros((), dtype=np.int64)))


def pairs(rows: OuterRows, geometry: ConvGeometry, transposed: bool) -> Ints:
    """Output rows two by two, (pairs, 2), so that partners share input rows; -1 where a row stays
    alone.
    """
    if len(geometry.axes) == 1:
        return _partners(rows.owner.size, rows.owner.size, 0)
    axis = geometry.axes[-2]
    near = axis.n_in if transposed else axis.n_out
    far = np.arange(0, rows.owner.size, near)
    middle = far[far.size // 2]  # of the other axes: it stands for all of them
    ways = [
        _partners(near, distance, first)
        for distance in sorted({1, axis.dilation, axis.stride})
        for first in range(min(2, near))
    ]
    best = max(ways, key=lambda way: _shared(rows, np.where(way < 0, -1, way + middle)))
    return np.where(best < 0, -1, best + far[:, None, None]).reshape(-1, 2)


def _partners(count: int, distance: int, first: int) -> Ints:
    """Positions r and r + distance paired from `first` on, which is at most `distance`, twice
    `distance` at a time.
    """
    position = np.arange(count)
    leads = (position < first) | ((position - first) % (2 * distance) < distance)
    partner = np.where(position + distance < count, position + distance, -1)
    partner[:first] = -1
    return np.stack([position, partner], axis=1)[leads]


def _shared(rows: OuterRows, table: Ints) -> int:
    """How many input rows the partners share in all."""
    kinds, kind = kinds_of_pairs(rows, table)
    return sum(
        number * np.intersect1d(rows.reads[a], rows.reads[b] + gap).size
        for (a, b, gap), number in zip(kinds.tolist(), np.bincount(kind).tolist(), strict=True)
        if b >= 0
    )


def kinds_of_pairs(rows: OuterRows, table: Ints) -> tuple[Ints, Ints]:
    """Pairs that read alike: (class of a, class of b or -1, how far b's place is from a's), a
    row of each kind; and the kind of each pair.
    """
    a, b = table.T
    gap = rows.place[b] - rows.place[a]
    kind = np.stack([rows.owner[a], rows.owner[b], gap], axis=1)
    kind[b < 0, 1:] = -1, 0
    kinds, number = np.unique(kind, axis=0, return_inverse=True)
    return kinds, number.reshape(-1)
