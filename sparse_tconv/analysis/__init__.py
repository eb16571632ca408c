"""The linear algebra of a convolution: its true numbers, each with its method and its error."""

from __future__ import annotations

from ..solution import NormBounds, Result
from ._diagonal import diagonal, trace
from ._equivalent import equivalent
from ._matrix_norms import gram_diagonal, norm
from ._norm_bounds import norm_bounds
from ._norms import cond, smallest_singular_value, spectral_norm
from ._null_space import null_space
from ._overlap import Checkerboard, Overlap, checkerboard, overlap
from ._rank import rank
from ._singular import singular_values, singular_vectors
from ._slices import columns, rows
from ._structure import Structure, structure

__all__ = [
    "Checkerboard",
    "NormBounds",
    "Overlap",
    "Result",
    "Structure",
    "checkerboard",
    "columns",
    "cond",
    "diagonal",
    "equivalent",
    "gram_diagonal",
    "norm",
    "norm_bounds",
    "null_space",
    "overlap",
    "rank",
    "rows",
    "singular_values",
    "singular_vectors",
    "smallest_singular_value",
    "spectral_norm",
    "structure",
    "trace",
]
