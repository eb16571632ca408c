"""The last axis as lanes: which taps meet in an output, and where in a row of the input each of
them reads.

A convolution of stride s reads the samples of one residue modulo s with each tap; its transpose
gives the outputs of one residue from some of the taps. With residues apart every tap is a shift:
output column c reads the input at ``c + offset``. So a row of C takes a row sorted by residues and
has one lane; a row of C^T has s lanes, woven into one row at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...geometry import Axis
from ...pattern import axis_pattern

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lane:
    """Outputs of one residue.

    Parameters
    ----------
    start, stop : int
        The columns that are shifts alone; the others lie at an edge that repeats samples.
    taps : (n,) int array
        The taps that meet here.
    offset : (n,) int array
        What each adds to the column to find its input, in a row whose residues are sorted.
    low, high : (n,) int array
        The columns for which that input exists.
    """

    start: int
    stop: int
    taps: Ints
    offset: Ints
    low: Ints
    high: Ints

    @property
    def interior(self) -> tuple[int, int]:
        """The columns in which every tap has its input."""
        low = int(self.low.max(initial=self.start))
        return low, max(low, int(self.high.min(initial=self.stop)))


@dataclass(frozen=True)
class Residues:
    """How the rows of the input are sorted before they are read: residues `kept` modulo `modulus`,
    each `length` long.

    With modulus 1 a row is read as it is.
    """

    modulus: int
    kept: tuple[int, ...]
    length: int

    @property
    def pitch(self) -> int:
        """Length of a sorted row."""
        return len(self.kept) * self.length


def residues(axis: Axis, transposed: bool) -> Residues:
    """The residues that the taps read."""
    if transposed or axis.stride == 1:
        return Residues(1, (0,), axis.n_out if transposed else axis.n_in)
    shifts = axis.dilation * np.arange(axis.k) - axis.before
    return Residues(
        axis.stride, tuple(np.unique(shifts % axis.stride).tolist()), -(-axis.n_in // axis.stride)
    )


def lanes(axis: Axis, transposed: bool) -> tuple[Lane, ...]:
    """The lanes of a row of C, or of C^T."""
    if not transposed:
        return (_forward(axis),)
    return tuple(_transposed(axis, residue) for residue in range(min(axis.stride, axis.n_in)))


def _forward(axis: Axis) -> Lane:
    """Window c reads ``stride (c + q) + residue`` with each tap."""
    taps = np.arange(axis.k, dtype=np.int64)
    q, residue = np.divmod(axis.dilation * taps - axis.before, axis.stride)
    sorting = residues(axis, False)
    slot = np.searchsorted(np.array(sorting.kept), residue)
    existing = -(-(axis.n_in - residue) // axis.stride)
    start, stop = _shifts_alone(axis, False)
    return _lane(start, stop, taps, q, slot * sorting.length, existing)


def _transposed(axis: Axis, residue: int) -> Lane:
    """Sample ``stride c + residue`` is read by window c + q with those taps that can reach it."""
    taps = np.arange(axis.k, dtype=np.int64)
    q, rest = np.divmod(residue + axis.before - axis.dilation * taps, axis.stride)
    taps, q = taps[rest == 0], q[rest == 0]
    start, stop = (-(-(edge - residue) // axis.stride) for edge in _shifts_alone(axis, True))
    return _lane(start, stop, taps, q, np.zeros_like(q), np.full_like(q, axis.n_out))


def _lane(start: int, stop: int, taps: Ints, q: Ints, slot: Ints, existing: Ints) -> Lane:
    """A lane from the shift of each tap, the start of its residue, and the length of that."""
    low = np.clip(-q, start, stop)
    return Lane(start, stop, taps, slot + q, low, np.clip(existing - q, low, stop))


def _shifts_alone(axis: Axis, transposed: bool) -> tuple[int, int]:
    """The outputs of an axis that read plain shifts: all with zeros outside, else those that no
    border reaches.
    """
    pattern = axis_pattern(axis, transposed)
    if axis.mode == "zeros":
        return 0, pattern.shape[0]
    region = max(pattern.regions, key=lambda part: part.period * part.count * (part.count > 1))
    rows = pattern.rows(region)
    row = region.start + np.repeat(np.arange(region.period), rows.counts)
    if rows.folded or region.count < 2:
        return 0, 0
    reach = (
        row + axis.before - axis.dilation * rows.taps
        if transposed
        else row * axis.stride - axis.before
    )
    place = axis.stride * rows.cols if transposed else rows.cols - axis.dilation * rows.taps
    complete = rows.taps.size == axis.k * region.period // (axis.stride if transposed else 1)
    return (region.start, region.stop) if complete and (reach == place).all() else (0, 0)
