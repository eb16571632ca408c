"""Rows of kernels that vary in space taken number by number, where a table would hardly be used."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pattern import Rows, row_order
from ._local_rows import Part

Ints = NDArray[np.int64]


class Taken:
    """Writes a part of the rows of some slabs from the kernels themselves.

    Parameters
    ----------
    width : int
        Positions along the last axis.
    places : sequence of int64 array
        Which run each term is of: inner channels, terms of the outer axes, taps of the last one.
    outer : sequence of Rows
        What the outer axes add up.
    part : Part
        The rows of the last axis.
    """

    def __init__(
        self, width: int, places: Sequence[Ints], outer: Sequence[Rows], part: Part
    ) -> None:
        own = places[-1][part.taps] * width + part.near + part.moved
        self._width, self._part = width, part
        self._own = reduce(np.add.outer, [*(place * width for place in places[:-1]), own])
        self._sums = *outer, part.rows
        entries = len(places[0])
        for rows in outer:
            entries *= rows.cols.size
        self._order, self._outer = row_order(part.rows, entries), entries

    def write(self, numbers: NDArray[Any], moves: Ints, target: NDArray[Any]) -> None:
        """Write slabs that lie so many runs further, from all numbers of the kernels."""
        part, outer = self._part, self._outer
        again = np.arange(part.count) * part.step
        found = numbers.take(reduce(np.add.outer, [moves * self._width, again, self._own]))
        if any(rows.folded for rows in self._sums):
            found = found.astype(target.dtype, copy=False)
        for number, rows in enumerate(self._sums):
            found = rows.sum_terms(found, number - len(self._sums))
        part.of(target, outer)[...] = found.reshape(*moves.shape, part.count, -1)[..., self._order]
