"""The arrays of a CSR matrix of few, long rows: all taps of windows that lie inside a single axis.

Each row is the kernel itself, at columns that are a range: nothing is written out beside the matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..pattern import MatrixPattern
from ._kernel import kernel_by_rows

_LONG = 1 << 16  # taps: rows of fewer take little when they are written out


def of_whole_windows(pattern: MatrixPattern) -> bool:
    """Whether a matrix is of long kernels, none of whose taps is beyond the axis or left out."""
    axis = pattern.geometry.axes[-1]
    inside = len(pattern.geometry.axes) == 1 and axis.interior == (0, axis.n_out)
    return inside and axis.k > _LONG and not pattern.transposed and pattern.taps is None


class ByWindows:
    """Makes the arrays of matrices of one pattern, which is :func:`of_whole_windows`."""

    def __init__(self, pattern: MatrixPattern) -> None:
        axis = pattern.geometry.axes[-1]
        self._pattern, self._axis = pattern, axis
        self._shape = pattern.row_channels, axis.n_out, pattern.col_channels, axis.k

    def indices(self, dtype: DTypeLike) -> NDArray[Any]:
        """Column indices, ascending in every row."""
        axis, (rows, windows, cols, taps) = self._axis, self._shape
        flat = np.empty(self._shape, dtype=dtype)
        group = np.arange(rows) // (rows // self._pattern.geometry.groups)
        channel = group[:, None, None] * cols + np.arange(cols)
        first = axis.position(np.arange(windows)[:, None])
        firsts = (channel * axis.n_in + first).astype(dtype)
        reach = np.arange(0, axis.dilation * (taps - 1) + 1, axis.dilation, dtype=dtype)
        np.add(firsts[..., None], reach, out=flat)
        return flat.reshape(-1)

    def indptr(self, dtype: DTypeLike) -> NDArray[Any]:
        """Row pointer."""
        rows, windows, cols, taps = self._shape
        return np.arange(rows * windows + 1, dtype=dtype) * np.dtype(dtype).type(cols * taps)

    def values(self, weight: NDArray[Any]) -> NDArray[Any]:
        """Values in the weight's dtype, in the order of the indices."""
        flat = np.empty(self._shape, dtype=weight.dtype)
        flat[...] = kernel_by_rows(self._pattern, weight)[:, None]
        return flat.reshape(-1)
