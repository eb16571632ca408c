"""Which blocks are transformed together, and on how many threads."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import numpy as np

from ...threads import num_threads, run
from ._plan import Plan

CHUNK_POINTS = (
    1 << 16
)  # transformed together: enough to hide the calls, little enough to stay in cache
POINTS_FOR_THREADS = (
    1 << 16
)  # below, starting threads inside a transform takes longer than the work


class Chunk(NamedTuple):
    """Blocks transformed together: a range of samples, of groups, and of blocks along the first
    axis.
    """

    samples: tuple[int, int]
    groups: tuple[int, int]
    blocks: tuple[int, int]

    @property
    def size(self) -> int:
        """Samples times groups times blocks along the first axis."""
        return prod(stop - start for start, stop in self)


class Schedule(NamedTuple):
    """The chunks of one product, and whether they go to the pool or, one by one, to threads
    inside the transforms.
    """

    chunks: list[Chunk]
    pooled: bool
    workers: int


def schedule(plan: Plan, batch: int) -> Schedule:
    """The schedule of a product with a batch."""
    unit = plan.unit
    chunks = _chunks(plan, batch)
    row = plan.blocks // plan.counts[0]
    if len(chunks) > 1:  # the matrix products are too small for BLAS to start threads of its own
        return Schedule(chunks, True, 1)
    points = chunks[0].size * row * plan.points * max(unit.given, unit.taken)
    return Schedule(chunks, False, num_threads() if points >= POINTS_FOR_THREADS else 1)


def spread(order: Schedule, compute: Callable[[Chunk, int], None]) -> None:
    """Compute every chunk, each with the number of threads that it may use."""

    def quiet(chunk: Chunk) -> None:
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # the pool's threads have a state of their own
            compute(chunk, order.workers)

    if order.pooled:
        run(quiet, order.chunks)
    else:
        for chunk in order.chunks:
            quiet(chunk)


def _chunks(plan: Plan, batch: int) -> list[Chunk]:
    """The batch in pieces of about CHUNK_POINTS."""
    groups, rows = plan.unit.groups, plan.counts[0]
    row = plan.points * (plan.blocks // rows) * max(plan.unit.given, plan.unit.taken)
    at_once = max(CHUNK_POINTS // row, 1)
    if at_once < rows:
        samples, parts = 1, 1
    else:
        samples, parts = max(at_once // rows // groups, 1), min(at_once // rows, groups)
    return [
        Chunk(b, g, r)
        for b in _ranges(batch, samples)
        for g in _ranges(groups, parts)
        for r in _ranges(rows, min(at_once, rows))
    ]


def _ranges(total: int, step: int) -> list[tuple[int, int]]:
    return [(start, min(start + step, total)) for start in range(0, total, step)]
