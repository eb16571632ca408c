"""Square operators taken apart into square blocks that have their eigenvalues."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._memory import available_memory
from ..operators import ConvOperator
from ._blocks import block_error, parts
from ._kronecker import kronecker_error, product_of
from ._plan import COSINE, FOURIER, plan
from ._problem import problem
from ._svd import singular_values
from ._transform import kernel_blocks


@dataclass(frozen=True, eq=False)
class SquareBlocks:
    """Blocks to which an isometry of both sides takes an operator.

    Parameters
    ----------
    parts : list of (array, bool)
        Blocks (..., n, n), and whether each has a conjugate beside it.
    error : float
        Bound of the norm of what the blocks leave out.
    method : str
    """

    parts: list[tuple[NDArray[Any], bool]]
    error: float
    method: str

    @property
    def singular_values(self) -> NDArray[np.float64]:
        """Those of the operator, from the largest on."""
        found = []
        for part, doubled in self.parts:
            found += [singular_values(part).reshape(-1)] * (1 + doubled)
        return np.sort(np.concatenate(found))[::-1]


def square_blocks(op: ConvOperator, most_work: float) -> SquareBlocks | None:
    """The blocks of an operator whose samples and answers have one shape, dense axes among them;
    None of another one, or if they would take more multiplications or more memory than there is.
    """
    if op.geometry.x_shape != op.geometry.y_shape:
        return None
    base, swapped = problem(op)
    found = plan(base, (FOURIER, COSINE))
    # A stride takes phases apart on one side only.
    if any(phases > 1 for phases in found.phases(True)):
        found = plan(base, (COSINE,))
    side, _ = found.block_shape
    most = available_memory() if found.blocks * side**2 > 1 << 22 else 1 << 40
    if found.blocks * float(side) ** 3 > most_work or 64 * found.blocks * side**2 > most:
        return None
    blocks = kernel_blocks(found)
    norm = np.sqrt((abs(blocks) ** 2).sum(axis=(-1, -2))).max(keepdims=True)
    split = [(part.of(blocks), part.doubled) for part in parts(found)]
    if swapped:
        split = [(part.conj().swapaxes(-1, -2), doubled) for part, doubled in split]
    kinds = set(found.kinds)
    whole = {frozenset({FOURIER}): "circular", frozenset({COSINE}): "symmetric"}
    mixed = "mixed" if kinds & {FOURIER, COSINE} else "dense"
    method = whole.get(frozenset(kinds), mixed)
    return SquareBlocks(split, block_error(found, norm.reshape(-1)), method)


def square_factors(op: ConvOperator) -> tuple[list[NDArray[Any]], float] | None:
    """Factors (groups, n, n) whose Kronecker products, group by group, an operator is, and a bound
    of the norm of what they leave out; None if there are none.
    """
    if op.geometry.x_shape != op.geometry.y_shape:
        return None
    base, swapped = problem(op)
    product = product_of(base)
    if product is None:
        return None
    factors = product.matrices()
    if swapped:
        factors = [matrix.conj().swapaxes(-1, -2) for matrix in factors]
    norm = prod(float(np.linalg.norm(matrix, axis=(-1, -2)).max()) for matrix in factors)
    return factors, kronecker_error(product, np.array([norm]))
