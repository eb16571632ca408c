"""Matrices whose diagonal is their spectrum, and determinants of integers without rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..assembly import fresh_matrix
from ..geometry import Axis, ConvGeometry
from ..operators import ConvOperator

_EXACT_SIDE = 128  # of a matrix that is eliminated in Python's integers
_EXACT_ENTRY = float(1 << 40)


def is_triangular(op: ConvOperator) -> bool:
    """Whether the matrix is certainly triangular: no channel reads another one, and the axes up to
    the first that reads anything else decide the side.
    """
    g = op.geometry
    if g.x_shape != g.y_shape or g.x_channels != g.groups:
        return False
    used = abs(op.weight).reshape(-1, *op.geometry.kernel_size).max(axis=0) > 0
    if g.flip:
        used = np.flip(used)
    sides = [_sides(axis, used, number) for number, axis in enumerate(g.axes)]
    # Which of two places comes first is decided by the first axis on which they differ.
    below = all(not above for _, above in sides)
    above = all(not below_ for below_, _ in sides)
    return below or above


def _sides(axis: Axis, used: NDArray[np.bool_], number: int) -> tuple[bool, bool]:
    """Whether an axis has entries below, and above, its diagonal."""
    others = tuple(n for n in range(used.ndim) if n != number)
    marks = np.where(used.any(axis=others), np.arange(1, axis.k + 1) ** 2, 0)
    geometry = ConvGeometry((axis,), 1, 1, 1, False, False)
    matrix = fresh_matrix(geometry, marks, False).tocoo()
    stored = matrix.data != 0
    return bool((matrix.row > matrix.col)[stored].any()), bool(
        (matrix.row < matrix.col)[stored].any()
    )


def integer_sign(op: Any) -> int | None:
    """The sign of the determinant of a convolution, or a matrix, of integers, by elimination without
    fractions; None if they are none, or too many.

    E. H. Bareiss, "Sylvester's identity and multistep integer-preserving Gaussian elimination",
    Math. Comp. 22 (1968): every division is exact.
    """
    if op.shape[0] > _EXACT_SIDE or op.dtype.kind == "c":
        return None
    if isinstance(op, ConvOperator):
        weight = op.weight
        if not _are_integers(weight):
            return None
        op = op.with_weight(weight.astype(np.float64))
    elif op.dtype.kind == "f":
        return None  # what rounding made integers need not be any
    matrix = op.toarray()
    if not _are_integers(matrix):
        return None
    rest = np.array([[int(entry) for entry in row] for row in matrix.tolist()], dtype=object)
    sign, last = 1, 1
    while len(rest) > 1:
        rows = np.flatnonzero(rest[:, 0] != 0)
        if not rows.size:
            return 0
        if rows[0]:
            rest[[0, rows[0]]] = rest[[rows[0], 0]]
            sign = -sign
        pivot = rest[0, 0]
        rest = (pivot * rest[1:, 1:] - np.multiply.outer(rest[1:, 0], rest[0, 1:])) // last
        last = pivot
    return sign * int(np.sign(int(rest[0, 0])))


def _are_integers(values: NDArray[Any]) -> bool:
    """Whether these are integers that double precision holds, with the sums of some."""
    return bool((values == np.rint(values)).all() and (abs(values) <= _EXACT_ENTRY).all())
