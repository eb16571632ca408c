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
from ...pattern import AxisPattern, MatrixPattern

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class OuterRows:
    """The output rows of one channel.

    Parameters
    ----------
    reads : tuple of int array
        For each class, the input rows that its rows read, relative to `place`.
    owner, place : (rows,) int array
        The class of each output row, and what to add to the class's input rows.
    input_rows : int
        Rows of the input in one channel.
    """

    reads: tuple[Ints, ...]
    owner: Ints
    place: Ints
    input_rows: int

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
    axes = pattern.axes[:-1]
    size = [axis.shape[0] for axis in axes]
    steps = _steps(axes)
    owner = np.empty(size, dtype=np.int64)
    place = np.empty(size, dtype=np.int64)
    reads = []
    for number, combination in enumerate(pattern.combinations):
        region = tuple(part.positions for part in combination)
        owner[region] = number
        parts = zip(combination, steps, strict=True)
        place[region] = _outer_sum(
            [np.arange(part.count) * (part.shift * step) for part, step in parts]
        )
        parts = zip(combination, steps, strict=True)
        reads.append(_outer_sum([part.rows.cols * step for part, step in parts]).reshape(-1))
    return OuterRows(
        tuple(reads), owner.reshape(-1), place.reshape(-1), prod(axis.shape[1] for axis in axes)
    )


def _steps(axes: tuple[AxisPattern, ...]) -> list[int]:
    """Distance in input rows between neighbors along each axis."""
    size = [axis.shape[1] for axis in axes]
    return [prod(size[number + 1 :]) for number in range(len(size))]


def _outer_sum(parts: list[Ints]) -> Ints:
    """All sums of one number from each part, an axis per part."""
    return np.asarray(reduce(np.add.outer, parts, np.zeros((), dtype=np.int64)))


def pairs(rows: OuterRows, geometry: ConvGeometry, transposed: bool) -> Ints:
    """Output rows two by two, (pairs, 2), so that partners share input rows; -1 where a row
    stays alone.
    """
    if len(geometry.axes) == 1:
        return np.array([[0, -1]])
    axis = geometry.axes[-2]
    near = axis.n_in if transposed else axis.n_out
    ways = [
        _partners(near, distance, first)
        for distance in sorted({1, axis.dilation, axis.stride})
        for first in {0, min(1, near - 1)}
    ]
    # The middle of the other axes stands for all of them.
    middle = rows.owner.size // near // 2 * near
    best = max(ways, key=lambda way: _shared(rows, way + np.where(way < 0, 0, middle)))
    far = np.arange(0, rows.owner.size, near)[:, None, None]
    return np.where(best < 0, -1, best + far).reshape(-1, 2)


def _partners(count: int, distance: int, first: int) -> Ints:
    """Positions r and r + distance paired from `first` on, blocks of 2 * distance one after the
    other.
    """
    position = np.arange(first, count)
    leading = position[(position - first) // distance % 2 == 0]
    following = np.where(leading + distance < count, leading + distance, -1)
    taken = np.concatenate([leading, following[following >= 0]])
    alone = np.setdiff1d(np.arange(count), taken)
    table = np.concatenate(
        [np.stack([leading, following], axis=1), np.stack([alone, np.full_like(alone, -1)], axis=1)]
    )
    return np.asarray(table[np.argsort(table[:, 0], kind="stable")], dtype=np.int64)


def _shared(rows: OuterRows, table: Ints) -> int:
    """How many input rows the partners share in all."""
    kinds, count = kinds_of_pairs(rows, table)[::2]
    return sum(
        int(number) * np.intersect1d(rows.reads[a], rows.reads[b] + gap).size
        for (a, b, gap), number in zip(kinds.tolist(), np.bincount(count).tolist(), strict=True)
        if b >= 0
    )


def kinds_of_pairs(rows: OuterRows, table: Ints) -> tuple[Ints, Ints, Ints]:
    """Pairs that read alike: (class of a, class of b or -1, how far b's place is from a's), a
    row of each kind; and the kind of each pair.
    """
    a, b = table.T
    alone = b < 0
    kind = np.stack(
        [
            rows.owner[a],
            np.where(alone, -1, rows.owner[b]),
            np.where(alone, 0, rows.place[b] - rows.place[a]),
        ],
        axis=1,
    )
    kinds, first, number = np.unique(kind, axis=0, return_index=True, return_inverse=True)
    return kinds, first, number.reshape(-1)
