"""The extension of one axis as a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

from ..geometry import Axis, extension


def extension_matrix(axis: Axis) -> csr_array:
    """(positions from the first to the last that windows read) x (samples), of small integers.

    Where stretches meet at one position and one sample, their factors are added.
    """
    rows: list[Any] = []
    cols: list[Any] = []
    factors: list[Any] = []
    for stretch in extension(axis):
        positions = np.arange(stretch.start, stretch.stop)
        rows.append(positions - axis.first)
        cols.append(stretch.sample + stretch.step * (positions - stretch.start))
        factors.append(np.broadcast_to(np.asarray(stretch.factors), positions.shape))
    shape = (axis.extent, axis.n_in)
    if not rows:
        return csr_array(shape, dtype=np.int64)
    entries = np.concatenate(factors), (np.concatenate(rows), np.concatenate(cols))
    return csr_array(coo_array(entries, shape=shape))
