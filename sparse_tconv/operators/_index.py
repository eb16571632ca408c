"""Rows of a matrix by the entries of the output that they give."""

from __future__ import annotations

import sys
from math import prod
from typing import Any

import numpy as np

from .. import _validate as validate
from ..errors import GeometryError


def flat_index(shape: tuple[int, ...], given: tuple[Any, ...]) -> Any:
    """The number of an entry, or of several, of an output of that shape."""
    indices = [validate.array("index", index) for index in given]
    if len(indices) != len(shape):
        raise GeometryError(
            f"`index` must have {len(shape)} entries, one per axis of the output {shape}; "
            f"got {len(indices)}. Give them all."
        )
    for axis, (index, size) in enumerate(zip(indices, shape, strict=True)):
        if index.dtype.kind not in "iu":
            raise GeometryError(
                f"`index` must be ints; got {index.dtype} on axis {axis}. Convert it to int."
            )
        outside = index[(index < 0) | (index >= size)]
        if outside.size:
            raise GeometryError(
                f"`index` must lie in range({size}) on axis {axis}; got {outside.flat[0]}. "
                f"The output is of shape {shape}."
            )
    if prod(shape) > sys.maxsize:
        raise GeometryError(
            f"`index` must number entries of at most {sys.maxsize}; got an output of shape {shape}. "
            f"Nothing so large fits in memory."
        )
    flat = np.ravel_multi_index(tuple(indices), shape)
    return flat if np.ndim(flat) else int(flat)
