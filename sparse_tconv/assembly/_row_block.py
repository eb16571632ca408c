"""Some rows of C or C^T, at a cost proportional to what is returned."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..geometry import ConvGeometry
from ..pattern import Rows, forward_rows
from ._csr import wrap
from ._kernel import correlation_kernel

Ints = NDArray[np.int64]


def row_block(geometry: ConvGeometry, weight: NDArray[Any], start: int, stop: int) -> csr_array:
    """Rows start .. stop - 1 of C, canonical, with indices of int64 where columns need them.

    The block is the product of one-axis rows too, row by row: entry counts multiply, columns add.
    """
    kernel = correlation_kernel(geometry, weight)
    shape = (geometry.y_channels, *(axis.n_out for axis in geometry.axes))
    channel, *position = np.unravel_index(np.arange(start, stop, dtype=np.int64), shape)
    group = channel // (geometry.y_channels // geometry.groups)
    per_group = geometry.x_channels // geometry.groups
    sizes = [axis.n_in for axis in geometry.axes]
    # Entries so far: the row each is in, its column, and its values for all taps of the axes to come.
    owner = np.repeat(np.arange(stop - start), per_group)
    inner = np.tile(np.arange(per_group), stop - start)
    columns = group[owner] * per_group + inner
    values = kernel[channel[owner], inner]
    for axis, where, size in zip(geometry.axes, position, sizes, strict=True):
        low, high = int(where.min()), int(where.max()) + 1
        rows = forward_rows(axis, low, high)
        at = where[owner] - low
        counts = rows.counts[at]
        parent = np.repeat(np.arange(owner.size), counts)
        entry = np.arange(parent.size) - np.repeat(np.cumsum(counts) - counts, counts)
        entry += rows.ptr[at][parent]
        values = _folded(values, parent, rows, entry)
        owner, columns = owner[parent], columns[parent] * size + rows.cols[entry]
    ends = np.cumsum(np.bincount(owner, minlength=stop - start))
    index = np.int32 if max(prod(sizes) * geometry.x_channels, owner.size) < 2**31 else np.int64
    indptr = np.concatenate([[0], ends]).astype(index)
    return wrap(values, columns.astype(index), indptr, (stop - start, geometry.shape[1]))


def _folded(values: NDArray[Any], parent: Ints, rows: Rows, entry: Ints) -> NDArray[Any]:
    """For each new entry the sum of its taps' values, of the entry it comes from."""
    fold = rows.fold
    width = fold[entry + 1] - fold[entry]
    if not rows.folded or (rows.coefficients is None and (width == 1).all()):
        return values[parent, rows.taps[fold[entry]]]
    begins = np.cumsum(width) - width
    spread = np.repeat(np.arange(entry.size), width)
    place = fold[entry][spread] + np.arange(spread.size) - begins[spread]
    terms = values[parent[spread], rows.taps[place]]
    if rows.coefficients is not None:
        factors = rows.coefficients[place].astype(values.dtype)
        terms = terms * factors.reshape(-1, *(1,) * (terms.ndim - 1))
    summed: NDArray[Any] = np.add.reduceat(terms, begins, axis=0, dtype=values.dtype)
    return summed
