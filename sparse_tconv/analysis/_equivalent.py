"""Whether two operators have one matrix."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import GeometryError
from ..operators import ConvOperator, ConvTranspose
from ..solution import Result
from ..spectral import checked, problem, scaled
from ._expressions import is_expression, largest_difference
from ._slices import rows

_HALF = 32  # bits
_ENTRIES = 1 << 21  # of the matrices that are compared at a time


def equivalent(op1: ConvOperator, op2: ConvOperator, tol: float = 0.0) -> Result:
    """Whether two operators have the same matrix, however they were described.

    Parameters
    ----------
    op1, op2 : Conv, ConvTranspose or expression
        The operators; one may be a convolution and the other a transposed one.
    tol : float, default 0
        Entries may differ by this much.

    Returns
    -------
    Result
        ``value``: bool; ``error``: the largest difference of two entries, infinite if the shapes
        differ; ``method``: 'shapes', 'kernels' (one geometry), 'rows' (every entry) or 'matrices'
        (every entry of whole matrices, where one is an expression).

    Raises
    ------
    DTypeError
        One is no operator of this library.
    GeometryError
        `tol` is not a number of at least 0.

    Notes
    -----
    The shapes that count are those of the matrices, and integers are compared exactly, as they do
    not wrap. Rows are compared some thousands at a time, in
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
    if any(map(is_expression, (op1, op2))):
        return _of_expressions(op1, op2, tol)
    (first, swapped1), (second, swapped2) = (problem(scaled(op)[0]) for op in (op1, op2))
    if op1.shape != op2.shape:
        return Result(False, "shapes", float("inf"), "proved")
    same = swapped1 == swapped2 and first.geometry == second.geometry
    if same and _same_bits(op1.weight, op2.weight) and (first.kernel == second.kernel).all():
        return Result(True, "kernels", 0.0, "proved")
    difference = _largest_difference(op1, op2)
    return Result(difference <= tol, "rows", difference, "proved")


def _of_expressions(op1: Any, op2: Any, tol: float) -> Result:
    """Of two operators, of which one is no convolution: by their matrices."""
    for op in (op1, op2):
        if not is_expression(op):
            checked(op)
    if op1.shape != op2.shape:
        return Result(False, "shapes", float("inf"), "proved")
    difference = largest_difference(op1, op2)
    return Result(difference <= tol, "matrices", difference, "proved")


def _same_bits(first: NDArray[Any], second: NDArray[Any]) -> bool:
    """Whether two weights are equal and of one type: those of two may be equal to rounding only."""
    return first.dtype == second.dtype and np.array_equal(first, second)


def _largest_difference(op1: ConvOperator, op2: ConvOperator) -> float:
    """Over all entries, some rows at a time."""
    terms = _terms(op1, 1.0) + _terms(op2, -1.0)
    terms.sort(key=lambda term: -abs(term[0]))
    count = op1.shape[0]
    taps = max(_taps_per_row(op1), _taps_per_row(op2))
    step = max(_ENTRIES // taps, 1)
    largest = 0.0
    for start in range(0, count, step):
        part = slice(start, start + step)
        with np.errstate(over="ignore"):
            difference = reduce(add, [rows(op, part) * factor for factor, op in terms])
            largest = max(largest, float(abs(difference.data).max(initial=0)))
    return largest


def _terms(op: ConvOperator, sign: float) -> list[tuple[float, ConvOperator]]:
    """The operator as a sum of operators whose entries are exact in floating point: long integers in
    halves, the upper ones first, so that what is left when they cancel is exact too.
    """
    weight = op.weight
    if weight.dtype.kind == "c":
        return [(sign, op.with_weight(weight.astype(np.result_type(weight, np.complex128))))]
    if weight.dtype.kind == "f" or weight.dtype.itemsize < 8:
        return [(sign, op.with_weight(weight.astype(np.result_type(weight, np.float64))))]
    lower = weight & ((1 << _HALF) - 1)
    return [
        (sign * 2.0**_HALF, op.with_weight((weight >> _HALF).astype(np.float64))),
        (sign, op.with_weight(lower.astype(np.float64))),
    ]


def _taps_per_row(op: ConvOperator) -> int:
    """Entries of a row, at most."""
    g = op.geometry
    channels = g.y_channels if isinstance(op, ConvTranspose) else g.x_channels
    return int(np.prod(g.kernel_size)) * channels // g.groups
