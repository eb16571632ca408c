"""Operators that are one small matrix per axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array, kron

from ..assembly import guard_entries, index_dtype
from ..errors import DTypeError
from ..operators import Operator
from ._sample import check_written


class AxisMatrices(Operator):
    """The Kronecker product of one matrix per trailing axis; leading axes stay as they are.

    Parameters
    ----------
    in_shape : tuple of int
        Shape of one sample.
    matrices : sequence of csr_array or 2-d array
        One for each of the last axes, all of `dtype`; not copied.
    dtype : numpy.dtype
        Of the operator.
    """

    def __init__(
        self, in_shape: tuple[int, ...], matrices: Sequence[Any], dtype: np.dtype[Any]
    ) -> None:
        count = len(matrices)
        sizes = tuple(int(matrix.shape[0]) for matrix in matrices)
        out_shape = (*in_shape[: len(in_shape) - count], *sizes)
        super().__init__(in_shape, out_shape, dtype, spatial_ndim=count)
        self.matrices = tuple(matrices)

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        result = np.result_type(x.dtype, self.dtype)
        x = x.astype(result, copy=False)
        first = x.ndim - len(self.matrices)
        for axis, matrix in enumerate(self.matrices, start=first):
            moved = np.moveaxis(x, axis, 0)
            y = matrix @ moved.reshape(len(moved), -1)
            x = np.moveaxis(y.reshape(len(y), *moved.shape[1:]), 0, axis)
        return x.astype(result, copy=False)

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        kin = [matrix.conj() if conjugated else matrix for matrix in self.matrices]
        if transposed:
            kin = [_transpose(matrix) for matrix in kin]
        return AxisMatrices(self.out_shape if transposed else self.in_shape, kin, self.dtype)

    def _matrix(self, max_bytes: Any) -> csr_array:
        lead = prod(self.in_shape[: len(self.in_shape) - len(self.matrices)])
        nnz = lead * prod(_stored(matrix) for matrix in self.matrices)
        guard_entries(self.shape, nnz, self.dtype, index_dtype(self.shape, nnz), max_bytes)
        factors = [eye_array(lead, dtype=self.dtype, format="csr"), *self.matrices]
        matrix = csr_array(reduce(lambda a, b: kron(a, csr_array(b), format="csr"), factors))
        matrix.sum_duplicates()
        return matrix

    @property
    def flops(self) -> int:
        """Two per entry of each axis's matrix and line of the sample, eight if complex."""
        shape, total = list(self.in_shape), 0
        first = len(shape) - len(self.matrices)
        for axis, matrix in enumerate(self.matrices, start=first):
            total += _stored(matrix) * prod(shape) // shape[axis]
            shape[axis] = int(matrix.shape[0])
        return total * (8 if self.dtype.kind == "c" else 2)

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        return prod(_norm_bound(matrix) for matrix in self.matrices)


def axis_operator(
    in_shape: tuple[int, ...], matrices: Sequence[NDArray[Any] | csr_array], dtype: np.dtype[Any]
) -> AxisMatrices:
    """The operator of sparse matrices per axis, cast to a dtype that can hold them."""
    check_written("in_shape", in_shape, max(in_shape))  # row pointers of the transposes
    return AxisMatrices(in_shape, [cast_exactly(matrix, dtype) for matrix in matrices], dtype)


def cast_exactly(values: Any, dtype: np.dtype[Any]) -> Any:
    """Values in a dtype; fractions are not cut off to make integers."""
    cast = values.astype(dtype)
    stored, found = (
        getattr(v, "data", v) if not isinstance(v, np.ndarray) else v for v in (values, cast)
    )
    if dtype.kind in "iu" and not np.array_equal(stored, found):
        raise DTypeError(
            f"`dtype` must be able to hold the entries, which are no integers of it; got {dtype}. "
            f"Leave it out for float64."
        )
    return cast


def gathered(columns: NDArray[np.int64], size: int, values: Any = None) -> csr_array:
    """A matrix of one row per entry of `columns` along its first axis; negative columns are left
    out, equal ones added up.
    """
    table = columns.reshape(len(columns), -1)
    weights = np.ones(table.shape) if values is None else np.broadcast_to(values, table.shape)
    rows = np.broadcast_to(np.arange(len(table))[:, None], table.shape)
    inside = (table >= 0) & (table < size)
    entries = weights[inside], (rows[inside], table[inside])
    matrix = csr_array(entries, shape=(len(table), size))
    matrix.sum_duplicates()
    return matrix


def _transpose(matrix: Any) -> Any:
    return np.ascontiguousarray(matrix.T) if isinstance(matrix, np.ndarray) else matrix.T.tocsr()


def _stored(matrix: Any) -> int:
    return int(matrix.size if isinstance(matrix, np.ndarray) else matrix.nnz)


def _norm_bound(matrix: Any) -> float:
    """sqrt of the largest absolute row sum times the largest column sum, no less than the norm."""
    wide = np.result_type(matrix.dtype, np.float64)
    size = abs(matrix.astype(wide))
    row, column = (float(np.max(size.sum(axis=axis), initial=0)) for axis in (1, 0))
    return sqrt(row * column) * (1 + 1e-12)
