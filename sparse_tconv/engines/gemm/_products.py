"""A sum over taps as matrix products, taps as terms of it (im2col) or as rows (col2im).

The kernel is (groups, out_channels, in_channels, taps of the first axis, taps of the others), the
channels those of a group. Sources and targets are (channels, rows, samples, *others).
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

Array = NDArray[Any]


def stacks(terms: int, out_channels: int) -> bool:
    """Whether copying the terms of a tap moves fewer numbers than adding its product."""
    return terms <= out_channels


class Im2col:
    """One part of the target: what the taps of the axes but the first read are terms.

    Along the first axis a tap is an offset into rows that lie one after another: it has a product of
    its own, that is added, or its terms are copied to be more of them.
    """

    def __init__(self, plan: Plan, part: Part, kernel: Array) -> None:
        self.part, self.rows = part, part.counts[0]
        self.steps, self.strides = plan.steps, plan.strides
        # The taps of the first axis by what they leave of the step, and how many rows away they read.
        self._leads = sorted((*reversed(divmod(at, self.steps[0])), tap) for tap, at in part.leads)
        chosen = kernel[:, :, :, [tap for *_, tap in self._leads]][..., part.taps]
        # (groups, products, out_channels, terms)
        matrix = chosen.transpose(0, 3, 1, 4, 2).reshape(
            len(kernel), -1, kernel.shape[1], prod(chosen.shape[2::2])
        )
        if stacks(matrix.shape[3], matrix.shape[2]):
            matrix = matrix.swapaxes(1, 2).reshape(len(kernel), 1, kernel.shape[1], -1)
        self.matrix = np.ascontiguousarray(matrix)

    def terms(self, source: Array, rows: Range) -> list[Array]:
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
        self, terms: list[Array], target: Array, group: int, cut: slice, rows: Range
    ) -> None:
        """Some rows of some channels."""
        place = placed(self.part, self.strides, target[cut], rows)
        room = place if is_flat(place) else scratch("room", place.shape, place.dtype)
        sums, matrices = room.reshape(len(room), -1), self.matrix[group][:, cut]
        np.matmul(matrices[0], terms[0], out=sums)
        for matrix, each in zip(matrices[1:], terms[1:], strict=True):
            sums += np.matmul(matrix, each, out=scratch("given", sums.shape, sums.dtype))
        if room is not place:
            place[...] = room

    def _images(self, source: Array, residue: int, low: int, high: int) -> Array:
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


class Col2im:
    """All parts of a target whose neighbors read neighbors: what a sample of the source gives with
    every tap is computed at once, and added where it belongs.
    """

    def __init__(self, plan: Plan, kernel: Array) -> None:
        self.plan, self.rows = plan, plan.rows
        taps = [(tap, at) for part in plan.parts for tap, _ in part.leads for at in part.taps]
        # (groups, taps and out_channels, in_channels)
        chosen = np.concatenate([kernel[:, :, :, tap, other] for tap, other in taps], axis=1)
        self.matrix = np.ascontiguousarray(chosen)

    def terms(self, source: Array, rows: Range) -> list[Array]:
        """The source itself."""
        return [source]

    def multiply(
        self, terms: list[Array], target: Array, group: int, cut: slice, rows: Range
    ) -> None:
        """Some rows of every part."""
        first, last = self.plan.read(rows, 0, self.plan.leads)
        images, matrix = terms[0][:, first:last], self.matrix[group]
        images = images if is_flat(images) else np.ascontiguousarray(images)
        columns = images.reshape(len(images), prod(images.shape[1:]))
        given = scratch("given", (len(matrix), columns.shape[1]), columns.dtype)
        np.matmul(matrix, columns, out=given)
        blocks = iter(given.reshape(len(matrix) // len(target), len(target), *images.shape[1:]))
        for part in self.plan.parts:
            place = placed(part, self.plan.strides, target, (rows[0], min(rows[1], part.counts[0])))
            room = place if is_flat(place) else scratch("room", place.shape, place.dtype)
            reads = [
                (at + rows[0] - first, 0, *read) for _, at in part.leads for read in part.reads
            ]
            for number, read in enumerate(reads):
                read_at(room, next(blocks), read, (1,) * len(read), add=number > 0)
            if room is not place:
                place[...] = room
