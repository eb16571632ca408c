"""What a matrix will need, checked before anything of its size is allocated."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from .. import _validate as validate
from ..errors import GeometryError, MatrixTooLargeError
from ..pattern import MatrixPattern

_SMALL = 1 << 24
_INT32_MAX = int(np.iinfo(np.int32).max)


def index_dtype(shape: tuple[int, int], nnz: int, asked: Any = None) -> np.dtype[Any]:
    """int32 while indices and row pointers fit, int64 beyond, unless one was asked for."""
    largest = max(nnz, *shape)
    if asked is None:
        return np.dtype(np.int32 if largest <= _INT32_MAX else np.int64)
    try:
        dtype = np.dtype(asked)
    except TypeError:
        dtype = np.dtype(object)
    if dtype not in (np.dtype(np.int32), np.dtype(np.int64)):
        raise GeometryError(
            f"`index_dtype` must be int32, int64 or None; got {asked!r}. Leave it out to have it chosen."
        )
    if largest > np.iinfo(dtype).max:
        raise GeometryError(
            f"`index_dtype` must hold numbers up to {largest:,}; got {dtype}. Pass np.int64, or leave it out."
        )
    return dtype


def guard(
    pattern: MatrixPattern, nnz: int, dtype: np.dtype[Any], index: np.dtype[Any], max_bytes: Any
) -> None:
    """Refuse a matrix that needs more than `max_bytes`, or more than the memory there is."""
    name = "ConvTranspose" if pattern.transposed else "Conv"
    guard_entries(pattern.shape, nnz, dtype, index, max_bytes, f"`{name}`, which applies it")


def guard_entries(
    shape: tuple[int, int],
    nnz: int,
    dtype: np.dtype[Any],
    index: np.dtype[Any],
    max_bytes: Any,
    instead: str = "`op.apply`, which multiplies",
) -> None:
    """The same of a matrix of any origin, of which so many entries are known."""
    needed = nnz * (dtype.itemsize + index.itemsize) + (shape[0] + 1) * index.itemsize
    _refuse_beyond(needed, shape, f"{nnz:,} entries", max_bytes, instead)


def guard_dense(shape: tuple[int, int], dtype: np.dtype[Any], max_bytes: Any) -> None:
    """Refuse a dense array that needs more than `max_bytes`, or more than the memory there is."""
    count = shape[0] * shape[1]
    instead = "`op.to_matrix`, which keeps it sparse, or `op.apply`, which multiplies"
    _refuse_beyond(count * dtype.itemsize, shape, f"{count:,} entries", max_bytes, instead)


def _refuse_beyond(
    needed: int, shape: tuple[int, int], entries: str, max_bytes: Any, instead: str
) -> None:
    """Raise if there are too many bytes, naming what does without the matrix."""
    if max_bytes is None:
        if needed < _SMALL:  # asking the system would take longer than building it
            return
        limit, rule = available_memory(), "fit in the memory that is available,"
        remedy = "Pass max_bytes to build it all the same"
    else:
        limit = validate.integer("max_bytes", max_bytes, minimum=0)
        rule, remedy = "need at most", "Raise max_bytes"
    if needed > limit:
        raise MatrixTooLargeError(
            f"`matrix` must {rule} {_size(limit)}; got {shape[0]:,} x {shape[1]:,} with {entries}, "
            f"{needed:,} bytes ({_size(needed)}). {remedy}, or use {instead} without storing it."
        )


def available_memory() -> int:
    """Bytes that could still be allocated: the least of what the system, and a container's
    limit, leave.
    """
    limits = [_system_memory(), *_container_memory()]
    return min(limits)


def _system_memory() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux: all the memory there is, then
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return int(np.iinfo(np.int64).max)


def _container_memory() -> list[int]:
    """What a control group's limit leaves, where there is one."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return []
    return [int(limit) - used] if limit.isdigit() else []


def _size(nbytes: int) -> str:
    """Bytes as a person reads them."""
    amount = float(nbytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if amount < 1024 or unit == "PiB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError("unreachable")
