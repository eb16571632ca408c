"""Matrices of operators that are no convolutions: their entries, counted before they are stored."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from ..assembly import check_cast, guard_dense, guard_entries, index_dtype, wrap
from ..errors import MatrixTooLargeError

__all__ = [
    "by_products",
    "canonical",
    "cast_entries",
    "diagonal_matrix",
    "guard_dense",
    "guard_nnz",
    "matrix_product",
    "matrix_sum",
]

_BLOCK = 1 << 21  # entries of a block of unit vectors, of their images or of a block's rows


def by_products(
    multiply: Callable[[NDArray[Any]], NDArray[Any]],
    in_shape: tuple[int, ...],
    rows: int,
    dtype: np.dtype[Any],
    max_bytes: Any,
) -> csr_array:
    """The matrix of a product, column by column: the images of unit vectors."""
    columns = prod(in_shape)
    step = max(1, _BLOCK // max(rows, columns))
    parts, found = [], 0
    for start in range(0, columns, step):
        count = min(step, columns - start)
        units = np.zeros((count, columns), dtype)
        units[np.arange(count), start + np.arange(count)] = 1
        images = multiply(units.reshape(count, *in_shape)).reshape(count, rows)
        parts.append(csr_array(images.astype(dtype, copy=False)))
        found += parts[-1].nnz
        guard_nnz((rows, columns), found, dtype, max_bytes)
    return canonical(vstack(parts, format="csr").T.tocsr())


def matrix_product(a: csr_array, b: csr_array, dtype: np.dtype[Any], max_bytes: Any) -> csr_array:
    """a @ b in a dtype, canonical; refused before it is built where it would not fit."""
    shape = (a.shape[0], b.shape[1])
    try:
        guard_nnz(shape, _most_entries(a, b), dtype, max_bytes)
    except MatrixTooLargeError:
        guard_nnz(shape, _fewest_entries(a, b), dtype, max_bytes)
        _count_entries(a, b, dtype, max_bytes)
    return canonical(a.astype(dtype, copy=False) @ b.astype(dtype, copy=False))


def matrix_sum(a: csr_array, b: csr_array, dtype: np.dtype[Any], max_bytes: Any) -> csr_array:
    """a + b in a dtype, canonical; refused before it is built where it would not fit."""
    found = np.maximum(np.diff(a.indptr), np.diff(b.indptr))  # no row has fewer, but for zeros
    guard_nnz(a.shape, int(found.sum(dtype=np.int64)), dtype, max_bytes)
    total = canonical(a.astype(dtype, copy=False) + b.astype(dtype, copy=False))
    guard_nnz(a.shape, total.nnz, dtype, max_bytes)
    return total


def _most_entries(a: csr_array, b: csr_array) -> int:
    """No less than the entries of a @ b: no row has more than those of b that it adds up."""
    reached = np.diff(b.indptr).astype(np.int64)[a.indices]
    ends = np.concatenate([[0], np.cumsum(reached)])[a.indptr]
    return int(np.minimum(np.diff(ends), b.shape[1]).sum())


def _fewest_entries(a: csr_array, b: csr_array) -> int:
    """No more than the entries of a @ b: no row has fewer than the longest that it adds up."""
    reached = np.diff(b.indptr)[a.indices]
    filled = a.indptr[:-1][np.diff(a.indptr) > 0]
    return int(np.maximum.reduceat(reached, filled).sum(dtype=np.int64)) if len(filled) else 0


def _count_entries(a: csr_array, b: csr_array, dtype: np.dtype[Any], max_bytes: Any) -> None:
    """Raise as soon as the entries of a @ b are known to be too many, counting block by block."""
    shape = (a.shape[0], b.shape[1])
    left, right = (_ones(matrix) for matrix in (a, b))
    width = max(1, _most_entries(a, b) // max(1, a.shape[0]))
    step = max(1, _BLOCK // width)
    found = 0
    for start in range(0, a.shape[0], step):
        found += (left[start : start + step] @ right).nnz
        guard_nnz(shape, found, dtype, max_bytes)


def _ones(matrix: csr_array) -> csr_array:
    """The matrix's pattern: ones, whose sums are never zero."""
    return csr_array(
        (np.ones(matrix.nnz, np.float32), matrix.indices, matrix.indptr), shape=matrix.shape
    )


def guard_nnz(shape: tuple[int, int], nnz: int, dtype: np.dtype[Any], max_bytes: Any) -> None:
    """Refuse a matrix of so many entries beyond `max_bytes`, or beyond memory."""
    guard_entries(shape, nnz, dtype, index_dtype(shape, nnz), max_bytes)


def canonical(matrix: Any) -> csr_array:
    """A matrix in CSR format with sorted indices and without duplicates."""
    found = csr_array(matrix)
    found.sum_duplicates()
    return found


def cast_entries(
    matrix: csr_array, dtype: np.dtype[Any], wanted: Any, index: Any, max_bytes: Any
) -> csr_array:
    """A copy of a matrix that the caller owns, in the dtypes asked for."""
    check_cast(matrix.data, wanted, "entries")
    wanted = dtype if wanted is None else wanted
    chosen = index_dtype(matrix.shape, matrix.nnz, index)
    guard_entries(matrix.shape, matrix.nnz, wanted, chosen, max_bytes)
    return wrap(
        matrix.data.astype(wanted),
        matrix.indices.astype(chosen),
        matrix.indptr.astype(chosen),
        matrix.shape,
    )


def diagonal_matrix(values: NDArray[Any], max_bytes: Any) -> csr_array:
    """A square matrix of these values on its diagonal, zeros among them stored."""
    n = len(values)
    guard_nnz((n, n), n, values.dtype, max_bytes)
    places = np.arange(n + 1, dtype=index_dtype((n, n), n))
    return wrap(values, places[:-1], places, (n, n))
