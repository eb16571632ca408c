"""The repr of a composed operator: a tree with shapes, sizes and costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_MOST = 8  # parts that are listed one by one


def tree(op: Any) -> str:
    """One line for each part, indented under what it is a part of."""
    return "\n".join(_lines(op))


def _lines(op: Any) -> Iterator[str]:
    rows, columns = op.shape
    cost = "cost unknown" if op.flops is None else f"{op.flops:,} flops"
    yield f"{op._label()} {rows:,} x {columns:,}, {cost}"
    parts = op._parts()
    shown = parts if len(parts) <= _MOST else parts[: _MOST - 1]
    for number, part in enumerate(shown, start=1):
        first, *rest = _lines(part)
        last = number == len(parts)
        yield f"{'└' if last else '├'}─ {first}"
        yield from (f"{' ' if last else '│'}  {line}" for line in rest)
    if len(shown) < len(parts):
        yield f"└─ and {len(parts) - len(shown)} more"
