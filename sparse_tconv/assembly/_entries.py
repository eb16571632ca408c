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
    sums: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
    several = np.diff(rows.fold) > 1
    if rows.coefficients is not None:
        several |= rows.coefficients[rows.fold[:-1]] != 1
    for entry in np.flatnonzero(several).tolist():
        part = slice(rows.fold[entry], rows.fold[entry + 1])
        own = () if rows.coefficients is None else tuple(rows.coefficients[part].tolist())
        terms = tuple(rows.taps[part].tolist()), own
        number[entry] = k + sums.setdefault(terms, len(sums))
    begins = np.cumsum([0, *(len(taps) for taps, _ in sums)])[:-1]
    taps = np.array([tap for taps, _ in sums for tap in taps], dtype=np.int64)
    factors = None
    if rows.coefficients is not None:
        factors = np.array([factor for _, own in sums for factor in own], dtype=np.int64)
    return AxisEntries(number, k + len(sums), taps, begins, factors)


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
