"""Exact factorizations: singular values and vectors of a convolution from its structure."""

from __future__ import annotations

from ._choice import METHODS
from ._circle import circle_stride
from ._eigenvalues import hermitian_eigenvalues
from ._factorization import Basis, Factorization
from ._factorize import applicable, factorize, null_candidates, refuses, spectrum
from ._problem import Problem, checked, most_repeats, problem
from ._scale import restored, restored_error, scaled
from ._spectrum import Spectrum
from ._square import SquareBlocks, square_blocks, square_factors
from ._svd import block_norms

__all__ = [
    "METHODS",
    "Basis",
    "Factorization",
    "Problem",
    "Spectrum",
    "SquareBlocks",
    "applicable",
    "block_norms",
    "checked",
    "circle_stride",
    "factorize",
    "hermitian_eigenvalues",
    "most_repeats",
    "null_candidates",
    "problem",
    "refuses",
    "restored",
    "restored_error",
    "scaled",
    "spectrum",
    "square_blocks",
    "square_factors",
]
