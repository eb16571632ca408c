"""Outputs whose last axis meets an edge that repeats samples: few, and written entry by entry.

There several taps may fall on one sample, and their sum is the weight: the entries are those of the
matrix, so what is infinite or not a number goes where the matrix sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import ConvGeometry
from ...pattern import MatrixPattern, Rows
from ._calls import fixed
from ._outer import outer_rows


@dataclass(frozen=True, eq=False)
class Edges:
    """The outputs in front of and behind the interior of the last axis."""

    # Sizes; class and place of each output row, where the input rows of each class begin, and these
    # rows; the outputs' positions, where their entries begin, and these entries' columns.
    tables: tuple[NDArray[np.int64], ...]
    parts: tuple[Rows, ...]  # the rows of the last axis that these are, for their taps
    entries: int  # products of an entry with a sample in one output row, about

    def pack(self, kernel: NDArray[Any]) -> NDArray[Any]:
        """A folded kernel (row channels, column channels, readings, taps) with entries of these
        outputs in place of taps.
        """
        entries = [rows.sum_taps(kernel, -1) for rows in self.parts]
        return np.concatenate(entries, axis=-1).reshape(-1)


@lru_cache(maxsize=64)
def edges(geometry: ConvGeometry, transposed: bool) -> Edges | None:
    """The outputs at the edges; None if there are none, as with zeros outside."""
    pattern = MatrixPattern(geometry, transposed)
    last = pattern.axes[-1]
    start, stop = last.interior
    if last.axis.mode == "zeros" or (start, stop) == (0, last.shape[0]):
        return None
    parts = (last.rows_between(0, start), last.rows_between(stop, last.shape[0]))
    positions = np.r_[:start, stop : last.shape[0]]
    ptr = np.cumsum([0, *(count for rows in parts for count in rows.counts.tolist())])
    cols = np.concatenate([rows.cols for rows in parts])
    outer = outer_rows(geometry, transposed)
    reads = np.concatenate(outer.reads)
    units, inputs = pattern.row_channels // geometry.groups, pattern.col_channels
    sizes = np.array([geometry.groups, units, inputs, outer.input_rows, *last.shape[::-1]])
    tables = (sizes, outer.owner, outer.place, outer.starts, reads, positions, ptr, cols)
    entries = units * inputs * cols.size * reads.size // len(outer.reads)
    return Edges(tuple(map(fixed, tables)), parts, entries)
