"""Phases woven into a row: phase r, column c becomes output ``phases * c + r``."""

from __future__ import annotations

from typing import Any

from ._compile import called, inlined
from ._vectors import number, put

# Columns of each phase that are computed before they are woven: they stay in the first-level cache.
CHUNK = 512


@called
def weave(
    rows: Any, at: int, step: int, frame: Any, unit: int,
    y: Any, y_at: int, start: int, stop: int,
) -> None:  # fmt: skip
    """Interleave columns start .. stop - 1 of all phases, which lie at ``rows[at]``, ``rows[at +
    step]``, ...; numbers in `unit` stay together.
    """
    count = frame.shape[0]
    complete = min(stop, frame[count - 1, 4])
    at -= start
    # A count that the compiler knows becomes a shuffle of vectors.
    if unit == 1 and count == 2:
        _interleave(2, 1, rows, at, step, y, y_at, start, complete)
    elif unit == 1 and count == 3:
        _interleave(3, 1, rows, at, step, y, y_at, start, complete)
    elif unit == 1 and count == 4:
        _interleave(4, 1, rows, at, step, y, y_at, start, complete)
    else:
        _interleave(count, unit, rows, at, step, y, y_at, start, complete)
    for r in range(count):  # the last column, which not all phases have
        if complete < min(stop, frame[r, 4]):
            for part in range(unit):
                value = number(rows, at + r * step + complete + part)
                put(y, y_at + count * complete + r * unit + part, value)


@inlined
def _interleave(
    count: int, unit: int, rows: Any, at: int, step: int, y: Any, y_at: int, start: int, stop: int
) -> None:
    """The columns that all phases have."""
    for c in range(start, stop, unit):
        for r in range(count):
            for part in range(unit):
                value = number(rows, at + r * step + c + part)
                put(y, y_at + count * c + r * unit + part, value)
