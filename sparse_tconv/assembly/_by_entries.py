"""The arrays of a CSR matrix that has many more rows than entries: most of its rows are empty.

The rows that are not are written out, entry by entry; of the matrix's size there is the row pointer
and nothing else.
"""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..pattern import MatrixPattern, rows_with_entries
from ._kernel import kernel_by_rows
from ._leaf import leaf, numbers
from ._pointers import add_up


class ByEntries:
    """Makes the arrays of matrices of one pattern, entry by entry."""

    def __init__(self, pattern: MatrixPattern) -> None:
        axes = pattern.geometry.axes
        found = [rows_with_entries(axis, pattern.transposed) for axis in axes]
        n_rows = [axis.n_in if pattern.transposed else axis.n_out for axis in axes]
        steps = [prod(n_rows[number + 1 :]) for number in range(len(axes))]
        places = (where * step for (where, _), step in zip(found, steps, strict=True))
        self._pattern = pattern
        self._rows_of_channel = prod(n_rows)
        self._rows = np.asarray(reduce(np.add.outer, places)).reshape(-1)
        self._leaf = leaf(pattern, [rows for _, rows in found])

    def indices(self, dtype: DTypeLike) -> NDArray[Any]:
        """Column indices, ascending in every row."""
        channels, groups = self._pattern.row_channels, self._pattern.geometry.groups
        group = np.arange(channels) // (channels // groups)
        offsets = group * (self._pattern.shape[1] // groups)
        return np.add(self._leaf.columns, offsets[:, None]).astype(dtype).reshape(-1)

    def indptr(self, dtype: DTypeLike) -> NDArray[Any]:
        """Row pointer."""
        indptr = np.zeros(self._pattern.shape[0] + 1, dtype)
        channels = indptr[1:].reshape(self._pattern.row_channels, self._rows_of_channel)
        channels[:, self._rows] = self._leaf.counts
        add_up(indptr)
        return indptr

    def values(self, weight: NDArray[Any]) -> NDArray[Any]:
        """Values in the weight's dtype, in the order of the indices."""
        kernel = numbers(kernel_by_rows(self._pattern, weight), self._leaf.entries)
        return kernel.take(self._leaf.sources, axis=1).reshape(-1)


class WithoutEntries:
    """Makes the arrays of matrices of a pattern that keeps no tap: all rows are empty."""

    def __init__(self, pattern: MatrixPattern) -> None:
        self._n_rows = pattern.shape[0]

    def indices(self, dtype: DTypeLike) -> NDArray[Any]:
        """No column indices."""
        return np.empty(0, dtype)

    def indptr(self, dtype: DTypeLike) -> NDArray[Any]:
        """Row pointer."""
        return np.zeros(self._n_rows + 1, dtype)

    def values(self, weight: NDArray[Any]) -> NDArray[Any]:
        """No values."""
        return np.empty(0, weight.dtype)
