"""The linear algebra of a convolution: its true numbers, each with its method and its error."""

from __future__ import annotations

from ..solution import NormBounds, Result
from ._determinant import slogdet
from ._diagonal import diagonal, trace
from ._eigenvalues import Eigenvalues, eigenvalues
from ._equivalent import equivalent
from ._matrix_norms import gram_diagonal, norm
from ._norm_bounds import norm_bounds
from ._norms import cond, smallest_singular_value, spectral_norm
from ._null_space import null_space
from ._overlap import Checkerboard, Overlap, checkerboard, overlap
from ._pseudo_inverse import PseudoInverse, pinv
from ._rank import rank
from ._response import Symbol, symbol
from ._singular import singular_values, singular_vectors
from ._slices import columns, rows
from ._structure import Structure, structure
from ._summary import Summary, summary

__all__ = [
    "Checkerboard",
    "Eigenvalues",
    "NormBounds",
    "Overlap",
    "PseudoInverse",
    "Result",
    "Structure",
    "Summary",
    "Symbol",
    "checkerboard",
    "columns",
    "cond",
    "diagonal",
    "eigenvalues",
    "equivalent",
    "gram_diagonal",
    "norm",
    "norm_bounds",
    "null_space",
    "overlap",
    "pinv",
    "rank",
    "rows",
    "singular_values",
    "singular_vectors",
    "slogdet",
    "smallest_singular_value",
    "spectral_norm",
    "structure",
    "summary",
    "symbol",
    "trace",
]
