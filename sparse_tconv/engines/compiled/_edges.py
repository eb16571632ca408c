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
from ...pattern import Rows, axis_pattern
from ._lanes import lanes
from ._outer import outer_rows

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Edges:
    """The positions on the last axis that no lane covers.

    Parameters
    ----------
    positions : (n,) int array
        The outputs.
    ptr, cols : int array
        Output n reads the inputs ``cols[ptr[n]:ptr[n + 1]]`` of a row.
    parts : tuple of Rows
        The rows of the last axis that these are, for their taps.
    reads, starts : int array
        The input rows of class n of output rows are ``reads[starts[n]:starts[n + 1]]``.
    """

    positions: Ints
    ptr: Ints
    cols: Ints
    parts: tuple[Rows, ...]
    reads: Ints
    starts: Ints

    def pack(self, kernel: NDArray[Any]) -> NDArray[Any]:
        """A folded kernel (row channels, column channels, readings, taps) with entries of these
        outputs in place of taps.
        """
        return np.concatenate([rows.sum_taps(kernel, -1) for rows in self.parts], axis=-1).reshape(
            -1
        )


@lru_cache(maxsize=64)
def edges(geometry: ConvGeometry, transposed: bool) -> Edges | None:
    """The outputs at the edges; None if there are none, as with zeros outside."""
    axis = geometry.axes[-1]
    if axis.mode == "zeros":
        return None
    pattern = axis_pattern(axis, transposed)
    count = len(lanes(axis, transposed))
    covered = np.zeros(pattern.shape[0], dtype=bool)
    for residue, lane in enumerate(lanes(axis, transposed)):
        covered[residue::count][lane.start : lane.stop] = True
    positions, parts, ptr, cols = [], [], [np.zeros(1, dtype=np.int64)], []
    for region in pattern.regions:
        rows = pattern.rows(region)
        for repeat in range(region.count):
            place = region.start + repeat * region.period
            if covered[place]:
                break  # the lanes cover regions whole, except where one is cut off below
            positions.append(np.arange(place, place + region.period))
            parts.append(rows)
            ptr.append(ptr[-1][-1] + rows.ptr[1:])
            cols.append(rows.cols + repeat * region.shift)
    if not positions:
        return None
    outer = outer_rows(geometry, transposed)
    return Edges(
        np.concatenate(positions),
        np.concatenate(ptr),
        np.concatenate(cols),
        tuple(parts),
        np.concatenate(outer.reads),
        outer.starts,
    )
