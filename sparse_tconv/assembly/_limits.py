"""What a matrix will need, checked before anything of its size is allocated.

Beside the matrix, assembly takes a tenth of its bytes at most, or a megabyte where that is more: for
tables of the axes, and for what is written out at a time. What it takes for the kernel comes on top.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import _validate as validate
from .._memory import available_memory, written
from ..errors import GeometryError, MatrixTooLargeError
from ..pattern import MatrixPattern

_SMALL = 1 << 24
_SHARE = 10  # of the matrix, at most, is taken beside it,
_LEAST = 1 << 20  # bytes, which may be taken beside any matrix,
_COPIES = 6  # of the kernel, where many of its taps meet, and
_PER_TAP = 200  # bytes, for each tap of an axis on which taps may meet in one entry
_INT32_MAX = int(np.iinfo(np.int32).max)


def index_dtype(shape: tuple[int, int], nnz: int, asked: Any = None) -> np.dtype[Any]:
    """int32 while indices and row pointers fit, int64 beyond, unless one was asked for."""
    largest = max(nnz, *shape)
    if asked is None:
        return np.dtype(np.int32 if largest <= _INT32_MAX else np.int64)
    try:
        dtype = np.dtype(asked)
    except Exception:  # whatever another library's `.dtype` raises
        dtype = np.dtype(object)
    if dtype not in (np.dtype(np.int32), np.dtype(np.int64)):
        raise GeometryError(
            f"`index_dtype` must be int32, int64 or None; got {validate.written(asked)}. Leave it out to have it chosen."
        )
    if largest > np.iinfo(dtype).max:
        raise GeometryError(
            f"`index_dtype` must hold numbers up to {largest:,}; got {dtype}. Pass np.int64, or leave it out."
        )
    return dtype


def guard(
    pattern: MatrixPattern,
    nnz: int,
    dtype: np.dtype[Any],
    index: np.dtype[Any],
    max_bytes: Any,
    kind: str = "",
    counted: str = "",
) -> None:
    """Refuse a matrix that needs more than `max_bytes`, or more than the memory there is; `kind` is
    "Local" where the operator is, `counted` how exactly its entries are known.
    """
    name = kind + ("ConvTranspose" if pattern.transposed else "Conv")
    instead = f"`{name}`, which applies it"
    more = _of_taps(pattern, dtype)
    guard_entries(pattern.shape, nnz, dtype, index, max_bytes, instead, more, counted)


def guard_entries(
    shape: tuple[int, int],
    nnz: int,
    dtype: np.dtype[Any],
    index: np.dtype[Any],
    max_bytes: Any,
    instead: str = "`op.apply`, which multiplies",
    more: int = 0,
    counted: str = "",
) -> None:
    """The same of a matrix of any origin, of which so many entries are known; `more` bytes of work
    space are taken than the share of the matrix that all are allowed.
    """
    needed = nnz * (dtype.itemsize + index.itemsize) + (shape[0] + 1) * index.itemsize
    work = max(needed // _SHARE, _LEAST) + more
    _refuse_beyond(needed, work, shape, f"{counted}{nnz:,} entries", max_bytes, instead)


def guard_dense(shape: tuple[int, int], dtype: np.dtype[Any], max_bytes: Any) -> None:
    """Refuse a dense array that needs more than `max_bytes`, or more than the memory there is."""
    count = shape[0] * shape[1]
    instead = "`op.to_matrix`, which keeps it sparse, or `op.apply`, which multiplies"
    _refuse_beyond(count * dtype.itemsize, 0, shape, f"{count:,} entries", max_bytes, instead)


def _of_taps(pattern: MatrixPattern, dtype: np.dtype[Any]) -> int:
    """Bytes that are taken for the kernel, brought into rows, and for the taps of a border that meet
    in one entry: little, but beside a matrix of few entries.
    """
    geometry = pattern.geometry
    longest = max(axis.k if axis.mode != "zeros" else 0 for axis in geometry.axes)
    return _COPIES * prod(geometry.weight_shape) * dtype.itemsize + _PER_TAP * longest


def _refuse_beyond(
    needed: int, work: int, shape: tuple[int, int], entries: str, max_bytes: Any, instead: str
) -> None:
    """Raise if there are too many bytes, naming what does without the matrix: those of the matrix
    against `max_bytes`, and with its work space against the memory there is.
    """
    size = f"{needed:,} bytes ({written(needed)})"
    if max_bytes is None:
        if needed + work < _SMALL:  # asking the system would take longer than building it
            return
        limit, rule = available_memory(), "fit in the memory that is available,"
        remedy = "Pass max_bytes to build it all the same"
        needed += work
        size += f" and {work:,} bytes of work space" * bool(work)
    else:
        limit = validate.integer("max_bytes", max_bytes, minimum=0)
        rule, remedy = "need at most", "Raise max_bytes"
    if needed > limit:
        raise MatrixTooLargeError(
            f"`matrix` must {rule} {written(limit)}; got {shape[0]:,} x {shape[1]:,} with {entries}, "
            f"{size}. {remedy}, or use {instead} without storing it."
        )
