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
    """Taps 0 .. k - 1 of an axis, and behind them the different sums of several taps.

    Parameters
    ----------
    number : int64 array
        For each entry of the rows which of these it is.
    total : int
        How many there are.
    taps, begins : int64 array
        The taps of all sums one after the other, and where each sum begins.
    """

    number: Ints
    total: int
    taps: Ints
    begins: Ints


def axis_entries(rows: Rows, k: int) -> AxisEntries:
    """What the entries of some rows of an axis with `k` taps are."""
    number = rows.taps[rows.fold[:-1]]
    sums: dict[tuple[int, ...], int] = {}
    for entry in np.flatnonzero(np.diff(rows.fold) > 1).tolist():
        terms = tuple(rows.taps[rows.fold[entry] : rows.fold[entry + 1]].tolist())
        number[entry] = k + sums.setdefault(terms, len(sums))
    begins = np.cumsum([0, *map(len, sums)])[:-1]
    taps = np.array([tap for taps in sums for tap in taps], dtype=np.int64)
    return AxisEntries(number, k + len(sums), taps, begins)


def extended(
    values: NDArray[Any], entries: AxisEntries, axis: int, ufunc: np.ufunc = np.add
) -> NDArray[Any]:
    """`values` with the sums of an axis behind its taps, added in the order of taps."""
    if not entries.taps.size:
        return values
    terms = values.take(entries.taps, axis=axis)
    sums = ufunc.reduceat(terms, entries.begins, axis=axis, dtype=values.dtype)
    return np.concatenate([values, sums], axis=axis)
