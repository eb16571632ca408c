"""A correlation of stride 1 as correlations of long rows, block by block in cache.

The extended sample is one flat line: a tap of an outer axis is a constant offset, and all windows
of a block are one run of it. A run that crosses the end of a row computes a few windows that do not
exist, and they are dropped. ``numpy.correlate`` has compiled loops for up to 11 taps, releases the
lock and stays out of BLAS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ..threads import lock, run
from .separable import factors
from .unit_stride import UnitStride

LONGEST = 11  # taps for which numpy.correlate has a compiled loop
BLOCK_BYTES = 1 << 18  # a block, its sum and one term stay in a core's own cache
TAPS_FOR_THREADS = 1 << 20  # windows times taps; below, starting threads takes longer than the work


class Piece(NamedTuple):
    """Consecutive taps along the last axis: the channel they read, where the first one reads,
    and their values.
    """

    channel: int
    offset: int
    taps: NDArray[Any]


class Block(NamedTuple):
    """Windows computed together: their place in the result, where the first one reads, their
    sizes, and the length of the run.
    """

    place: tuple[int | slice, ...]
    offset: int
    sizes: tuple[int, ...]
    length: int


class RowCorrelation:
    """C or C^T of one real kernel.

    Parameters
    ----------
    unit : UnitStride
        The correlation, without circles.
    weight : array of ``geometry.weight_shape``
        The kernel.
    """

    def __init__(self, unit: UnitStride, weight: NDArray[Any]) -> None:
        self.unit, self.weight = unit, weight
        self.lengths = tuple(line.length for line in unit.lines)
        self.steps = tuple(prod(self.lengths[number + 1 :]) for number in range(len(self.lengths)))
        self._taps = unit.taken * prod(unit.kernel_size)
        self.nbytes = 0
        self._sums: list[list[Callable[..., NDArray[Any]]]] | None = None
        self._lock = lock()

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """The product with a batch of samples with a channel axis."""
        unit, sums = self.unit, self.sums()
        lines = unit.collect(x, self.lengths).reshape(len(x), unit.groups, unit.taken, -1)
        result = unit.room(len(x), unit.windows, x.dtype)
        strides = tuple(step * x.itemsize for step in self.steps)

        def compute(item: tuple[int, int, int, Block]) -> None:
            sample, group, channel, block = item
            with np.errstate(
                over="ignore", invalid="ignore"
            ):  # as compiled products; the pool's threads have a state of their own
                line = sums[group][channel](lines[sample, group], block.offset, block.length)
            result[(sample, group, channel, *block.place)] = as_strided(
                line, block.sizes, strides[-len(block.sizes) :]
            )

        blocks = list(self.blocks(x.itemsize))
        over = (range(len(x)), range(unit.groups), range(unit.given))
        items = [
            (b, g, c, block) for b in over[0] for g in over[1] for c in over[2] for block in blocks
        ]
        if (
            sum(block.length for block in blocks) * len(items) // len(blocks) * self._taps
            < TAPS_FOR_THREADS
        ):
            for item in items:
                compute(item)
        else:
            run(compute, items)
        return unit.deliver(result)

    def blocks(self, itemsize: int) -> Iterator[Block]:
        """The windows of one channel in blocks: a range of one axis at one place of the axes
        before it.
        """
        windows, steps = self.unit.windows, self.steps
        split, rows = cut(self.unit, itemsize)
        tail = sum(
            (size - 1) * step
            for size, step in zip(windows[split + 1 :], steps[split + 1 :], strict=True)
        )
        for outer in np.ndindex(*windows[:split]):
            start = sum(place * step for place, step in zip(outer, steps, strict=False))
            for row in range(0, windows[split], rows):
                count = min(rows, windows[split] - row)
                length = (count - 1) * steps[split] + tail + 1
                sizes = (count, *windows[split + 1 :])
                yield Block(
                    (*outer, slice(row, row + count)), start + row * steps[split], sizes, length
                )

    def sums(self) -> list[list[Callable[..., NDArray[Any]]]]:
        """For each group and channel given, what computes a run of windows; made once."""
        with self._lock:
            if self._sums is None:
                kernel = self.unit.kernel(self.weight)
                self.nbytes = kernel.nbytes
                self._sums = [[self._sum(channel) for channel in group] for group in kernel]
            return self._sums

    def _sum(self, kernel: NDArray[Any]) -> Callable[..., NDArray[Any]]:
        """What computes a run of windows of one channel: axis by axis if the kernel allows, else
        tap by tap.
        """
        pieces = list(self._pieces(kernel))
        parts = factors(kernel[0]) if len(kernel) == 1 and kernel.ndim > 2 else None
        if parts is None or separable_passes(kernel.shape[1:]) > sum(
            len(piece.taps) for piece in pieces
        ):
            return lambda lines, offset, length: _tap_by_tap(pieces, lines, offset, length)
        outer = list(zip(parts[:-1], self.steps[:-1], strict=True))
        last = list(pieces_of(parts[-1]))
        return lambda lines, offset, length: _axis_by_axis(outer, last, lines[0], offset, length)

    def _pieces(self, kernel: NDArray[Any]) -> Iterator[Piece]:
        """The taps of one channel given, cut into pieces that are not all zero."""
        for channel, *outer in np.ndindex(*kernel.shape[:-1]):
            offset = sum(place * step for place, step in zip(outer, self.steps, strict=False))
            for start, taps in pieces_of(kernel[(channel, *outer)]):
                yield Piece(channel, offset + start, taps)


def cut(unit: UnitStride, itemsize: int) -> tuple[int, int]:
    """The axis along which blocks are cut, and how many of its windows make a block."""
    sizes = [
        itemsize * prod(line.length for line in unit.lines[number + 1 :])
        for number in range(len(unit.lines))
    ]
    split = next(
        number
        for number, size in enumerate(sizes)
        if size <= BLOCK_BYTES or number == len(sizes) - 1
    )
    return split, max(BLOCK_BYTES // sizes[split], 1)


def separable_passes(kernel_size: tuple[int, ...]) -> int:
    """What axis by axis costs, in taps of a row correlation."""
    return sum(kernel_size[:-1]) * 3 + kernel_size[-1]


def pieces_of(row: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Start and taps of the pieces of one row, leading and trailing zeros left out."""
    places = np.flatnonzero(row)
    while len(places):
        within = places[places < places[0] + LONGEST]
        yield int(places[0]), np.ascontiguousarray(row[places[0] : within[-1] + 1])
        places = places[len(within) :]


