"""From a geometry and a kernel to a CSR matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .._memory import shortage_told
from ..geometry import ConvGeometry
from ..pattern import MatrixPattern
from ._cast import check_cast
from ._folded_sums import check_folded_sums
from ._layout import Layout, fewest, layout, stored
from ._limits import guard, index_dtype


@dataclass(frozen=True, eq=False)
class Skeleton:
    """The index arrays of a matrix, read-only: what all kernels of one geometry share.

    Parameters
    ----------
    layout : Layout
        Makes the arrays.
    shape : tuple of int
        Shape of the matrix.
    indices, indptr : int32 or int64 array
        CSR's index arrays.
    """

    layout: Layout
    shape: tuple[int, int]
    indices: NDArray[Any]
    indptr: NDArray[Any]

    @property
    def nbytes(self) -> int:
        """Bytes of the index arrays."""
        return self.indices.nbytes + self.indptr.nbytes

    def values(self, weight: NDArray[Any]) -> NDArray[Any]:
        """The values of the matrix of a kernel, in its dtype: a fresh array."""
        return self.layout.values(weight)


# Full index arrays live as long as an operator uses them.
_skeletons: WeakValueDictionary[tuple[ConvGeometry, bool], Skeleton] = WeakValueDictionary()


def shared_skeleton(
    geometry: ConvGeometry, transposed: bool, dtype: np.dtype[Any], kind: str = ""
) -> Skeleton:
    """The index arrays of C or C^T, shared with every operator of that geometry that is alive."""
    key = geometry, transposed
    found = _skeletons.get(key)
    if found is not None:
        return found
    pattern = MatrixPattern(geometry, transposed)
    nnz = pattern.nnz
    index = index_dtype(pattern.shape, nnz)
    guard(pattern, nnz, dtype, index, None, kind)
    skeleton = _skeleton(pattern, index, nnz)
    skeleton.indices.flags.writeable = False
    skeleton.indptr.flags.writeable = False
    return _skeletons.setdefault(key, skeleton)


def _skeleton(pattern: MatrixPattern, index: np.dtype[Any], nnz: int) -> Skeleton:
    made = layout(pattern, nnz)
    return Skeleton(made, pattern.shape, made.indices(index), made.indptr(index))


def fresh_matrix(
    geometry: ConvGeometry,
    weight: NDArray[Any],
    transposed: bool,
    *,
    dtype: Any = None,
    index: Any = None,
    drop_zeros: bool = False,
    max_bytes: Any = None,
) -> csr_array:
    """C or C^T as a matrix that the caller owns."""
    check_cast(weight, dtype, "a weight")
    weight = weight if dtype is None else weight.astype(dtype, copy=False)
    pattern = MatrixPattern(
        geometry, transposed, kept_taps(weight, geometry) if drop_zeros else None
    )
    if pattern.taps is not None:  # counted row by row: not where so many are too many
        least = fewest(pattern)
        chosen = index_dtype(pattern.shape, least, index)
        guard(pattern, least, weight.dtype, chosen, max_bytes, counted="at least ")
    nnz = stored(pattern)
    chosen = index_dtype(pattern.shape, nnz, index)
    guard(pattern, nnz, weight.dtype, chosen, max_bytes)
    check_folded_sums(geometry, weight)
    with shortage_told("matrix", "Use the operator, which applies it without storing it."):
        skeleton = _skeleton(pattern, chosen, nnz)
        values = skeleton.values(weight)
    return wrap(values, skeleton.indices, skeleton.indptr, pattern.shape)


def kept_taps(weight: NDArray[Any], geometry: ConvGeometry) -> NDArray[np.bool_] | None:
    """The taps that are not zero in every channel pair; None if that is all of them."""
    kept = weight != 0
    if geometry.channels:
        kept = kept.any(axis=(0, 1))
    return None if kept.all() else np.asarray(kept)


def wrap(
    data: NDArray[Any], indices: NDArray[Any], indptr: NDArray[Any], shape: tuple[int, int]
) -> csr_array:
    """A csr_array around canonical arrays, none of them copied or inspected."""
    if indices.dtype == np.int32:
        matrix = csr_array((data, indices, indptr), shape=shape)
    else:
        # The constructor would look through int64 indices and shrink them where they fit; that of an
        # empty matrix would make a row pointer. This one is a single number.
        pointer = np.broadcast_to(index_dtype(shape, 0).type(0), shape[0] + 1)
        matrix = csr_array((data[:0], indices[:0].astype(pointer.dtype), pointer), shape=shape)
        matrix.data, matrix.indices, matrix.indptr = data, indices, indptr
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    return matrix
