"""What is taken beside the matrix while it is written slab by slab."""

from __future__ import annotations

from math import prod

from ..pattern import MatrixPattern

_OBJECT = 1000  # bytes, about, of a progression, and of what a block is written by
_ORDER = 48  # bytes, for each entry of a slab, while these are brought into rows


def slab_work(pattern: MatrixPattern) -> tuple[int, int]:
    """Bytes that are taken beside the matrix, about, and numbers for each row channel."""
    *outer, last = pattern.axes
    parts = [axis.progressions for axis in outer]
    combinations = prod(map(len, parts))
    slabs = prod(axis.shape[0] for axis in outer)
    objects = _OBJECT * (combinations + sum(map(len, parts)))
    entries = [max((part.rows.cols.size for part in found), default=0) for found in parts]
    outer_taps = [max((part.rows.taps.size for part in found), default=0) for found in parts]
    sizes = [axis.axis.k for axis in pattern.axes]
    folded = [
        pattern.col_channels * prod(entries[:n]) * outer_taps[n] * prod(sizes[n + 1 :])
        for n in range(len(outer))
    ]
    columns = pattern.col_channels * prod(entries)
    # One after the other: all of them may be many times the matrix.
    periods = [
        (rows.taps.size, rows.cols.size, rows.uniform) for rows in map(last.rows, last.regions)
    ]
    read = max((taps for taps, _, _ in periods), default=0)
    held = max((entries for _, entries, _ in periods), default=0)
    whole = pattern.taps is None and all(uniform for _, _, uniform in periods)
    tables = 0
    if whole and combinations > 1:
        tables = pattern.col_channels * prod(sizes[:-1]) * sum(taps for taps, _, _ in periods)
    numbers = 3 * (max(folded, default=0) + columns * read) + 2 * tables
    if tables and not any(part.rows.folded for found in parts for part in found):
        numbers = tables  # slabs are taken from these, in place
    order = 0 if whole else _ORDER * columns * held
    return 16 * slabs + objects + order, numbers
