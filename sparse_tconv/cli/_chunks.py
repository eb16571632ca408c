"""From one memory-mapped .npy file into another, chunk by chunk."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from .. import _validate as validate
from .. import chunked
from ..errors import MissingExtraError
from ..threads import num_threads
from ._errors import UsageError
from ._models import Layer, linear
from ._output import replaced


def apply_in_chunks(layer: Layer, x: Any, sizes: Any, path: Path) -> Any:
    """Apply a layer to a memory map and write the result; gives its shape and dtype."""
    da = _dask_array()
    op = linear(layer)
    chunks = _chunks(sizes, x.shape, len(op.in_shape), len(op.geometry.axes))
    validate.numeric_dtype("x", x.dtype)
    y = chunked.apply(layer, chunked.from_npy(x.filename, chunks))
    if path.exists() and not path.is_file():
        raise UsageError(
            f"`--output` must be a file to be written in chunks; got {str(path)!r}, "
            "a pipe or a device. Name a file."
        )
    with replaced(path) as draft:
        target = np.lib.format.open_memmap(draft, mode="w+", dtype=y.dtype, shape=y.shape)
        _reserve(draft)
        with _progress():
            da.store(y, target, lock=False, scheduler="threads", num_workers=num_threads())
        target.flush()
    return y


def _dask_array() -> Any:
    try:
        import dask.array
    except ImportError as error:
        raise MissingExtraError(
            "`--chunks` must have Dask; it is not installed. Run: pip install 'sparse_tconv[dask]'"
        ) from error
    return dask.array


def _chunks(sizes: Any, shape: tuple[int, ...], n_sample: int, n_axes: int) -> tuple[int, ...]:
    """A chunk size for each axis: one sample at a time with all its channels, if not all are given."""
    if isinstance(sizes, tuple) and len(sizes) == len(shape):
        return validate.per_axis("chunks", sizes, len(shape), minimum=1)
    batch = (1,) * (len(shape) - n_sample)
    channels = shape[len(batch) : len(shape) - n_axes]
    return (*batch, *channels, *validate.per_axis("chunks", sizes, n_axes, minimum=1))


def _reserve(path: Path) -> None:
    """Take the place on the disk: a full disk under a mapped file ends the process."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _progress() -> AbstractContextManager[Any]:
    """A bar on a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return nullcontext()
    from dask.diagnostics import ProgressBar

    bar: AbstractContextManager[Any] = ProgressBar(out=sys.stderr)
    return bar
