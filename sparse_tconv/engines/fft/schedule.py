"""Which blocks are transformed together."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from .plan import Plan

# Transformed together: enough to hide the calls, little enough to stay in cache.
CHUNK_POINTS = 1 << 16


class Chunk(NamedTuple):
    """Blocks transformed together: a range of samples, of groups, and of blocks along the first
    axis.
    """

    samples: tuple[int, int]
    groups: tuple[int, int]
    blocks: tuple[int, int]


def schedule(plan: Plan, batch: int) -> list[Chunk]:
    """A product with a batch in pieces of about CHUNK_POINTS."""
    groups, rows = plan.groups, plan.counts[0]
    row = plan.points * prod(plan.counts[1:]) * max(plan.out_channels, plan.in_channels)
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