def _tap_by_tap(pieces: list[Piece], lines: NDArray[Any], offset: int, length: int) -> NDArray[Any]:
    """A run of windows as a sum over pieces of rows."""
    total: NDArray[Any] | None = None
    for channel, place, taps in pieces:
        start = offset + place
        term = np.correlate(lines[channel, start : start + length + len(taps) - 1], taps)
        if total is None:
            total = term
        else:
            total += term
    return np.zeros(length, dtype=lines.dtype) if total is None else total


def _axis_by_axis(
    outer: list[tuple[NDArray[Any], int]],
    last: list[tuple[int, NDArray[Any]]],
    line: NDArray[Any],
    offset: int,
    length: int,
) -> NDArray[Any]:
    """A run of windows by one pass per axis; each pass leaves what the later ones read."""
    reach = sum((len(taps) - 1) * step for taps, step in outer) + last[-1][0] + len(last[-1][1]) - 1
    part = line[offset : offset + length + reach]
    for taps, step in outer:
        kept = len(part) - (len(taps) - 1) * step
        total = part[:kept] * taps[0]
        term = np.empty_like(total)
        for place, tap in enumerate(taps[1:], 1):
            np.multiply(part[place * step : place * step + kept], tap, out=term)
            total += term
        part = total
    return _tap_by_tap([Piece(0, start, taps) for start, taps in last], part[None], 0, length)
