"""What the compiled loops walk through: for every kind of output rows a list of shifts, each with
its weights.

Two outputs are computed at a time, a and b, from one reading of what they share: two rows of one
channel, the same row of two channels, or the two real products that make a complex one. A list has
three parts: shifts that only a reads, shifts that both read, shifts that only b reads. Everything
is counted in real numbers: a complex number is two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...assembly import correlation_kernel
from ...geometry import ConvGeometry
from ...pattern import MatrixPattern, fold_outer
from ._lanes import Lane, Residues, lanes, residues
from ._outer import OuterRows, kinds_of_pairs, outer_rows, pairs

Ints = NDArray[np.int64]

ROWS, CHANNELS, COMPLEX = range(3)  # what a and b are
STOP = int(np.iinfo(np.int64).min)  # ends a part of a list: the loops need no lengths


@dataclass(frozen=True, eq=False)
class Plan:
    """One direction of one geometry.

    Parameters
    ----------
    geometry : ConvGeometry
        The geometry of C.
    transposed : bool
        Whether the product is with C^T.
    pairing : int
        ROWS, CHANNELS or COMPLEX.
    jobs : (jobs, 4) int array
        For each pair of rows: its list, where its input starts, where its outputs a and b start
        (-1: no b).
    begins : (lists, lanes) int array
        Where each list begins, lane by lane. Each of its three parts has threes of neighboring
        shifts, a STOP, single shifts, a STOP.
    shifts : (3, entries) int array
        For each entry: what to add to the column, the first column it serves, and how many.
    lanes : (lanes, 5) int array
        First and last column + 1, the same of the interior, and how many columns there are.
    weights_of : (3, entries) int array
        For each entry: which reading of the outer axes a and b take it from (-1: none), and which
        tap of the last axis.
    sorting : Residues
        How the rows of the input are to be sorted.
    """

    geometry: ConvGeometry
    transposed: bool
    pairing: int
    jobs: Ints
    begins: Ints
    shifts: Ints
    lanes: Ints
    weights_of: Ints
    sorting: Residues

    @property
    def nbytes(self) -> int:
        """Bytes of the tables."""
        tables = (self.jobs, self.begins, self.shifts, self.lanes, self.weights_of)
        return sum(table.nbytes for table in tables)

    def pack(self, kernel: NDArray[Any]) -> NDArray[Any]:
        """The weights of a folded kernel (row channels, column channels, readings, taps) as the
        loops read them: a's, then b's.
        """
        a, b, tap = self.weights_of
        nothing = np.zeros((*kernel.shape[:2], 1, kernel.shape[3]), dtype=kernel.dtype)
        kernel = np.concatenate([kernel, nothing], axis=2)  # the reading -1
        first = kernel[:, :, a, tap]
        if self.pairing == CHANNELS:
            return first.reshape(-1)
        if self.pairing == COMPLEX:
            return np.concatenate([first.real.reshape(-1), first.imag.reshape(-1)])
        return np.concatenate([first.reshape(-1), kernel[:, :, b, tap].reshape(-1)])

    def sizes(self) -> Ints:
        """The numbers that place everything in the flat arrays, in the order the loops unpack
        them.
        """
        g = self.geometry
        pattern = MatrixPattern(g, self.transposed)
        units, channels = pattern.row_channels // g.groups, pattern.col_channels
        unit = 2 if self.pairing == COMPLEX else 1
        outer = outer_rows(g, self.transposed)
        x_channel = outer.input_rows * self.sorting.pitch * unit
        y_channel = outer.owner.size * pattern.axes[-1].shape[0] * unit
        entries = self.shifts.shape[1]
        gap = (
            channels * entries
            if self.pairing == CHANNELS
            else pattern.row_channels * channels * entries
        )
        return np.array(
            [self.pairing, g.groups, units, channels, entries, gap, x_channel, y_channel, unit],
            dtype=np.int64,
        )


@lru_cache(maxsize=64)
def plan(geometry: ConvGeometry, transposed: bool, is_complex: bool) -> Plan:
    """The tables for one direction; small, whatever the size of the samples."""
    rows = outer_rows(geometry, transposed)
    axis = geometry.axes[-1]
    sorting = residues(axis, transposed)
    parts = lanes(axis, transposed)
    pairing = _pairing(geometry, transposed, is_complex)
    unit = 2 if is_complex else 1
    if pairing == ROWS:
        table = pairs(rows, geometry, transposed)
    else:
        table = np.stack([np.arange(rows.owner.size), np.full(rows.owner.size, -1)], axis=1)
    kinds, _, kind = kinds_of_pairs(rows, table)
    begins, shifts, weights_of = _lists(rows, kinds.tolist(), parts, sorting.pitch, pairing, unit)
    length = axis.n_in if transposed else axis.n_out
    a, b = table.T
    jobs = np.stack(
        [
            kind,
            rows.place[a] * sorting.pitch * unit,
            a * length * unit,
            np.where(b < 0, -1, b * length * unit),
        ],
        axis=1,
    )
    frame = np.array(
        [(p.start, p.stop, *p.interior, _length(p, length, parts)) for p in parts], dtype=np.int64
    )
    return Plan(
        geometry, transposed, pairing, jobs, begins, shifts, frame * unit, weights_of, sorting
    )


def _pairing(geometry: ConvGeometry, transposed: bool, is_complex: bool) -> int:
    if is_complex:
        return COMPLEX
    pattern = MatrixPattern(geometry, transposed)
    return CHANNELS if pattern.row_channels // geometry.groups > 1 else ROWS


def _length(lane: Lane, length: int, parts: tuple[Lane, ...]) -> int:
    """How many outputs of a row have the lane's residue."""
    return (length - parts.index(lane) + len(parts) - 1) // len(parts)


