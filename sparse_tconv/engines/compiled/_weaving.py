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
    if unit == 1:
        _interleave(count, 1, rows, at, step, y, y_at, start, complete)
    else:
        _interleave(count, 2, rows, at, step, y, y_at, start, complete)
    for r in range(count):  # the last column, which not all phases have
        if complete < min(stop, frame[r, 4]):
            for part in range(unit):
                value = number(rows, at + r * step + complete + part)
                put(y, y_at + count * complete + r * unit + part, value)


@inlined
def _interleave(
    count: int, unit: int, rows: Any, at: int, step: int, y: Any, y_at: int, start: int, stop: int
) -> None:
    """The columns that all phases have; numbers that the compiler knows become shuffles."""
    if count == 2:
        _copy(2, unit, rows, at, step, y, y_at, start, stop)
    elif count == 3:
        _copy(3, unit, rows, at, step, y, y_at, start, stop)
    elif count == 4:
        _copy(4, unit, rows, at, step, y, y_at, start, stop)
    else:
        _copy(count, unit, rows, at, step, y, y_at, start, stop)


@inlined
def _copy(
    count: int, unit: int, rows: Any, at: int, step: int, y: Any, y_at: int, start: int, stop: int
) -> None:
    """Phase by phase of every column."""
    for c in range(start, stop, unit):
        for r in range(count):
            for part in range(unit):
                value = number(rows, at + r * step + c + part)
                put(y, y_at + count * c + r * unit + part, value)
