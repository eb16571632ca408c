"""Convolutions of what outgrows memory: Dask arrays in, Dask arrays out (extra ``dask``)."""

from __future__ import annotations

from ._blocks import MatrixBlocks, matrix_blocks
from ._cgls import cgls
from ._files import from_npy, to_npy
from ._functions import conv, conv_transpose
from ._operators import apply

__all__ = [
    "MatrixBlocks",
    "apply",
    "cgls",
    "conv",
    "conv_transpose",
    "from_npy",
    "matrix_blocks",
    "to_npy",
]
