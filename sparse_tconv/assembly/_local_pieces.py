"""The rows of a block whose entries are numbers of the kernels themselves, cut into pieces that lie
evenly in the kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geometry import ConvGeometry
from ..pattern import Block, MatrixPattern, Region
from ._local_copies import Copy, Stretch
from ._local_rows import numbers_of

Ints = NDArray[np.int64]

_ALWAYS = 64  # copies for the rows of a region, which may be small
_WORTH = 1 << 11  # numbers of each of more copies


@dataclass(frozen=True)
class KernelSteps:
    """How far numbers of the kernels are apart whose places differ by 1.

    Parameters
    ----------
    group, row, col : int
        Along channel groups, channels of the matrix's rows and of its columns.
    taps, positions : tuple of int
        Along the axes of the kernels, and of their positions.
    """

    group: int
    row: int
    col: int
    taps: tuple[int, ...]
    positions: tuple[int, ...]

    @classmethod
    def of(cls, geometry: ConvGeometry, transposed: bool) -> KernelSteps:
        """Those of kernels in C order."""
        channels = geometry.y_channels // geometry.groups, geometry.x_channels // geometry.groups
        places = *geometry.kernel_size, *(axis.n_out for axis in geometry.axes)
        shape = *channels, *places
        steps = [prod(shape[number:]) for number in range(len(shape) + 1)]
        row, col = (2, 1) if transposed else (1, 2)
        n = len(geometry.axes)
        return cls(steps[0], steps[row], steps[col], tuple(steps[3 : 3 + n]), tuple(steps[3 + n :]))


class _Piece(NamedTuple):
    """Entries from `first` on whose numbers lie evenly, `step` apart, from `source` on."""

    first: int
    size: int
    source: int
    step: int


def _pieces_of(places: Ints) -> list[_Piece]:
    """Places, one for each entry, as pieces that are evenly spaced."""
    found = []
    listed: list[int] = places.tolist()
    first = 0
    while first < len(listed):
        step = listed[first + 1] - listed[first] if first + 1 < len(listed) else 1
        stop = first + 1
        while stop < len(listed) and listed[stop] - listed[stop - 1] == step:
            stop += 1
        found.append(_Piece(first, stop - first, listed[first], step))
        first = stop
    return found


class BlockCopies:
    """What copies the rows of a block to their places.

    Parameters
    ----------
    pattern : MatrixPattern
        The matrix's.
    steps : KernelSteps
        Where the kernels' numbers lie.
    block : Block
        One of the pattern's, nothing of whose outer axes is added up.
    """

    def __init__(self, pattern: MatrixPattern, steps: KernelSteps, block: Block) -> None:
        geometry = pattern.geometry
        self._last, self._flip, self._steps = pattern.axes[-1], geometry.flip, steps
        self._block, self._outer = block, pattern.outer_entries(block.progressions)
        groups, channels = geometry.groups, pattern.row_channels // geometry.groups
        per = pattern.nnz // pattern.row_channels
        self._slabs = [
            Stretch(groups, steps.group, channels * per),
            Stretch(channels, steps.row, per),
        ]
        self._cols = pattern.col_channels
        ways = []
        for axis, part, to, tap, position in zip(
            pattern.axes, block.progressions, block.steps, steps.taps, steps.positions, strict=False
        ):
            moved = part.shift if pattern.transposed else part.step
            self._slabs.append(Stretch(part.count, moved * position, to))
            taps, positions = numbers_of(axis, self._flip, part.rows, part.start)
            ways.append(_pieces_of(taps * tap + positions * position))
        self._sizes = [part.rows.cols.size for part in block.progressions]
        self._ways = list(product(*ways))
        self._numbers = self._outer * prod(stretch.count for stretch in self._slabs)

    def of(self, region: Region, done: int) -> list[Copy] | None:
        """What copies a region of the last axis that follows so many entries of it; None if it is
        folded, or too much of it is uneven.
        """
        axis, steps = self._last, self._steps
        rows = axis.rows(region)
        size = rows.cols.size
        most = max(_ALWAYS, self._numbers * size * region.count // _WORTH)
        if rows.folded or region.period * len(self._ways) > most:
            return None
        taps, positions = numbers_of(axis, self._flip, rows, region.start)
        places = taps * steps.taps[-1] + positions * steps.positions[-1]
        moved = region.shift if axis.transposed else region.period
        again = Stretch(region.count, moved * steps.positions[-1], self._outer * size)
        copies = []
        for first, stop in pairwise(rows.ptr.tolist()):
            start = self._block.offset + self._outer * (done + first)
            for last in _pieces_of(places[first:stop]):
                for outer in self._ways:
                    copies.append(self._copy(start, again, [*outer, last], stop - first))
            if len(copies) > most:
                return None
        return copies

    def _copy(self, target: int, again: Stretch, pieces: list[_Piece], width: int) -> Copy:
        """The copy of some pieces of rows that have so many entries along the last axis."""
        source, step, entries = 0, 1, []
        for piece, size in zip(reversed(pieces), [width, *reversed(self._sizes)], strict=True):
            entries.append(Stretch(piece.size, piece.step, step))
            source += piece.source
            target += piece.first * step
            step *= size
        entries.append(Stretch(self._cols, self._steps.col, step))
        return Copy(source, target, _merged(*self._slabs, again), _merged(*reversed(entries)))


def _merged(*stretches: Stretch) -> tuple[Stretch, ...]:
    """Those of more than one thing, from the outermost to the innermost, as few as they can be."""
    found: list[Stretch] = []
    for own in stretches:
        if own.count == 1:
            continue
        if found and (found[-1].source, found[-1].target) == (
            own.source * own.count,
            own.target * own.count,
        ):
            own = Stretch(own.count * found.pop().count, own.source, own.target)
        found.append(own)
    return tuple(found)
