"""Whether two operators have one matrix."""

from __future__ import annotations

import numpy as np

from ..errors import GeometryError
from ..operators import ConvOperator, ConvTranspose
from ..solution import Result
from ..spectral import problem
from ._slices import rows

_ENTRIES = 1 << 21  # of the matrices that are compared at a time


def equivalent(op1: ConvOperator, op2: ConvOperator, tol: float = 0.0) -> Result:
    """Whether two operators have the same matrix, however they were described.

    Parameters
    ----------
    op1, op2 : Conv or ConvTranspose
        The operators; one may be a convolution and the other a transposed one.
    tol : float, default 0
        Entries may differ by this much.

    Returns
    -------
    Result
        ``value``: bool; ``error``: the largest difference of two entries, infinite if the shapes
        differ; ``method``: 'shapes', 'kernels' (one geometry) or 'rows' (every entry).

    Raises
    ------
    DTypeError
        One is not a Conv or ConvTranspose.

    Notes
    -----
    The shapes that count are those of the matrices. Rows are compared some thousands at a time, in
    time proportional to the entries and in little memory.

    Examples
    --------
    A transposed convolution of stride 1 is a full convolution with the flipped kernel:

    >>> from sparse_tconv import Conv, ConvTranspose
    >>> from sparse_tconv.analysis import equivalent
    >>> full = Conv([1, 2, 3], (5,), padding="full", flip=True, channels=False)
    >>> found = equivalent(full, ConvTranspose([1, 2, 3], (5,), channels=False))
    >>> found.value, found.method, found.error
    (True, 'rows', 0.0)
    >>> equivalent(full, full.matrix)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `op` must be a Conv or ConvTranspose; got csr_array. Make one
        with sparse_tconv.Conv(weight, in_shape).
    """
    if not isinstance(tol, (int, float)) or not tol >= 0:
        raise GeometryError(f"`tol` must be a number, at least 0; got {tol!r}. Use 0 for equality.")
    (first, swapped1), (second, swapped2) = problem(op1), problem(op2)
    if op1.shape != op2.shape:
        return Result(False, "shapes", float("inf"))
    if swapped1 == swapped2 and first.geometry == second.geometry:
        kernels = abs(first.kernel - second.kernel).max()
        if kernels == 0:
            return Result(True, "kernels", 0.0)
    difference = _largest_difference(op1, op2)
    return Result(difference <= tol, "rows", difference)


def _largest_difference(op1: ConvOperator, op2: ConvOperator) -> float:
    """Over all entries, some rows at a time."""
    count = op1.shape[0]
    taps = max(_taps_per_row(op1), _taps_per_row(op2))
    step = max(_ENTRIES // taps, 1)
    largest = 0.0
    for start in range(0, count, step):
        part = slice(start, start + step)
        difference = rows(op1, part) - rows(op2, part)
        largest = max(largest, float(abs(difference.data).max(initial=0)))
    return largest


def _taps_per_row(op: ConvOperator) -> int:
    """Entries of a row, at most."""
    g = op.geometry
    channels = g.y_channels if isinstance(op, ConvTranspose) else g.x_channels
    return int(np.prod(g.kernel_size)) * channels // g.groups
