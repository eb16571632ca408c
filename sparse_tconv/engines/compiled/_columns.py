"""The last axis for the loops over rows: in which columns of a target each tap has its sample, and
where it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...geometry import Axis
from ...pattern import axis_pattern
from ._axis_sums import axis_sums

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns of one target: column c reads a sorted row at ``c + offset`` with each tap.

    Columns outside start .. stop - 1 lie at an edge that repeats samples.
    """

    start: int
    stop: int
    count: int  # of all columns
    taps: Ints
    offset: Ints  # ascending
    low: Ints  # the columns low .. high - 1 find a sample
    high: Ints

    @property
    def frame(self) -> tuple[int, int, int, int, int]:
        """Start and stop of the columns, start and stop of those in which every tap finds its
        sample, and how many columns there are.
        """
        low = int(self.low.max(initial=self.start))
        high = max(low, int(self.high.min(initial=self.stop)))
        return self.start, self.stop, low, high, self.count

    def grouped(self, threes: bool) -> tuple[Ints, Ints]:
        """The taps, as indices: rows of three neighbors if wanted, and rows of one."""
        chosen = np.zeros(self.taps.size, dtype=bool)
        for first in range(self.taps.size - 2 if threes else 0):
            near = self.offset[first : first + 3] - self.offset[first]
            if not chosen[first] and near.tolist() == [0, 1, 2]:
                chosen[first : first + 3] = True
        return np.flatnonzero(chosen).reshape(-1, 3), np.flatnonzero(~chosen)[:, None]


def columns(axis: Axis, transposed: bool) -> list[Columns]:
    """The columns of every target; under zeros all of them, else those of the interior."""
    sums, pattern = axis_sums(axis, transposed), axis_pattern(axis, transposed)
    inner = (0, pattern.shape[0]) if axis.mode == "zeros" else pattern.interior
    found = []
    for target in sums.targets:
        start, stop = (-(-(edge - target.start) // target.step) for edge in inner)
        taps, source, shift = np.array(target.taps, dtype=np.int64).reshape(-1, 3).T
        offset = source * sums.length + shift
        low = np.clip(-shift, start, stop)
        high = np.clip(np.array(sums.lengths)[source] - shift, low, stop)
        order = np.argsort(offset)
        ordered = (part[order] for part in (taps, offset, low, high))
        found.append(Columns(start, stop, target.count, *ordered))
    return found
