"""Taps as rows (col2im): what each sample of the source gives to the target is one product, and is
added where it belongs.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...threads import scratch
from ..correlations import Plan, Range
from ._images import is_flat, placed, read_at


class Col2im:
    """All parts of a target whose neighbors read neighbors; the matrix is (groups, taps and
    out_channels, in_channels), the kernel as that of :class:`Im2col`.
    """

    def __init__(self, plan: Plan, kernel: NDArray[Any]) -> None:
        self.plan, self.rows = plan, plan.rows
        # Of each part the taps, and where its first sample reads with them.
        taps = [
            [(tap, other) for tap, _ in part.leads for other in part.taps] for part in plan.parts
        ]
        self._reads = [
            [(at, 0, *read) for _, at in part.leads for read in part.reads] for part in plan.parts
        ]
        chosen = [kernel[:, :, :, tap, other] for own in taps for tap, other in own]
        self.matrix = np.ascontiguousarray(np.concatenate(chosen, axis=1))

    def terms(self, source: NDArray[Any], rows: Range) -> list[NDArray[Any]]:
        """The rows of the source that a range of rows reads, as they lie one after another."""
        first, last = self.plan.read(rows, 0, self.plan.leads)
        images = source[:, first:last]
        return [images if is_flat(images) else np.ascontiguousarray(images)]

    def multiply(
        self,
        terms: list[NDArray[Any]],
        target: NDArray[Any],
        group: int,
        channels: slice,
        rows: Range,
    ) -> None:
        """Some rows of every part of an array (channels, rows, samples, *others)."""
        (images,), matrix = terms, self.matrix[group]
        first, _ = self.plan.read(rows, 0, self.plan.leads)
        columns = images.reshape(len(images), prod(images.shape[1:]))
        given = scratch("given", (len(matrix), columns.shape[1]), columns.dtype)
        np.matmul(matrix, columns, out=given)
        blocks = iter(given.reshape(len(matrix) // len(target), len(target), *images.shape[1:]))
        for part, reads in zip(self.plan.parts, self._reads, strict=True):
            place = placed(part, self.plan.strides, target, (rows[0], min(rows[1], part.counts[0])))
            room = place if is_flat(place) else scratch("room", place.shape, place.dtype)
            for number, (at, *others) in enumerate(reads):
                distance = at + rows[0] - first, *others
                read_at(room, next(blocks), distance, (1,) * len(distance), number > 0)
            if room is not place:
                place[...] = room
