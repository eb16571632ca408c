"""Parts of rows written from a table of runs of kernels: turned where it is a strided view, number by
number elsewhere.
"""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ..pattern import Rows, row_order
from ._local_rows import Part, Run, spacing

Ints = NDArray[np.int64]

_NARROW = 4  # entries of a row: a loop over rows is longer


def written(
    part: Part, own: Run, outer: int, slabs: tuple[int, ...], table: NDArray[Any]
) -> Turned | Gathered:
    """What writes a part of a run from tables like this one."""
    places = (part.taps - own.taps.start) * table.shape[1] + part.near
    places += part.moved - own.positions.start
    between = spacing(places)
    where = _Place(part, own, outer, slabs, table)
    if between is None or part.rows.folded or len(part.rows.counts) > 1:
        return Gathered(where, part.rows, places)
    return Turned(where, int(places[0]), between, places.size)


class _Place:
    """The entries of a part among those of slabs, and how its rows are apart in a table."""

    def __init__(
        self, part: Part, own: Run, outer: int, slabs: tuple[int, ...], table: NDArray[Any]
    ) -> None:
        width = len(own.positions)
        self._part, self.outer, self.shape = part, outer, (*slabs, part.count)
        self.between = table.size // outer
        steps = [width * prod(slabs[number:]) for number in range(1, len(slabs) + 1)]
        self.steps = *steps, part.step

    def of(self, target: NDArray[Any]) -> NDArray[Any]:
        """The part's entries (*slabs, repetitions, entries)."""
        return self._part.of(target, self.outer)


class Turned:
    """Writes a part whose numbers are a strided view of the table."""

    def __init__(self, where: _Place, start: int, between: int, count: int) -> None:
        self._where, self._start = where, start
        self._steps = where.between, between, *where.steps
        self._shape = where.outer, count, *where.shape
        self._order = *range(2, len(self._shape)), 0, 1
        self._narrow = where.outer * count <= _NARROW

    def write(self, table: NDArray[Any], target: NDArray[Any]) -> None:
        """Write the part's entries of some slabs."""
        entries, flat = self._where.of(target), table.reshape(-1)
        strides = [flat.itemsize * step for step in self._steps]
        numbers = as_strided(flat[self._start :], self._shape, strides)
        if not self._narrow:
            entries.reshape(*self._shape[2:], *self._shape[:2])[...] = numbers.transpose(
                self._order
            )
            return
        for number, entry in enumerate(np.ndindex(self._shape[:2])):
            entries[..., number] = numbers[entry]


class Gathered:
    """Writes a part number by number, added up where an entry has several."""

    def __init__(self, where: _Place, rows: Rows, places: Ints) -> None:
        self._where, self._rows = where, rows
        self._order = row_order(rows, where.outer)
        moves = [np.arange(n) * step for step, n in zip(where.steps, where.shape, strict=True)]
        self._places = reduce(
            np.add.outer, [np.arange(where.outer) * where.between, places, *moves]
        )

    def write(self, table: NDArray[Any], target: NDArray[Any]) -> None:
        """Write the part's entries of some slabs."""
        found = self._rows.sum_terms(table.reshape(-1).take(self._places), 1)
        found = found.reshape(-1, *self._where.shape)[self._order]
        self._where.of(target)[...] = np.moveaxis(found, 0, -1)
