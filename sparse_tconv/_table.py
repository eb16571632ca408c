"""What answers say of themselves: a title, and a line for each fact."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

_FEW = 8  # entries that are written out


def table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """The title above the facts, whose names are as wide as the widest."""
    lines = list(rows)
    width = max(len(name) for name, _ in lines)
    return "\n".join([title, *(f"{name:<{width}}  {text}" for name, text in lines)])


def holds_arrays(value: Any) -> bool:
    """Whether this is an array, or has one in it."""
    if isinstance(value, tuple | list):
        return any(map(holds_arrays, value))
    return isinstance(value, np.ndarray)


def outline(array: Any) -> str:
    """The entries of an array, if they are few and in one line; else its shape and its range; of a
    tuple of arrays how many, and the first.
    """
    if isinstance(array, tuple | list) and holds_arrays(array):
        return f"{len(array)} of ({outline(array[0])})"
    values = np.asarray(array)
    if values.ndim <= 1 and values.size <= _FEW:
        return ", ".join(f"{value:.6g}" for value in values.reshape(-1).tolist()) or "none"
    shape = " x ".join(f"{n:,}" for n in values.shape)
    if not values.size:
        return f"{shape} {values.dtype}"
    of, sizes = (" of size", abs(values)) if values.dtype.kind == "c" else ("", values)
    return f"{shape} {values.dtype}{of} {sizes.min():.6g} to {sizes.max():.6g}"
