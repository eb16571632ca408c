"""A sum over taps as matrix products: images of the source are stacked, multiplied, and added where
they belong.

A tap can be an image more among the terms of a product: what is copied grows with the channels
read. Or it can be a block more of its rows: what is added grows with the channels computed. So the
axes but the first give terms, or rows where many channels become few. Along the first axis a tap is
an offset into rows that lie one after another, for which nothing is copied: its taps are blocks of
rows of one product, or have a product each, which reads only what it finds.

Sources and targets are (channels, rows, samples, *others): the samples of a batch lie side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache, reduce
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...threads import scratch
from ..correlations import Place, Plan, Range

Index = tuple[Any, ...]


class Order(Enum):
    """What the taps are, of the first axis and of the others."""

    APART = "a product each, and terms"
    STACKED = "blocks of rows, and terms"
    SCATTERED = "blocks of rows, both"


class Sheet(NamedTuple):
    """One product: its terms are images of one size that begin at these places of the axes but the
    first, with zeros around; along the first they are the rows of one residue of the step.

    Each block of its rows is for a tap of the first axis, and for those of the others that the
    terms belong to. To a part, by its number, it gives some of its blocks, each read from a place
    of its own.
    """

    residue: int
    reads: tuple[Place, ...]
    sizes: Place
    blocks: list[tuple[int, tuple[int, ...]]]
    given: list[tuple[int, list[tuple[int, Place]]]]

    def rows(self, plan: Plan, rows: Range) -> Range:
        """The rows of the source that it reads for a range of rows of all parts."""
        return plan.read(rows, self.residue, [at for _, own in self.given for _, (at, *_) in own])


def sheets(plan: Plan, order: Order) -> list[Sheet]:
    """The products of one direction; where neighbors do not read neighbors nothing is scattered."""
    found: dict[Any, Sheet] = {}
    zeros = (0,) * (len(plan.sizes) - 1)
    scatters = order is Order.SCATTERED and max(plan.steps) == 1
    wide = tuple(map(max, plan.extents[1:], zeros, *(part.counts[1:] for part in plan.parts)))
    for number, part in enumerate(plan.parts):
        reads, sizes, rows = part.reads, part.counts[1:], [(part.taps, zeros)]
        if scatters:
            reads, sizes = (zeros,), wide
            rows = [((tap,), read) for tap, read in zip(part.taps, part.reads, strict=True)]
        for (lead, at), (taps, read) in product(part.leads, rows):
            row, residue = divmod(at, plan.steps[0])
            key = residue, reads, sizes, (number, lead) if order is Order.APART else None
            sheet = found.setdefault(key, Sheet(residue, reads, sizes, [], []))
            if not sheet.given or sheet.given[-1][0] != number:
                sheet.given.append((number, []))
            sheet.given[-1][1].append((len(sheet.blocks), (row, *read)))
            sheet.blocks.append((lead, taps))
    return list(found.values())


def matrices(kernel: NDArray[Any], sheet: Sheet) -> NDArray[Any]:
    """The matrices (groups, blocks, out_channels, terms) of a sheet.

    The kernel is (groups, out_channels, in_channels, taps of the first axis, taps of the others), the
    channels those of a group.
    """
    chosen = [kernel[:, :, :, lead][..., taps].swapaxes(2, 3) for lead, taps in sheet.blocks]
    # Stacks take the order of their parts in memory, and then every product would copy them.
    flat = [each.reshape(*each.shape[:2], -1) for each in chosen]
    return np.ascontiguousarray(np.stack(flat, axis=1))


@np.errstate(over="ignore", invalid="ignore")
def add_products(
    plan: Plan,
    products: Sequence[tuple[Sheet, NDArray[Any]]],
    source: NDArray[Any],
    target: NDArray[Any],
    rows: Range,
) -> None:
    """Some rows of every part of the target; the matrices are those of one group."""
    places = [_place(plan, number, target, rows) for number in range(len(plan.parts))]
    sums: dict[int, NDArray[Any]] = {}
    stacks: dict[Any, NDArray[Any]] = {}
    for sheet, matrix in products:
        blocks, first = _multiplied(plan, sheet, matrix, source, rows, stacks)
        for number, given in sheet.given:
            for block, (at, *read) in given:
                begun = number in sums
                if not begun:
                    sums[number] = _room(places[number], sheet.sizes, f"sums{number}")
                _clear(blocks[block], read)
                offset = _offset((at + rows[0] - first, 0, *read), blocks.shape[2:])
                _add(blocks[block], offset, sums[number], begun)
        del blocks  # its memory is the next one's
    for number, total in sums.items():
        place = places[number]
        if total is not place:
            inner: Index = (..., *map(slice, place.shape[3:]))
            place[...] = total[inner]


def _multiplied(
    plan: Plan,
    sheet: Sheet,
    matrix: NDArray[Any],
    source: NDArray[Any],
    rows: Range,
    stacks: dict[Any, NDArray[Any]],
) -> tuple[NDArray[Any], int]:
    """(blocks, channels, rows, samples, *sizes) of a sheet, and its first row."""
    key = sheet.residue, sheet.reads, sheet.sizes
    low, high = plan.read(rows, sheet.residue, plan.leads)
    if key not in stacks:
        images = source[:, sheet.residue :: plan.steps[0]][:, low:high]
        stacks[key] = _stack(images, sheet, plan.steps[1:], f"stack{len(stacks)}")
    stack, (first, last) = stacks[key], sheet.rows(plan, rows)
    pitch = stack.shape[1] // max(high - low, 1)
    images = stack[:, (first - low) * pitch : (last - low) * pitch]
    flat = matrix.reshape(-1, matrix.shape[-1])
    given = np.matmul(
        flat, images, out=scratch("given", (len(flat), images.shape[1]), source.dtype)
    )
    return given.reshape(*matrix.shape[:2], last - first, source.shape[2], *sheet.sizes), first


def _clear(image: NDArray[Any], read: Sequence[int]) -> None:
    """Zeros for what a row would give to its neighbors, read so far from its place."""
    for axis, at in enumerate(read, 3):
        if at:
            image[(slice(None),) * axis + (slice(0, at) if at > 0 else slice(at, None),)] = 0


def _offset(place: Place, sizes: Place) -> int:
    """From the first of an array's numbers to one that may lie in front of it."""
    return reduce(
        lambda offset, axis: offset * axis[1] + axis[0], zip(place, sizes, strict=True), 0
    )