def _lists(
    rows: OuterRows,
    kinds: list[list[int]],
    parts: tuple[Lane, ...],
    pitch: int,
    pairing: int,
    unit: int,
) -> tuple[Ints, Ints, Ints]:
    """Begins, shifts and weights of the lists of all kinds of pairs."""
    begins: list[int] = []
    shifts: list[Ints] = []
    weights: list[Ints] = []
    end = 0
    for a, b, gap in kinds:
        thirds = _thirds(rows, a, b, gap, pairing)
        for lane in parts:
            begins.append(end)
            for reads, of_a, of_b in thirds:
                for taps in _threes(lane, unit):
                    shifts += [_shifts(reads * pitch, lane, taps) * unit, _END_OF_SHIFTS]
                    weights += [_weights(of_a, of_b, lane.taps[taps]), _END_OF_WEIGHTS]
                    end += reads.size * taps.size + 1
    table = np.array(begins, dtype=np.int64).reshape(len(kinds), len(parts))
    return table, np.concatenate(shifts, axis=1), np.concatenate(weights, axis=1)


_END_OF_SHIFTS = np.array([[STOP], [0], [0]])
_END_OF_WEIGHTS = np.array([[-1], [-1], [0]])


def _threes(lane: Lane, unit: int) -> tuple[Ints, Ints]:
    """The lane's taps, as indices: rows of three with neighboring shifts, and rows of one."""
    order = np.argsort(lane.offset, kind="stable")
    if unit > 1:
        return order[:0].reshape(0, 3), order[:, None]
    ordered = lane.offset[order]
    grouped = np.zeros(order.size, dtype=bool)
    for first in range(order.size - 2):
        if (
            not grouped[first]
            and ordered[first + 2] == ordered[first + 1] + 1 == ordered[first] + 2
        ):
            grouped[first : first + 3] = True
    return order[grouped].reshape(-1, 3), order[~grouped][:, None]


def _weights(of_a: Ints, of_b: Ints, taps: Ints) -> Ints:
    """Readings of a and b, and tap: for every row of `taps`, every input row, every tap."""
    shape = (taps.shape[0], of_a.size, taps.shape[1])
    parts = (of_a[None, :, None], of_b[None, :, None], taps[:, None, :])
    return np.stack([np.broadcast_to(part, shape) for part in parts]).reshape(3, -1)


def _shifts(start: Ints, lane: Lane, taps: Ints) -> Ints:
    """Shift, first column and number of columns: for every row of `taps`, every input row, every
    tap.
    """
    shape = (taps.shape[0], start.size, taps.shape[1])
    parts = (
        lane.offset[taps][:, None] + start[:, None],
        lane.low[taps][:, None],
        (lane.high - lane.low)[taps][:, None],
    )
    return np.stack([np.broadcast_to(part, shape) for part in parts]).reshape(3, -1)


def _thirds(
    rows: OuterRows, a: int, b: int, gap: int, pairing: int
) -> list[tuple[Ints, Ints, Ints]]:
    """What only a reads, what both read, what only b reads: input rows, and the reading's number
    for a and for b.
    """
    starts = rows.starts
    of_a = starts[a] + np.arange(rows.reads[a].size)
    none = np.full(of_a.size, -1)
    nothing = (of_a[:0],) * 3
    if pairing != ROWS:
        return [nothing, (rows.reads[a], of_a, of_a), nothing]
    if b < 0:
        return [(rows.reads[a], of_a, none), nothing, nothing]
    reads_b = rows.reads[b] + gap
    of_b = starts[b] + np.arange(reads_b.size)
    both, at_a, at_b = np.intersect1d(
        rows.reads[a], reads_b, assume_unique=True, return_indices=True
    )
    only_a = np.setdiff1d(np.arange(of_a.size), at_a)
    only_b = np.setdiff1d(np.arange(of_b.size), at_b)
    return [
        (rows.reads[a][only_a], of_a[only_a], none[: only_a.size]),
        (both, of_a[at_a], of_b[at_b]),
        (reads_b[only_b], np.full(only_b.size, -1), of_b[only_b]),
    ]


def folded_kernel(geometry: ConvGeometry, weight: NDArray[Any], transposed: bool) -> NDArray[Any]:
    """The kernel (row channels, column channels, readings of the outer axes, taps of the last),
    readings class by class.
    """
    kernel = correlation_kernel(geometry, weight)
    if transposed:
        grouped = kernel.reshape(geometry.groups, -1, *kernel.shape[1:]).swapaxes(1, 2)
        kernel = grouped.reshape(-1, *grouped.shape[2:])
    pattern = MatrixPattern(geometry, transposed)
    parts = [fold_outer(kernel, combination) for combination in pattern.combinations]
    shape = (*kernel.shape[:2], -1, kernel.shape[-1])
    return np.concatenate([part.reshape(shape) for part in parts], axis=2)


def outer_size(geometry: ConvGeometry) -> int:
    """Number of output rows of C in one channel."""
    return prod(axis.n_out for axis in geometry.axes[:-1])
