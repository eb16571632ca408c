"""Kernels that vary in space as strided copies: where nothing is added up, the entries of rows that
repeat lie evenly in the kernels as well as in the matrix.

A copy goes straight while its rows are short. Long rows go by way of a table, as many at a time as
caches hold: the numbers of one row are far apart in the kernels, often by a power of two, and would
all fall on the same few places of a cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..threads import cached_property, scratch

Slices = tuple[slice, ...]
Steps = tuple[int, ...]

_SHORT = 40  # entries of a row that is copied straight
_TABLE = 1 << 16  # numbers of a table
_NEAR = 8  # numbers of a cache line, or more, that rows one after the other read
_FEW = 1 << 12  # numbers that are copied straight in any case
_LINE = 64  # bytes of a cache line


@dataclass(frozen=True)
class Stretch:
    """`count` things evenly apart in the kernels and in the values, by so many numbers."""

    count: int
    source: int
    target: int


@dataclass(frozen=True)
class Copy:
    """Equal rows, or the same piece of each.

    Parameters
    ----------
    source, target : int
        The first number among the kernels, and the first value.
    rows, entries : tuple of Stretch
        How the rows, and the entries of each row, follow one another.
    """

    source: int
    target: int
    rows: tuple[Stretch, ...]
    entries: tuple[Stretch, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Rows along each of their directions."""
        return tuple(stretch.count for stretch in self.rows)

    @cached_property
    def width(self) -> int:
        """Entries of a row."""
        return prod(stretch.count for stretch in self.entries)

    @cached_property
    def _straight(self) -> bool:
        """Whether no table would help: entries of a row are few and evenly spaced, or numbers of
        rows that follow one another are far apart as well.
        """
        rows = self.rows[-1:] or (Stretch(1, 1, 1),)
        even = self.width <= _SHORT and len(self.entries) <= 1
        return even or rows[0].source != 1 or rows[0].count < _NEAR

    @cached_property
    def _layout(self) -> tuple[tuple[int, ...], Steps, Steps]:
        """Shape of rows and entries, and how far they are apart in the kernels and in the values."""
        every = self.rows + self.entries
        source = tuple(stretch.source for stretch in every)
        target = tuple(stretch.target for stretch in every)
        return tuple(stretch.count for stretch in every), source, target

    def write(self, numbers: NDArray[Any], values: NDArray[Any], rows: Slices = ()) -> None:
        """Copy some of the rows from all numbers of the kernels, flat, to their place among the
        values.
        """
        shape, source_steps, target_steps = self._layout
        source = spread(numbers, self.source, shape, source_steps)
        target = spread(values, self.target, shape, target_steps)
        if rows:
            source, target = source[rows], target[rows]
        if self._straight or target.size < _FEW:
            target[...] = source
            return
        depth = len(self.rows)
        for piece in pieces(target.shape[:depth], self.width, _TABLE):
            _turn(source[piece], target[piece], depth)


def spread(flat: NDArray[Any], first: int, shape: tuple[int, ...], steps: Steps) -> NDArray[Any]:
    """Flat numbers so far apart, from `first` on."""
    size = flat.itemsize
    return np.ndarray(shape, flat.dtype, flat, first * size, [step * size for step in steps])


def _turn(source: NDArray[Any], target: NDArray[Any], depth: int) -> None:
    """Copy rows along so many directions by way of a table that has a row for each entry."""
    order = *range(depth, source.ndim), *range(depth)
    turned = source.transpose(order)
    count = prod(source.shape[:depth])
    table = table_of(source.size // count, count, target.dtype)[:, :count].reshape(turned.shape)
    table[...] = turned
    target.transpose(order)[...] = table


def table_of(rows: int, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Work space for so many rows of so many numbers, an odd number of cache lines apart, since
    otherwise the numbers of an entry would all fall on the same few places of a cache.
    """
    pitch, size = count, dtype.itemsize
    if count * size > _LINE:
        pitch = (-(-count * size // _LINE) | 1) * _LINE // size
    return scratch("local values", (rows, pitch), dtype)


def pieces(shape: Sequence[int], size: int, most: int) -> Iterator[Slices]:
    """An array of items of `size` each cut, in C order, into parts of at most `most` together."""
    axis = len(shape)
    while axis and size * shape[axis - 1] <= most:
        axis -= 1
        size *= shape[axis]
    whole = (slice(None),) * (len(shape) - axis)
    if not axis:
        yield whole
        return
    step = max(1, most // size)
    for outer in np.ndindex(*shape[: axis - 1]):
        fixed = tuple(slice(number, number + 1) for number in outer)
        for start in range(0, shape[axis - 1], step):
            yield *fixed, slice(start, start + step), *whole
