"""How a product is shared among threads, and how much of it is done at a time."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...geometry import ConvGeometry
from ...threads import blas_workers
from ._plan import Plan, Product, ranges

BLOCK_BYTES = 3 << 19  # of operand and result of a product, which stay in a core's own cache
MANY_ROWS = 64  # of one product; more than that, and than its terms, make it no faster
FLOPS_FOR_THREADS = 2e6  # below, starting threads takes longer than the work
WASTE = 0.1  # rows computed twice, from which on the channels are divided and not the rows

Range = tuple[int, int]


class Item(NamedTuple):
    """A part of the target that one thread computes: samples, groups, channels of a group, rows of
    the first axis's phases.
    """

    samples: Range
    groups: Range
    channels: Range
    rows: Range


class Schedule(NamedTuple):
    """The items of one product, and whether they go to the pool."""

    items: list[Item]
    shared: bool


def schedule(
    plan: Plan, geometry: ConvGeometry, dtype: np.dtype[Any], transposed: bool, batch: int
) -> Schedule:
    """The schedule of a product with a batch."""
    groups = geometry.groups
    channels = (geometry.x_channels if transposed else geometry.y_channels) // groups
    terms = (geometry.y_channels if transposed else geometry.x_channels) // groups
    workers = blas_workers() if 2.0 * geometry.nnz * batch >= FLOPS_FOR_THREADS else 1
    size = max((_nbytes(each, channels, terms, dtype) for each in plan.products), default=1)
    at_once = max(1, min(BLOCK_BYTES // max(size, 1), -(-batch * groups // workers)))
    parts = [
        (samples, some)
        for samples in ranges(batch, max(at_once // groups, 1))
        for some in ranges(groups, min(at_once, groups))
    ]
    split = [((0, channels), (0, plan.size[0]))]
    if len(parts) % workers and len(parts) < 4 * workers:
        split = _split(plan, channels, workers)
    return Schedule([Item(*part, *piece) for part in parts for piece in split], workers > 1)


def rows_at_once(each: Product, matrix: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """How many rows of the source are multiplied at a time; the matrices are those of
    :func:`packed`.
    """
    _, leads, channels, terms = matrix
    rows = channels * min(leads, leads_together(channels, terms))
    # BLAS rearranges the matrix once for each block: a large one is worth larger blocks.
    numbers = max(BLOCK_BYTES // dtype.itemsize, 2 * rows * terms)
    most = max(1, numbers // max((rows + terms) * prod(each.inner), 1))
    return -(-each.count // -(-each.count // most)) if each.count else 1


def leads_together(channels: int, terms: int) -> int:
    """How many taps of the first axis make one product."""
    return max(1, max(MANY_ROWS, terms) // channels)


def _nbytes(each: Product, channels: int, terms: int, dtype: np.dtype[Any]) -> int:
    """Bytes of operand and result of a whole product."""
    rows = channels * len(each.leads) + terms * len(each.taps)
    return rows * each.count * prod(each.inner) * dtype.itemsize


def _split(plan: Plan, channels: int, workers: int) -> list[tuple[Range, Range]]:
    """One sample's group among the threads, by rows unless too many would be computed twice."""
    rows = plan.size[0]
    twice = 0.0
    for each in plan.products:
        shifts = [lead.shift for lead in each.leads]
        twice = max(twice, (workers - 1) * (max(shifts) - min(shifts)) / max(each.count, 1))
    if channels >= workers and twice > WASTE:
        return [(part, (0, rows)) for part in ranges(channels, -(-channels // workers))]
    return [((0, channels), part) for part in ranges(rows, -(-rows // workers))]