def _add(image: NDArray[Any], offset: int, total: NDArray[Any], begun: bool) -> None:
    """Add an image from a place on, which is an offset in both, or write it with zeros around."""
    flat, image = total.reshape(len(total), -1), image.reshape(len(image), -1)
    into, found = _overlap(offset, 1, flat.shape[1], image.shape[1])
    if begun:
        flat[:, into] += image[:, found]
        return
    if into != slice(0, flat.shape[1]):
        flat[...] = 0
    flat[:, into] = image[:, found]


def _overlaps(at: Place, steps: Place, counts: Place, sizes: Place) -> tuple[Index, Index]:
    """The overlap of each axis."""
    pairs = list(map(_overlap, at, steps, counts, sizes))
    return tuple(into for into, _ in pairs), tuple(found for _, found in pairs)


@lru_cache(maxsize=1 << 12)
def _overlap(at: int, step: int, count: int, size: int) -> tuple[slice, slice]:
    """Which of `count` samples, that read ``at, at + step, ...``, find one of `size` others; and
    those that they find.
    """
    first = min(max(0, -(at // step)), count)
    last = max(first, min(count, (size - 1 - at) // step + 1))
    ends = at + step * first, at + step * (last - 1) + 1
    return slice(first, last), slice(*ends, step) if last > first else slice(0, 0)


def _stack(source: NDArray[Any], sheet: Sheet, steps: Place, name: str) -> NDArray[Any]:
    """The images of a sheet with zeros around, (terms, positions); a single one in place, if it can
    be.
    """
    views = [_overlaps(read, steps, sheet.sizes, source.shape[3:]) for read in sheet.reads]
    single = source[(..., *views[0][1])]
    if len(views) == 1 and single.shape[3:] == sheet.sizes and single[0].flags.c_contiguous:
        return single.reshape(len(source), -1)
    stack = scratch(name, (len(views), *source.shape[:3], *sheet.sizes), source.dtype)
    for image, (into, found) in zip(stack, views, strict=True):
        for number, part in enumerate(into, 3):
            whole = (slice(None),) * number
            image[(*whole, slice(0, part.start))] = 0
            image[(*whole, slice(part.stop, None))] = 0
        image[(..., *into)] = source[(..., *found)]
    return stack.reshape(len(views) * len(source), -1)


def _place(plan: Plan, number: int, target: NDArray[Any], rows: Range) -> NDArray[Any]:
    """Where a range of rows of a part lies in the target; there may be fewer."""
    part, (step, *others) = plan.parts[number], plan.strides
    start, *starts = part.starts
    stop = max(rows[0], min(rows[1], part.counts[0]))
    places = slice(start + step * rows[0], start + step * (stop - 1) + 1, step)
    inner = (slice(at, None, each) for at, each in zip(starts, others, strict=True))
    return target[(slice(None), places, slice(None), *inner)]


def _room(place: NDArray[Any], sizes: Place, name: str) -> NDArray[Any]:
    """Room for the sums of a place, rows as long as these sizes say: itself, if it can be."""
    if place.shape[3:] == sizes and place[0].flags.c_contiguous:
        return place
    return scratch(name, (*place.shape[:3], *sizes), place.dtype)
