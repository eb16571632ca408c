"""The numbers that entries along one axis are: the kernel's taps, and the sums of taps that meet in
one entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pattern import Rows

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AxisEntries:
    """Taps 0 .. k - 1 of an axis, and behind them the different sums of several taps, or of
    multiples.

    Parameters
    ----------
    number : int64 array
        For each entry of the rows which of these it is.
    total : int
        How many there are.
    taps, begins : int64 array
        The taps of all sums one after the other, and where each sum begins.
    factors : int64 array or None
        Their coefficients; None where all are 1.
    """

    number: Ints
    total: int
    taps: Ints
    begins: Ints
    factors: Ints | None


def axis_entries(rows: Rows, k: int) -> AxisEntries:
    """What the entries of some rows of an axis with `k` taps are."""
    number = rows.taps[rows.fold[:-1]]
    several = np.diff(rows.fold) > 1
    if rows.coefficients is not None:
        several |= rows.coefficients[rows.fold[:-1]] != 1
    taps, ends = rows.taps.tolist(), rows.fold.tolist()
    own = [] if rows.coefficients is None else rows.coefficients.tolist()
    sums: dict[tuple[int, ...], int] = {}  # taps, and behind them their coefficients, if any
    for entry in np.flatnonzero(several).tolist():
        first, last = ends[entry], ends[entry + 1]
        terms = tuple(taps[first:last] + own[first:last])
        number[entry] = k + sums.setdefault(terms, len(sums))
    if not own:
        begins = np.cumsum([0, *map(len, sums)])[:-1]
        summed = np.array([tap for terms in sums for tap in terms], dtype=np.int64)
        return AxisEntries(number, k + len(sums), summed, begins, None)
    halves = [np.array(terms, dtype=np.int64).reshape(2, -1) for terms in sums]
    begins = np.cumsum([0, *(half.shape[1] for half in halves)])[:-1]
    summed, factors = np.concatenate([np.zeros((2, 0), dtype=np.int64), *halves], axis=1)
    return AxisEntries(number, k + len(sums), summed, begins, factors)


def extended(
    values: NDArray[Any], entries: AxisEntries, axis: int, ufunc: np.ufunc = np.add
) -> NDArray[Any]:
    """`values` with the sums of an axis behind its taps, added in the order of taps."""
    if not entries.taps.size:
        return values
    terms = values.take(entries.taps, axis=axis)
    if entries.factors is not None and ufunc is np.add:
        factors = entries.factors.astype(values.dtype)
        terms = terms * factors.reshape(-1, *(1,) * (values.ndim - 1 - axis % values.ndim))
    sums = ufunc.reduceat(terms, entries.begins, axis=axis, dtype=values.dtype)
    return np.concatenate([values, sums], axis=axis)
