"""The matrix of a locally connected layer: the index arrays of the convolution of its geometry, and
values laid in from one kernel per output position.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .._memory import shortage_told
from ..geometry import ConvGeometry
from ..pattern import MatrixPattern
from ._cast import check_cast
from ._csr import Skeleton, shared_skeleton, wrap
from ._folded_sums import far, sums_may_wrap
from ._integer_sums import check_sums
from ._layout import layout
from ._limits import guard_entries, index_dtype
from ._local_values import local_values


def local_matrix(
    geometry: ConvGeometry,
    weight: NDArray[Any],
    transposed: bool,
    *,
    dtype: Any = None,
    index: Any = None,
    max_bytes: Any = None,
) -> csr_array:
    """C with a kernel of its own for every output position, or C^T, as a matrix that the caller
    owns.

    `weight` is C-ordered, of shape (*geometry.weight_shape, *out_size).
    """
    check_cast(weight, dtype, "a weight")
    wanted = weight.dtype if dtype is None else np.dtype(dtype)
    if wanted.kind in "iu":  # what they hold is what is added up
        weight = weight.astype(wanted, copy=False)
    pattern = MatrixPattern(geometry, transposed)
    nnz = geometry.nnz
    chosen = index_dtype(pattern.shape, nnz, index)
    name = "LocalConvTranspose" if transposed else "LocalConv"
    guard_entries(pattern.shape, nnz, wanted, chosen, max_bytes, f"`{name}`, which applies it")
    if wanted.kind in "iu":
        _check_sums(geometry, weight)
    with shortage_told("matrix", "Use the operator, which applies it without storing it."):
        values, made = _values(pattern, weight, wanted), layout(pattern)
        return wrap(values, made.indices(chosen), made.indptr(chosen), pattern.shape)


def shared_local_matrix(
    geometry: ConvGeometry, weight: NDArray[Any], transposed: bool
) -> tuple[NDArray[Any], Skeleton]:
    """The values of C or C^T, read-only, and the index arrays that it shares with all matrices of
    its geometry.
    """
    skeleton = shared_skeleton(geometry, transposed, weight.dtype, "Local")
    _check_sums(geometry, weight)
    with shortage_told("matrix", "Use the operator, which applies it without storing it."):
        values = _values(MatrixPattern(geometry, transposed), weight, weight.dtype)
    values.flags.writeable = False
    return values, skeleton


def _values(pattern: MatrixPattern, weight: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The values of C or C^T."""
    if not (pattern.scattered and pattern.transposed):
        return local_values(pattern, weight, dtype)
    # Hardly a row of C^T has any entry: those of C, few as well, are sorted by their columns.
    forward = MatrixPattern(pattern.geometry)
    columns = layout(forward).indices(np.int64)
    return local_values(forward, weight, dtype)[np.argsort(columns, kind="stable")]


def _check_sums(geometry: ConvGeometry, weight: NDArray[Any]) -> None:
    """Refuse integers whose sums over the taps of an entry do not fit their type."""
    if not sums_may_wrap(geometry, weight):
        return
    pattern = MatrixPattern(geometry)
    check_sums(
        lambda values: _values(pattern, values, values.dtype),
        weight,
        "`weight` must have sums of the taps",
        "to_matrix",
        far=far(geometry),
    )
