"""Convolutions of what outgrows memory: Dask arrays in, Dask arrays out (extra ``dask``)."""

from __future__ import annotations

from ._blocks import MatrixBlocks, matrix_blocks
from ._cgls import cgls
from ._functions import conv, conv_transpose

__all__ = ["MatrixBlocks", "cgls", "conv", "conv_transpose", "matrix_blocks"]
