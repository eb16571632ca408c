"""The Frobenius norm of the inverse, slice by slice: what is left of it bounds the values that were
not found from below, where squares would lose them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr, solve_triangular

from ..operators import ConvOperator

_WORK = 2e10  # multiplications in all steps: a second
_LEAST = 64  # columns of a block that are worth a step


def inverse_square_sum(tall: ConvOperator) -> float | None:
    """``sum of 1 / s_i^2`` over all singular values of a tall C; None if it is no band along any
    axis whose blocks are small. Infinite if C is singular.

    With slices of samples as blocks C is block bidiagonal from the right: C = Q R, one block row of
    R after the other (Björck 1996, section 6.2). As the block rows X_i of R^{-1} overlap in nothing
    that R_ii takes, their squares G_i = X_i X_i^H are
    ``R_ii^{-1} (I + R_i,i+1 G_i+1 R_i,i+1^H) R_ii^{-H}``, sums without cancellation.
    """
    blocks = _blocks(tall)
    if blocks is None:
        return None
    rows = _block_rows(tall.matrix, blocks)
    square: NDArray[Any] | None = None
    total = 0.0
    for corner, beside in reversed(rows):
        if corner.shape[0] < corner.shape[1] or not np.diagonal(corner).all():
            return float("inf")
        inner = np.eye(len(corner), dtype=corner.dtype)
        if square is not None:
            inner = inner + beside @ square @ beside.conj().T
        half = solve_triangular(corner, inner, check_finite=False)
        square = solve_triangular(corner, half.conj().T, check_finite=False)
        total += float(np.trace(square).real)
    return total if np.isfinite(total) else float("inf")


def _blocks(tall: ConvOperator) -> NDArray[np.intp] | None:
    """The number of the block of each column: so many slices that each row reads two blocks at most;
    along the axis with the smallest blocks.
    """
    shape = tall.in_shape if len(tall.in_shape) > len(tall.geometry.axes) else (1, *tall.in_shape)
    matrix = tall.matrix
    owner = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    best, least = None, np.inf
    for axis in range(1, len(shape)):
        place = np.broadcast_to(
            np.arange(shape[axis]).reshape(-1, *(1,) * (len(shape) - 1 - axis)), shape
        ).reshape(-1)
        read = place[matrix.indices]
        low = np.full(matrix.shape[0], shape[axis])
        high = np.zeros(matrix.shape[0], dtype=np.int64)
        np.minimum.at(low, owner, read)
        np.maximum.at(high, owner, read)
        slices = max(int((high - low).max(initial=1)), _LEAST * shape[axis] // place.size, 1)
        blocks = place // slices
        side = int(np.bincount(blocks).max())
        if side < least:
            best, least = blocks, side
    return best if 30.0 * least**2 * matrix.shape[1] <= _WORK else None


def _block_rows(matrix: Any, blocks: NDArray[np.intp]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """R_ii and R_i,i+1 of one block after the other."""
    used = np.flatnonzero(np.diff(matrix.indptr))
    first = np.minimum.reduceat(blocks[matrix.indices], matrix.indptr[used])
    order = np.argsort(first, kind="stable")
    count = int(blocks.max()) + 1
    edges = np.searchsorted(first[order], np.arange(count + 1))
    columns = np.split(np.argsort(blocks, kind="stable"), np.cumsum(np.bincount(blocks))[:-1])
    columns.append(columns[0][:0])
    carried = np.zeros((0, len(columns[0])), dtype=matrix.dtype)
    found = []
    for number in range(count):
        part = matrix[used[order[edges[number] : edges[number + 1]]]]
        side, width = len(columns[number]), len(columns[number + 1])
        new = np.hstack(
            [part[:, columns[number]].toarray(), part[:, columns[number + 1]].toarray()]
        )
        stack = np.vstack([np.hstack([carried, np.zeros((len(carried), width))]), new])
        upper = qr(stack, mode="r", check_finite=False)[0]
        found.append((upper[:side, :side], upper[:side, side:]))
        carried = upper[side : side + width, side:]
    return found
