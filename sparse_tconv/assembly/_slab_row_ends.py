"""Where the rows of slabs end: one slab of each combination of progressions, and all that are like it."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pattern import MatrixPattern, Progression
from ._repeat import repeat

_LONG = 1 << 14  # rows: those of a slab of fewer are made beside the matrix


def fill_row_ends(pattern: MatrixPattern, slabs: NDArray[Any], firsts: NDArray[Any]) -> None:
    """Fill the row pointer (*outer rows, rows of the last axis) of the first channel, from where each
    slab begins.
    """
    made: dict[int, NDArray[Any]] = {}
    for combination in pattern.combinations:
        positions = tuple(part.positions for part in combination)
        if slabs.shape[-1] >= _LONG:
            _in_place(pattern, combination, slabs[positions], firsts[positions])
            continue
        alike = pattern.outer_entries(combination) if pattern.taps is None else 0
        if alike not in made or pattern.taps is not None:
            made[alike] = np.empty(slabs.shape[-1], dtype=slabs.dtype)
            _of_slab(pattern, combination, made[alike])
        np.add(made[alike], firsts[positions], out=slabs[positions])


def _in_place(
    pattern: MatrixPattern,
    combination: tuple[Progression, ...],
    slabs: NDArray[Any],
    firsts: NDArray[Any],
) -> None:
    """Where the rows of all slabs of one combination end, with nothing of a slab's length beside
    them.
    """
    place = (0,) * (slabs.ndim - 1)
    done, start = slabs[place], firsts[place].copy()
    _of_slab(pattern, combination, done)
    done += start
    for other in islice(np.ndindex(slabs.shape[:-1]), 1, None):
        np.add(done, firsts[other] - start, out=slabs[other])


def _of_slab(
    pattern: MatrixPattern, combination: tuple[Progression, ...], ends: NDArray[Any]
) -> None:
    """Write where the rows of one slab end, counted from its start."""
    last = pattern.axes[-1]
    size = 0
    for region in last.regions:
        row_sizes = pattern.row_sizes(combination, last.rows(region))
        total = int(row_sizes.sum())
        ends[region.start : region.start + region.period] = size + np.cumsum(row_sizes)
        repeat(ends[None, region.start : region.stop], region.count, total)
        size += total * region.count
