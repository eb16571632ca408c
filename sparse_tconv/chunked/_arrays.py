"""Dask arrays in: what they must be, and the package itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _validate as validate
from ..errors import DTypeError, MissingExtraError, ShapeError


def dask_array() -> Any:
    """The module ``dask.array``."""
    try:
        import dask.array
    except ImportError as error:
        raise MissingExtraError(
            "`dask` must be installed for chunked arrays; got none. Run: pip install 'sparse_tconv[dask]'"
        ) from error
    return dask.array


def checked(name: str, x: Any) -> Any:
    """A Dask array with known chunks and a dtype that the library computes with."""
    da = dask_array()
    if not isinstance(x, da.Array):
        raise DTypeError(
            f"`{name}` must be a Dask array; got {type(x).__name__}. "
            f"Use the functions of sparse_tconv for arrays in memory, or dask.array.from_array."
        )
    validate.numeric_dtype(name, x.dtype)
    if any(np.isnan(size) for sizes in x.chunks for size in sizes):
        raise ShapeError(
            f"`{name}` must have known chunk sizes; got shape {x.shape}. "
            f"Call {name}.compute_chunk_sizes() first."
        )
    return x


def in_one_chunk(x: Any, axes: range) -> Any:
    """The array with each of these axes in a single chunk."""
    return x.rechunk(dict.fromkeys(axes, -1)) if axes else x


def bounds(chunks: tuple[int, ...]) -> list[int]:
    """Where chunks begin, and where the last one ends."""
    return [0, *np.cumsum(chunks).tolist()]
