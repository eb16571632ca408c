"""What the loops over rows walk through: for every kind of output rows a list of shifts, each with
its weights.

Two outputs are computed at a time, a and b, from one reading of what they share: two rows of one
channel, the same row of two channels, or the two real products that make a complex one. A list has
three parts: shifts that only a reads, shifts that both read, shifts that only b reads. Everything
is counted in real numbers: a complex number is two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...assembly import grouped_kernel
from ...geometry import ConvGeometry
from ...pattern import MatrixPattern, fold_outer
from ._axis_sums import axis_sums
from ._columns import Columns, columns
from ._outer import OuterRows, kinds_of_pairs, outer_rows, pairs

Ints = NDArray[np.int64]

ROWS, CHANNELS, COMPLEX = range(3)  # what a and b are
STOP = int(np.iinfo(np.int64).min)  # ends a part of a list: the loops need no lengths
_END = np.array([[STOP], [0], [0], [0], [-1], [-1]])


@dataclass(frozen=True, eq=False)
class RowPlan:
    """One direction of one geometry."""

    pairing: int  # ROWS, CHANNELS or COMPLEX
    sizes: Ints  # what places everything in the flat arrays, in the order the loops unpack it
    # For each pair: its list, where its input starts, where output a starts, and how far behind b
    # does (0: no b).
    jobs: Ints
    # Where each list begins, target by target. Each of its three parts has threes of neighboring
    # shifts, a STOP, single shifts, a STOP.
    begins: Ints
    # For each entry: what to add to the column, the first column it serves, how many, and its tap.
    shifts: Ints
    frame: Ints  # the columns of each target
    # For each entry: its tap, and from which reading of the outer axes a and b take it (-1: none).
    weights_of: Ints

    def pack(self, kernel: NDArray[Any]) -> NDArray[Any]:
        """The weights of a folded kernel (row channels, column channels, readings, taps) as the
        loops read them: a's, then b's.
        """
        tap, a, b = self.weights_of
        nothing = np.zeros((*kernel.shape[:2], 1, kernel.shape[3]), dtype=kernel.dtype)
        kernel = np.concatenate([kernel, nothing], axis=2)  # the reading -1
        first = kernel[:, :, a, tap]
        if self.pairing == CHANNELS:  # the last channel, too, has weights behind its own
            both = first, first[-1]
        elif self.pairing == COMPLEX:
            both = first.real, first.imag
        else:
            both = first, kernel[:, :, b, tap]
        return np.concatenate([part.reshape(-1) for part in both])


@lru_cache(maxsize=64)
def row_plan(geometry: ConvGeometry, transposed: bool, is_complex: bool) -> RowPlan:
    """The tables for one direction; small, whatever the size of the samples."""
    pattern = MatrixPattern(geometry, transposed)
    rows = outer_rows(geometry, transposed)
    pitch = axis_sums(geometry.axes[-1], transposed).pitch
    length = pattern.axes[-1].shape[0]
    units, inputs = pattern.row_channels // geometry.groups, pattern.col_channels
    pairing = COMPLEX if is_complex else CHANNELS if units > 1 else ROWS
    table = np.repeat(np.arange(rows.owner.size)[:, None], 2, axis=1)  # a row is its own partner
    if pairing == ROWS:
        table = pairs(rows, geometry, transposed)
    kinds, kind = kinds_of_pairs(rows, table)
    targets = columns(geometry.axes[-1], transposed)
    begins, shifts, weights_of = _lists(rows, kinds, targets, pitch, pairing)
    unit, together = 2 if is_complex else 1, 2 if pairing == CHANNELS else 1
    entries = shifts.shape[1]
    gap = inputs * entries * (1 if pairing == CHANNELS else pattern.row_channels)
    x_channel, y_channel = rows.input_rows * pitch * unit, rows.owner.size * length * unit
    a, b = table.T
    apart = y_channel if pairing == CHANNELS else np.where(b < 0, 0, (b - a) * length)
    parts = (kind, rows.place[a] * pitch * unit, a * length * unit, apart)
    jobs = np.stack(np.broadcast_arrays(*parts), axis=1)
    sizes = np.array(
        [geometry.groups, units, together, inputs, entries, gap, x_channel, y_channel, unit]
    )
    frame = unit * np.array([target.frame for target in targets])
    return RowPlan(pairing, sizes, jobs, begins, shifts, frame, weights_of)


def _lists(
    rows: OuterRows, kinds: Ints, targets: list[Columns], pitch: int, pairing: int
) -> tuple[Ints, Ints, Ints]:
    """Begins, shifts and weights of the lists of all kinds of pairs."""
    begins: list[int] = []
    parts: list[Ints] = []
    end, unit = 0, 2 if pairing == COMPLEX else 1
    for a, b, gap in kinds.tolist():
        thirds = list(_thirds(rows, a, b, gap))
        for target in targets:
            begins.append(end)
            for reads, of_a, of_b in thirds:
                for taps in target.grouped(threes=unit == 1):
                    entries = _entries(target, taps, reads * pitch, of_a, of_b)
                    entries[:3] *= unit
                    parts += [entries, _END]
                    end += entries.shape[1] + 1
    table = np.concatenate(parts, axis=1)
    return np.array(begins).reshape(-1, len(targets)), table[:4], table[3:]


def _entries(target: Columns, taps: Ints, place: Ints, of_a: Ints, of_b: Ints) -> Ints:
    """Shift, first column, number of columns, tap, and readings of a and b: for every row of
    `taps`, every input row, every tap.
    """
    over_taps = (target.offset, target.low, target.high - target.low, target.taps)
    offset, low, count, tap = (part[taps][:, None] for part in over_taps)
    place, of_a, of_b = (part[:, None] for part in (place, of_a, of_b))
    grid = np.broadcast_arrays(offset + place, low, count, tap, of_a, of_b)
    return np.stack(grid).reshape(6, -1)


def _thirds(rows: OuterRows, a: int, b: int, gap: int) -> Iterator[tuple[Ints, Ints, Ints]]:
    """What only a reads, what both read, what only b reads: input rows, and the reading's number
    for a and for b, -1 for the one that does not read them.
    """
    each = rows.reads[a], rows.reads[b] + gap if b >= 0 else rows.reads[a][:0]
    reads = np.union1d(*each)
    of_a, of_b = (
        np.where(np.isin(reads, own), rows.starts[n] + np.searchsorted(own, reads), -1)
        for n, own in zip((a, b), each, strict=True)
    )
    for chosen in (of_b < 0, (of_a >= 0) & (of_b >= 0), of_a < 0):
        yield reads[chosen], of_a[chosen], of_b[chosen]


def folded_kernel(geometry: ConvGeometry, weight: NDArray[Any], transposed: bool) -> NDArray[Any]:
    """The kernel (row channels, column channels, readings of the outer axes, taps of the last),
    readings class by class.
    """
    kernel = grouped_kernel(geometry, weight, transposed)
    kernel = kernel.reshape(-1, *kernel.shape[2:])
    pattern = MatrixPattern(geometry, transposed)
    parts = [fold_outer(kernel, combination) for combination in pattern.combinations]
    shape = (*kernel.shape[:2], -1, kernel.shape[-1])
    return np.concatenate([part.reshape(shape) for part in parts], axis=2)
