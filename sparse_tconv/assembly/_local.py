"""The matrix of a locally connected layer: the index arrays of the convolution of its geometry, and
values laid in from one kernel per output position.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .._memory import shortage_told
from ..errors import DTypeError
from ..geometry import ConvGeometry
from ..pattern import MatrixPattern
from ._csr import cast_weight, wrap
from ._layout import layout
from ._limits import guard_entries, index_dtype

_TOGETHER = 1 << 17  # entries of one slab of several channels that are written in one go


def local_matrix(
    geometry: ConvGeometry,
    kernels: NDArray[Any],
    *,
    dtype: Any = None,
    index: Any = None,
    max_bytes: Any = None,
) -> csr_array:
    """C with a kernel of its own for every output position, as a matrix that the caller owns.

    `kernels` is (y channels, x channels of a group, *kernel_size, *out_size), ready to correlate.
    """
    kernels = cast_weight(kernels, dtype)
    pattern = MatrixPattern(geometry)
    nnz = geometry.nnz
    chosen = index_dtype(pattern.shape, nnz, index)
    instead = "`LocalConv`, which applies it"
    guard_entries(pattern.shape, nnz, kernels.dtype, chosen, max_bytes, instead)
    _check_folded_sums(geometry, kernels)
    with shortage_told("matrix", "Use the operator, which applies it without storing it."):
        made = layout(pattern)
        indices, indptr = made.indices(chosen), made.indptr(chosen)
        return wrap(_values(pattern, kernels), indices, indptr, pattern.shape)


def _values(pattern: MatrixPattern, kernels: NDArray[Any]) -> NDArray[Any]:
    """Values in the order of the indices.

    A slab holds the rows over the last axis for one position on the others: its kernels are folded
    along these, then written progression by progression, rows and taps exchanged.
    """
    flat = np.empty((len(kernels), pattern.geometry.nnz // len(kernels)), dtype=kernels.dtype)
    slab = prod(kernels.shape[1:]) // prod(axis.shape[0] for axis in pattern.axes[:-1])
    together = max(1, _TOGETHER // max(slab, 1))
    for first in range(0, len(kernels), together):
        channels = slice(first, first + together)
        _fill(flat[channels], pattern, kernels[channels])
    return flat.reshape(-1)


def _fill(flat: NDArray[Any], pattern: MatrixPattern, kernels: NDArray[Any]) -> None:
    """The values of some channels."""
    parts = pattern.axes[-1].progressions
    done = 0
    for slab in _slabs(pattern, kernels, 0):
        table = slab.reshape(len(slab), -1, *slab.shape[-2:])
        for part in parts:
            entries = part.rows.sum_taps(table[..., part.positions], 2)
            rows = entries.reshape(len(entries), -1, part.count).swapaxes(1, 2)
            size = rows.shape[1] * rows.shape[2]
            flat[:, done : done + size].reshape(rows.shape)[...] = rows
            done += size


def _slabs(pattern: MatrixPattern, kernels: NDArray[Any], level: int) -> Iterator[NDArray[Any]]:
    """Kernels folded along all axes but the last: for each position on these, C-ordered, an array
    (channels, column channels, *entries, taps of the last axis, positions on the last axis).
    """
    left = len(pattern.axes) - level  # axes that still have their taps and positions
    if left == 1:
        yield kernels
        return
    for part in pattern.axes[level].progressions:
        for position in range(part.start, part.start + part.step * part.count, part.step):
            at: tuple[Any, ...] = (..., position, *(slice(None),) * (left - 1))
            here = kernels[at]
            yield from _slabs(pattern, part.rows.sum_taps(here, 2 + level), level + 1)


def _check_folded_sums(geometry: ConvGeometry, kernels: NDArray[Any]) -> None:
    """Refuse integers whose sums over the taps of an entry do not fit their type."""
    if kernels.dtype.kind not in "iu":
        return
    together = prod(axis.k for axis in geometry.axes if axis.mode != "zeros")
    limits = np.iinfo(kernels.dtype)
    least, most = int(kernels.min()), int(kernels.max())
    if together == 1 or limits.min <= together * least <= together * most <= limits.max:
        return
    sums = _values(MatrixPattern(geometry), kernels.astype(np.longdouble))
    if sums.size and (sums.min() < limits.min or sums.max() > limits.max):
        raise DTypeError(
            f"`weight` must have sums of the taps that meet at the border within "
            f"{limits.min} to {limits.max}; got {kernels.dtype}, which they overflow. "
            f"Convert it to a wider type."
        )
