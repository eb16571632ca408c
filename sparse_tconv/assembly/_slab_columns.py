"""The columns of one slab of a matrix whose rows hardly repeat."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pattern import Block, MatrixPattern, Rows
from ._repeat import repeat

Ints = NDArray[np.int64]
# Columns along the last axis, repeated for outer entries, by rows that are kept and number of these.
Tiled = dict[tuple[int, int], tuple[NDArray[Any], Rows]]

_WIDE = 1 << 8  # entries: pieces as long are not made longer


def outer_columns(pattern: MatrixPattern, block: Block, col_steps: list[int], size: int) -> Ints:
    """First column of each outer entry (column channel, entry on axis 1, ...), in ascending
    order.
    """
    columns = np.arange(pattern.col_channels, dtype=np.int64) * size
    for part, step in zip(block.progressions, col_steps, strict=False):
        columns = (columns[:, None] + part.rows.cols * step).reshape(-1)
    return columns


def fill_columns(
    slab: NDArray[Any], pattern: MatrixPattern, block: Block, outer: NDArray[Any], tiled: Tiled
) -> None:
    """Write the columns of one slab, region by region of the last axis."""
    last = pattern.axes[-1]
    done = 0
    for region in last.regions:
        rows = last.rows(region)
        cols = rows.cols.astype(outer.dtype)
        if pattern.taps is None:
            size = outer.size * cols.size
            kept = last.keeps(region.start, region.start + region.period)
            _write_rows(slab[done : done + size], outer, cols, rows, tiled if kept else {})
        else:
            order = pattern.order(block.progressions, region)
            size = order.size
            slab[done : done + size] = (outer[:, None] + cols).reshape(-1)[order]
        target = slab[None, done : done + size * region.count]
        repeat(target, region.count, region.shift)
        done += target.shape[1]


def _write_rows(
    target: NDArray[Any], outer: NDArray[Any], cols: NDArray[Any], rows: Rows, tiled: Tiled
) -> None:
    """Write outer + cols, row by row of the last axis; in one go where rows are equally long."""
    if outer.size == 1:
        np.add(outer, cols, out=target)
        return
    if not rows.uniform:
        ends = rows.ptr * outer.size
        for row, (first, stop) in enumerate(pairwise(rows.ptr)):
            piece = target[ends[row] : ends[row + 1]].reshape(outer.size, stop - first)
            np.add(outer[:, None], cols[first:stop], out=piece)
        return
    n_rows = rows.counts.size
    width = cols.size // n_rows
    if width >= _WIDE:
        shape = n_rows, outer.size, width
        np.add(outer[:, None], cols.reshape(n_rows, 1, width), out=target.reshape(shape))
        return
    key = id(rows), outer.size
    # A sum over whole rows runs faster than one over short pieces.
    if key not in tiled:
        tiled[key] = np.tile(cols.reshape(n_rows, width), outer.size), rows
    np.add(tiled[key][0], np.repeat(outer, width), out=target.reshape(n_rows, -1))
