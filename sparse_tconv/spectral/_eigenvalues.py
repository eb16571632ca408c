"""Eigenvalues of Hermitian operators, by the transforms that keep them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..operators import ConvOperator
from ._blocks import parts
from ._plan import COSINE, FOURIER, plan
from ._problem import problem
from ._transform import kernel_blocks


def hermitian_eigenvalues(op: ConvOperator, most_work: float) -> NDArray[np.float64] | None:
    """All eigenvalues of a Hermitian operator, unsorted; None if that takes more multiplications.

    Both sides of a square operator of stride 1 are transformed alike, so that the blocks have the
    eigenvalues of the whole.
    """
    base, _ = problem(op)
    found = plan(base, (FOURIER, COSINE))
    # A stride takes phases apart on one side only.
    if any(phases > 1 for phases in found.phases(True)):
        found = plan(base, (COSINE,))
    rows, columns = found.block_shape
    if rows != columns or found.blocks * float(rows) ** 3 > most_work:
        return None
    blocks = kernel_blocks(found)
    values = []
    for part in parts(found):
        values.append(np.linalg.eigvalsh(part.of(blocks)).reshape(-1))
    return np.concatenate(values)
