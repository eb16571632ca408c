"""Whether factors of an operator's matrix fit into memory, before any are computed."""

from __future__ import annotations

from math import prod

from .._memory import available_memory
from ..errors import MatrixTooLargeError
from ..operators import ConvOperator

_ENTRY = 16  # bytes of a stored entry: a float64 and its index
_NEVER_MIND = 1 << 26  # bytes that any machine has
_SPARSE = ("lu", "augmented", "shift-invert")  # methods that factorize a sparse matrix anyway
_SIDE = 4096  # up to here a proof is worth its factors
_ROWS = 1 << 18
_WORK = 1e11  # multiplications within the band beyond


def guard_factors(op: ConvOperator, method: str) -> None:
    """Refuse what cannot fit: a dense QR, or sparse factors as large as the band."""
    needed = 16 * prod(op.shape) if method == "qr" else _ENTRY * _band(op)
    if needed > _NEVER_MIND and needed > (limit := available_memory()):
        raise MatrixTooLargeError(
            f"`op` must have factors that fit in {limit:,} bytes, for its smallest singular values "
            f"by method '{method}'; got {op.shape[0]:,} x {op.shape[1]:,}, for which they may take "
            f"{needed:,}. Use a smaller `in_shape`, or a structure that the operator has."
        )


def worth_factors(op: ConvOperator, method: str) -> bool:
    """Whether factors of the augmented matrix, for a proof, cost no more than the method itself, or
    little.
    """
    if method in _SPARSE or (min(op.shape) <= _SIDE and max(op.shape) <= _ROWS):
        return True
    return float(_band(op)) ** 2 / sum(op.shape) <= _WORK


def _band(op: ConvOperator) -> int:
    """Entries within the band if the unknowns are ordered along the longest axis first."""
    g = op.geometry
    channels = (g.x_channels + g.y_channels) // g.groups
    sizes = [max(axis.n_in, axis.n_out) for axis in g.axes]
    longest = max(range(len(sizes)), key=lambda number: sizes[number])
    axis = g.axes[longest]
    reach = axis.dilation * (axis.k - 1) // axis.stride + 1
    across = channels * prod(sizes) // sizes[longest]
    return sum(op.shape) * min(reach * across, min(op.shape))
