"""Taps as terms (im2col): what the taps of the axes but the first read are terms of a product. Along
the first axis a tap is an offset into rows that lie one after another: it has a product of its own,
that is added, or is copied to be more terms, whichever moves fewer numbers.
"""

from __future__ import annotations

from itertools import groupby
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...threads import scratch
from ..correlations import Part, Plan, Range
from ._images import is_flat, placed, read_at


def stacks(terms: int, out_channels: int) -> bool:
    """Whether copying the terms of a tap moves fewer numbers than adding its product."""
    return terms <= 2 * out_channels


class Im2col:
    """One part of the target; the matrix is (groups, products, out_channels, terms).

    The kernel is (groups, out_channels, in_channels, taps of the first axis, taps of the others), the
    channels those of a group.
    """

    def __init__(self, plan: Plan, part: Part, kernel: NDArray[Any]) -> None:
        self.part, self.rows = part, part.counts[0]
        self.steps, self.strides = plan.steps, plan.strides
        # The taps of the first axis by what they leave of the step, and how many rows away they read.
        self._leads = sorted((*reversed(divmod(at, self.steps[0])), tap) for tap, at in part.leads)
        chosen = kernel[:, :, :, [tap for *_, tap in self._leads]][..., part.taps]
        matrix = chosen.transpose(0, 3, 1, 4, 2)
        groups, leads, channels = matrix.shape[:3]
        matrix = matrix.reshape(groups, leads, channels, -1)
        if stacks(matrix.shape[3], channels):
            matrix = matrix.swapaxes(1, 2).reshape(groups, 1, channels, -1)
        self.matrix = np.ascontiguousarray(matrix)

    def terms(self, source: NDArray[Any], rows: Range) -> list[NDArray[Any]]:
        """The terms (terms, positions) of each product for a range of rows."""
        row = source.shape[2] * prod(self.part.counts[1:])
        count, terms = (rows[1] - rows[0]) * row, []
        for residue, own in groupby(self._leads, lambda lead: lead[0]):
            ats = [at for _, at, _ in own]
            images = self._images(source, residue, rows[0] + ats[0], rows[1] + ats[-1])
            terms += [images[:, (at - ats[0]) * row :][:, :count] for at in ats]
        if self.matrix.shape[1] == len(terms):
            return terms
        stack = scratch("stack", (len(terms), len(terms[0]), count), source.dtype)
        for into, each in zip(stack, terms, strict=True):
            into[...] = each
        return [stack.reshape(-1, count)]

    def multiply(
        self,
        terms: list[NDArray[Any]],
        target: NDArray[Any],
        group: int,
        channels: slice,
        rows: Range,
    ) -> None:
        """Some rows of some channels of an array (channels, rows, samples, *others)."""
        place = placed(self.part, self.strides, target[channels], rows)
        room = place if is_flat(place) else scratch("room", place.shape, place.dtype)
        sums, matrices = room.reshape(len(room), -1), self.matrix[group][:, channels]
        np.matmul(matrices[0], terms[0], out=sums)
        for matrix, each in zip(matrices[1:], terms[1:], strict=True):
            sums += np.matmul(matrix, each, out=scratch("given", sums.shape, sums.dtype))
        if room is not place:
            place[...] = room

    def _images(self, source: NDArray[Any], residue: int, low: int, high: int) -> NDArray[Any]:
        """What the taps of the axes but the first read in a range of rows, zeros around."""
        source = source[:, residue :: self.steps[0]]
        reads, counts = self.part.reads, self.part.counts[1:]
        entire = reads == ((0,) * len(counts),) and source.shape[3:] == counts
        inside = max(self.steps) == 1 and low >= 0 and high <= source.shape[1]
        if entire and inside and is_flat(source):
            return source[:, low:high].reshape(len(source), -1)
        shape = len(reads), len(source), high - low, source.shape[2], *counts
        # A name of its own: those of another residue are still in use.
        images = scratch(f"images{residue}", shape, source.dtype)
        for image, read in zip(images, reads, strict=True):
            read_at(image, source, (low, 0, *read), (1, 1, *self.steps[1:]))
        return images.reshape(shape[0] * shape[1], -1)
