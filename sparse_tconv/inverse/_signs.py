"""Whether an operator has negative entries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import GeometryError, MatrixTooLargeError
from ..operators import ConvOperator, Operator

# Boundaries that repeat samples, or zeros: an entry is a sum of taps.
_COPIES = {"zeros", "circular", "symmetric", "reflect", "replicate"}
_BYTES = 200_000_000  # of a matrix that is looked through
# Shares of the pixels that are not zero: alone, a pixel shows its column of the matrix.
_SHARES = (1.0, 0.03, 0.01, 1e-3, 1e-4, 1e-5)


def check_nonnegative(op: Operator) -> None:
    """Refuse an operator with negative entries, with the reason.

    Exact for convolutions under boundaries of copies and for whatever has a matrix of moderate
    size; a larger expression is tried on a few sparse pictures.
    """
    if isinstance(op, ConvOperator):
        signed = bool((op.weight < 0).any())
        if not signed and _COPIES.issuperset(op.geometry.padding_mode):
            return
        reason = f"its weight has {np.count_nonzero(op.weight < 0)} negative entries"
        if not signed:
            reason = f"padding_mode {op.geometry.padding_mode} subtracts samples"
    else:
        signed, reason = False, "one of its parts subtracts"
    try:
        entries = op.to_matrix(max_bytes=_BYTES).data
        # Sums that cancel leave rounding.
        found = int(np.count_nonzero(entries < -_rounding(entries)))
    except (MatrixTooLargeError, MemoryError):
        found = int(signed) or _seen(op)
    if found:
        raise GeometryError(
            f"`op` must have no negative entries: each datum is a mean number of events; got an "
            f"operator with some, since {reason}. Use sparse_tconv.inverse.solve with lower=0."
        )


def _seen(op: Operator) -> int:
    """Negative results of sparse non-negative pictures."""
    rng = np.random.default_rng(0)
    found, least = 0, 0.0
    for share in _SHARES:
        results = op.apply(rng.random(op.in_shape) * (rng.random(op.in_shape) < share))
        # The first picture is full: no result of the others is larger, nor is what is cropped.
        least = least or _rounding(results)
        found += int(np.count_nonzero(results < -least))
    return found


def _rounding(values: NDArray[np.inexact]) -> float:
    """What rounding makes of zeros among such values."""
    return (
        1e3
        * float(np.finfo(np.result_type(values, np.float32)).eps)
        * float(np.abs(values).max(initial=0.0))
    )
