"""A part of a matrix that is contiguous in its flat arrays."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from ..pattern import Patch


class Box(NamedTuple):
    """Some column channels, and a part of each axis's matrix."""

    channels: tuple[int, int]
    patches: tuple[Patch, ...]

    @property
    def rows(self) -> int:
        """Rows, in the first channel."""
        return prod(patch.row_stop - patch.row_start for patch in self.patches)

    def halves(self) -> list[Box]:
        """Two boxes that are this one, in order; itself where it is a single entry."""
        for number, patch in enumerate(self.patches):
            start, stop = patch[:2]
            if stop - start > 1:
                middle = (start + stop) // 2
                parts = [patch._replace(row_stop=middle), patch._replace(row_start=middle)]
                return [self._with(number, part) for part in parts]
        first, last = self.channels
        if last - first > 1:
            middle = (first + last) // 2
            return [self._replace(channels=part) for part in ((first, middle), (middle, last))]
        for number, patch in enumerate(self.patches):
            start, stop = patch[2:]
            if stop - start > 1:
                middle = (start + stop) // 2
                parts = [patch._replace(col_stop=middle), patch._replace(col_start=middle)]
                return [self._with(number, part) for part in parts]
        return [self]

    def _with(self, number: int, patch: Patch) -> Box:
        patches = (*self.patches[:number], patch, *self.patches[number + 1 :])
        return self._replace(patches=patches)
