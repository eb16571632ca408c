"""Rows and columns of the matrix, without the matrix."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from .. import _validate as validate
from .._memory import check_fits
from ..assembly import check_folded_sums, grouped_kernel
from ..errors import GeometryError
from ..geometry import Axis
from ..operators import ConvOperator, ConvTranspose
from ..pattern import Rows, forward_rows, transposed_rows
from ..spectral import checked

Ints = NDArray[np.int64]

_ROW, _ENTRY = 64, 32  # bytes that they take at least, on the way counted
_GAP = 64  # positions between two runs that are cheaper to write out than to start anew


def rows(op: ConvOperator, index: Any) -> csr_array:
    """Rows of the operator's matrix.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator; its matrix need not fit.
    index : int, slice, range, or array-like of ints or bools
        Which rows, as in ``op.matrix[index]``; negative ones count from the end. A row may be asked
        for more than once.

    Returns
    -------
    scipy.sparse.csr_array, (number of rows, n)
        In canonical format, of the operator's dtype; the caller's own.

    Raises
    ------
    GeometryError
        `index` is not what it may be.
    DTypeError
        `op` is not a Conv or ConvTranspose, or integer taps that meet in an entry overflow.
    MatrixTooLargeError
        So many rows do not fit in memory.

    See Also
    --------
    columns : the columns; those of an operator are the rows of its transpose.

    Notes
    -----
    Time and memory are proportional to what is returned.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import rows
    >>> op = Conv([1, 2, 3], (10**12,), channels=False)
    >>> row = rows(op, [5])
    >>> row.shape, row.indices, row.data
    ((1, 1000000000000), array([5, 6, 7]), array([1, 2, 3]))
    >>> rows(op, 10**12)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `index` must be between -999999999998 and 999999999997; got
        1000000000000. The matrix has 999999999998 rows.
    """
    checked(op)
    return _rows(op, _numbers(index, op.shape[0], "rows"))


def columns(op: ConvOperator, index: Any) -> csc_array:
    """Columns of the operator's matrix: its answers to unit vectors.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator; its matrix need not fit.
    index : int, slice, range, or array-like of ints or bools
        Which columns, as in ``op.matrix[:, index]``.

    Returns
    -------
    scipy.sparse.csc_array, (m, number of columns)
        In canonical format, of the operator's dtype; the caller's own.

    Raises
    ------
    GeometryError
        `index` is not what it may be.
    DTypeError
        `op` is not a Conv or ConvTranspose, or integer taps that meet in an entry overflow.
    MatrixTooLargeError
        So many columns do not fit in memory.

    See Also
    --------
    rows : the rows.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import columns
    >>> columns(Conv([1, 2, 3], (5,), channels=False), [2]).toarray().T
    array([[3, 2, 1]])
    """
    checked(op)
    return _rows(op.T, _numbers(index, op.shape[1], "columns")).T


def _numbers(index: Any, count: int, side: str) -> Ints:
    """The rows that an index means, as numbers in range(count)."""
    if isinstance(index, slice):
        try:
            taken = range(*index.indices(count))
        except (TypeError, ValueError) as error:
            raise GeometryError(
                f"`index` must be a slice of ints, with a step that is not 0; got {index!r}. Mend it."
            ) from error
        return _written(taken, count, side)
    if isinstance(index, range):  # which may be of any length, and of any numbers
        return _written(index, count, side)
    array = np.asarray(index) if np.size(index) else np.zeros(0, dtype=np.int64)
    if array.dtype == bool and array.shape == (count,):
        return np.flatnonzero(array)
    if array.dtype.kind not in "iu" or array.ndim > 1:
        raise GeometryError(
            f"`index` must be an int, a slice, a range, ints, or one bool per row; got "
            f"{array.dtype} of shape {array.shape}. Pass flat numbers, such as op.index(...)."
        )
    numbers = np.atleast_1d(array).astype(np.int64)
    wrong = numbers[(numbers < -count) | (numbers >= count)]
    if wrong.size:
        raise _outside(int(wrong[0]), count, side)
    return numbers % count


def _written(index: range, count: int, side: str) -> Ints:
    """The numbers of a range, if memory holds rows of one entry each."""
    if not index:
        return np.zeros(0, dtype=np.int64)
    first, last = index[0], index[-1]
    for end in (first, last):
        if not -count <= end < count:
            raise _outside(end, count, side)
    number = abs(last - first) // abs(index.step) + 1  # len() ends where machine words do
    _check_fit(number, 1, side)
    stop = last + (1 if index.step > 0 else -1)
    return np.arange(first, stop, index.step, dtype=np.int64) % count


def _check_fit(number: int, entries: int, side: str = "rows") -> None:
    """Refuse so many rows, with so many entries each, that memory does not hold."""
    nbytes = number * (_ROW + _ENTRY * entries)
    check_fits("index", f"{number:,} {side}", nbytes, "Take fewer at a time.")


def _outside(number: int, count: int, side: str) -> GeometryError:
    return GeometryError(
        f"`index` must be between {-count} and {count - 1}; got {validate.written(number)}. "
        f"The matrix has {count} {side}."
    )


def _rows(op: ConvOperator, numbers: Ints) -> csr_array:
    """Rows of an operator's matrix; axis by axis the entries of each row are multiplied out, and
    the kernel's taps folded onto them in the order of the assembly.
    """
    geometry = op.geometry
    check_folded_sums(geometry, op.weight)
    transposed = isinstance(op, ConvTranspose)
    kernel = _row_kernels(op, transposed)
    _check_fit(len(numbers), prod(kernel.shape[1:]))
    size = tuple(axis.n_in if transposed else axis.n_out for axis in geometry.axes)
    other = tuple(axis.n_out if transposed else axis.n_in for axis in geometry.axes)
    channel, *position = np.unravel_index(numbers, (kernel.shape[0], *size))
    # One entry for each row to begin with; every axis multiplies it by the entries of its row.
    values: NDArray[Any] = kernel[channel]
    owner, place = np.arange(len(numbers)), np.zeros(len(numbers), dtype=np.int64)
    for axis, at, stretch in zip(geometry.axes, position, other, strict=True):
        wanted, which = np.unique(at, return_inverse=True)
        found = axis_rows(axis, transposed, wanted)
        values, owner, place = _multiplied(values, owner, place, found, which, stretch)
    col_channels = values.shape[1] if values.ndim > 1 else 1
    first = channel // (kernel.shape[0] // geometry.groups) * col_channels
    cols = (first[owner][:, None] + np.arange(col_channels)) * prod(other) + place[:, None]
    counts = np.bincount(owner, minlength=len(numbers)) * col_channels
    indptr = np.concatenate([[0], np.cumsum(counts)])
    data = np.ascontiguousarray(values.reshape(-1))
    matrix = csr_array((data, cols.reshape(-1), indptr), shape=(len(numbers), op.shape[1]))
    matrix.sort_indices()
    return matrix


def _row_kernels(op: ConvOperator, transposed: bool) -> NDArray[Any]:
    """(row channel, column channel of its group, *taps)."""
    weight = op.weight.conj() if op.conjugated else op.weight
    kernel = grouped_kernel(op.geometry, weight, transposed)
    return kernel.reshape(-1, *kernel.shape[2:])


def _multiplied(
    values: NDArray[Any], owner: Ints, place: Ints, found: Rows, which: Ints, stretch: int
) -> tuple[NDArray[Any], Ints, Ints]:
    """Entries (entry, channel, taps of this axis, ...) with the axis's entries in place of its
    taps.
    """
    row = which[owner]
    counts = found.counts[row]
    source = np.repeat(np.arange(len(owner)), counts)
    entry = _ranges(found.ptr[row], counts)
    width = np.diff(found.fold)[entry]
    term = _ranges(found.fold[entry], width)
    taken = values[np.repeat(source, width), :, found.taps[term]]
    if found.coefficients is not None:
        factors = found.coefficients[term].astype(taken.dtype)
        taken = taken * factors.reshape(-1, *(1,) * (taken.ndim - 1))
    if taken.shape[0] > len(entry):
        taken = np.add.reduceat(taken, np.cumsum(width) - width, axis=0, dtype=taken.dtype)
    return taken, owner[source], place[source] * stretch + found.cols[entry]


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """All ``starts[i] + range(counts[i])``, one after the other."""
    begins = np.cumsum(counts) - counts
    return np.repeat(starts - begins, counts) + np.arange(counts.sum())


def axis_rows(axis: Axis, transposed: bool, wanted: Ints) -> Rows:
    """Rows of one axis's matrix, ascending, written out run by run."""
    write = transposed_rows if transposed else forward_rows
    cuts = np.flatnonzero(np.diff(wanted) > _GAP) + 1
    parts = [_chosen(write, axis, run) for run in np.split(wanted, cuts) if len(run)]
    return _joined(parts)


def _chosen(write: Any, axis: Axis, run: Ints) -> Rows:
    """Some rows of a run."""
    first = int(run[0])
    all_rows: Rows = write(axis, first, int(run[-1]) + 1)
    if len(run) == len(all_rows.ptr) - 1:
        return all_rows
    return _joined([all_rows.row(number - first) for number in run.tolist()])


def _joined(parts: list[Rows]) -> Rows:
    """Rows one below the other."""
    if parts:
        return parts[0] if len(parts) == 1 else Rows.joined(parts)
    zero, empty = np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64)
    return Rows(zero, empty, zero, empty)
