"""From one .npy file into another, chunk by chunk."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from .. import _validate as validate
from .. import chunked
from ..errors import MissingExtraError
from ..threads import num_threads
from ._models import Layer, linear


def apply_in_chunks(layer: Layer, source: str, sizes: Any, path: Path) -> Any:
    """Apply a layer to a ``.npy`` file and write the result; gives its shape and dtype."""
    dask = _dask()
    op = linear(layer)
    shape = chunked.from_npy(source, -1).shape
    chunks = _chunks(sizes, shape, len(op.in_shape), len(op.geometry.axes))
    y = chunked.apply(layer, chunked.from_npy(source, chunks))
    with dask.config.set(scheduler="threads", num_workers=num_threads()), _progress():
        chunked.to_npy(y, path)
    return y


def _dask() -> Any:
    try:
        import dask.array
    except ImportError as error:
        raise MissingExtraError(
            "`--chunks` must have Dask; it is not installed. Run: pip install 'sparse_tconv[dask]'"
        ) from error
    return dask


def _chunks(sizes: Any, shape: tuple[int, ...], n_sample: int, n_axes: int) -> tuple[int, ...]:
    """A chunk size for each axis: one sample at a time with all its channels, if not all are given."""
    if isinstance(sizes, tuple) and len(sizes) == len(shape):
        return validate.per_axis("chunks", sizes, len(shape), minimum=1)
    batch = (1,) * (len(shape) - n_sample)
    channels = shape[len(batch) : len(shape) - n_axes]
    return (*batch, *channels, *validate.per_axis("chunks", sizes, n_axes, minimum=1))


def _progress() -> AbstractContextManager[Any]:
    """A bar on a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return nullcontext()
    from dask.diagnostics import ProgressBar

    bar: AbstractContextManager[Any] = ProgressBar(out=sys.stderr)
    return bar
