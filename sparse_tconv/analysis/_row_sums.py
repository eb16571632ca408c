"""Sums over each row of a matrix: of a convolution's, one row of every kind is enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .._memory import check_fits
from ..errors import GeometryError, MatrixTooLargeError
from ..geometry import Axis
from ..operators import ConvOperator, ConvTranspose
from ..pattern import axis_pattern, written_taps
from ..spectral import problem
from ._slices import rows

Terms = Callable[[NDArray[Any]], NDArray[Any]]

EPS = float(np.finfo(np.float64).eps)
_AT_ONCE = 1 << 22  # entries that are written out together
_MOST_KINDS = 1 << 22
_SAFE = 1 << 62  # integers up to which sums are kept in machine words


@dataclass(frozen=True, eq=False)
class RowSums:
    """Sums over the rows of a matrix that differ, and how often each is there.

    Parameters
    ----------
    sums : (row channel, kind of each axis, ...) array
        Integers, as words or as Python's, where the matrix has integers.
    counts : list of array
        How many rows of each axis are of a kind.
    places : list of list of slice
        Which.
    entries : int
        Of the longest row, at most.
    """

    sums: NDArray[Any]
    counts: list[NDArray[np.int64]]
    places: list[list[slice]]
    entries: int

    @property
    def largest(self) -> Any:
        """The largest sum."""
        return self.sums.max()

    @property
    def total(self) -> Any:
        """The sum over all rows."""
        sums = self.sums
        if sums.dtype.kind != "f":
            sums = sums.astype(object)
        for counts in reversed(self.counts):
            sums = sums @ counts.astype(sums.dtype)
        return sums.sum()

    def spread(self) -> NDArray[Any]:
        """The sum of every row: (row channel, *positions)."""
        sums = self.sums
        sizes = [int(counts.sum()) for counts in self.counts]
        nbytes = 2 * sums.itemsize * len(sums) * prod(sizes) + 8 * max(sizes)
        check_fits("op", f"sums of {len(sums)} x {sizes} rows", nbytes, "Use a smaller one.")
        for number, (counts, places) in enumerate(zip(self.counts, self.places, strict=True), 1):
            index = np.empty(int(counts.sum()), dtype=np.int64)
            for kind, place in enumerate(places):
                index[place] = kind
            sums = sums.take(index, axis=number)
        return sums


def _at_borders(axis: Axis, transposed: bool) -> int:
    """How many rows of an axis are of no other's kind, at most; nothing is written out."""
    if transposed:
        return written_taps(axis, transposed) // axis.k
    start, stop = axis.interior
    return axis.n_out - (stop - start)


def _check_kinds(number: int) -> None:
    """Refuse so many rows that are of no other's kind that looking at each takes too long."""
    if number > _MOST_KINDS:
        raise MatrixTooLargeError(
            f"`op` must have at most {_MOST_KINDS:,} kinds of rows to be summed; got {number:,}. "
            "Pad less, or use a smaller stride or dilation."
        )


def row_sums(op: ConvOperator, terms: Terms) -> RowSums:
    """The sums of `terms` of the entries, over the rows of a convolution."""
    transposed = isinstance(op, ConvTranspose)
    g = op.geometry
    _check_kinds(sum(_at_borders(axis, transposed) for axis in g.axes))
    patterns = [axis_pattern(axis, transposed) for axis in g.axes]
    _check_kinds(prod(sum(part.period for part in each.regions) for each in patterns))
    kinds = [each.progressions for each in patterns]
    starts = [np.array([part.start for part in parts], dtype=np.int64) for parts in kinds]
    sizes = [axis.n_in if transposed else axis.n_out for axis in g.axes]
    channels = g.x_channels if transposed else g.y_channels
    grid = np.meshgrid(np.arange(channels), *starts, indexing="ij")
    numbers = np.ravel_multi_index(tuple(grid), (channels, *sizes)).reshape(-1)
    taken = (g.y_channels if transposed else g.x_channels) // g.groups
    entries = taken * prod(axis.k for axis in g.axes)
    step = max(_AT_ONCE // max(entries, 1), 1)
    wide = _widened(op)
    found = [
        _summed(rows(wide, numbers[first : first + step]), terms)
        for first in range(0, numbers.size, step)
    ]
    return RowSums(
        np.concatenate(found).reshape(grid[0].shape),
        [np.array([part.count for part in parts], dtype=np.int64) for parts in kinds],
        [[part.positions for part in parts] for parts in kinds],
        entries,
    )


def matrix_sums(matrix: csr_array, terms: Terms) -> RowSums:
    """The same of a matrix that is there."""
    sums = _summed(matrix, terms)
    most = int(np.diff(matrix.indptr).max(initial=0))
    return RowSums(sums, [], [], most)


def wide_matrix(op: Any) -> csr_array:
    """The matrix of any operator, integers in words, others in double precision."""
    if isinstance(op, ConvOperator):
        return _widened(op).matrix
    return op.to_matrix(dtype=_wide(op.dtype))


def finite(op: Any, matrix: csr_array) -> csr_array:
    """A matrix of numbers only."""
    if np.isfinite(matrix.data).all():
        return matrix
    raise GeometryError(
        "`op` must have finite entries; got nan or inf. Replace them: a matrix that has them has no norm."
    )


def rounding(op: ConvOperator, entries: int) -> float:
    """Bound of the error of the 2-norm of one row, of so many entries, each a sum of taps."""
    base, _ = problem(op)
    return (entries + 8) * EPS * base.weight_norm * base.extension_norm


def absolute(values: NDArray[Any]) -> NDArray[Any]:
    """Sizes of entries."""
    return abs(values)


def squares(values: NDArray[Any]) -> NDArray[Any]:
    """Squared sizes of entries."""
    if values.dtype.kind == "c":
        return np.asarray(values.real**2 + values.imag**2)
    return values * values


def _wide(dtype: np.dtype[Any]) -> Any:
    if dtype.kind in "iu":
        return dtype if dtype.itemsize == 8 else np.int64
    return np.complex128 if dtype.kind == "c" else np.float64


def _widened(op: ConvOperator) -> ConvOperator:
    """The operator with a kernel that does not wrap and rounds as double precision."""
    return op.with_weight(op.weight.astype(_wide(op.weight.dtype)))


def _summed(matrix: csr_array, terms: Terms) -> NDArray[Any]:
    """The sum over each row."""
    data = matrix.data
    if data.dtype.kind in "iu" and data.size:
        most = max(abs(int(data.max())), abs(int(data.min())), 1)
        longest = int(np.diff(matrix.indptr).max())
        data = data.astype(object if most * most * longest >= _SAFE else np.int64)
    each = terms(data)
    filled = np.concatenate([each, np.zeros(1, dtype=each.dtype)])  # reduceat wants an end
    sums = np.add.reduceat(filled, matrix.indptr[:-1]) if matrix.shape[0] else filled[:0]
    sums[np.diff(matrix.indptr) == 0] = 0
    return np.asarray(sums)
