"""Values that may be of any library, whose answers may be errors of any kind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from math import inf, nan
from typing import Any

import numpy as np


def has(value: Any, *names: str) -> bool:
    """Whether a value has all these attributes: one that raises when it is asked for is none."""
    try:
        return all(hasattr(value, name) for name in names)
    except Exception:  # such as the shape of a nested tensor
        return False


def is_sequence(value: Any) -> bool:
    """Whether `value` lists several entries: a list, tuple, range or array with axes, of any
    library, never a string.
    """
    if has(value, "ndim"):
        return bool(value.ndim > 0)
    return isinstance(value, (Sequence, Iterable)) and not isinstance(value, (str, bytes))


def entries(value: Any) -> list[Any] | None:
    """What a sequence lists; None where there is none, or none that can be read one by one, such as
    an operator.
    """
    try:
        return list(value) if is_sequence(value) else None
    except Exception:
        return None


def is_flag(value: Any) -> bool:
    """Whether `value` is True or False, of any library: some of theirs pass as integers."""
    return isinstance(value, (bool, np.bool_)) or "bool" in str(getattr(value, "dtype", ""))


def is_word(value: Any, words: Collection[str]) -> bool:
    """Whether it is one of some words; arrays are equal to a word entry by entry."""
    return isinstance(value, str) and value in words


def real(value: Any) -> float:
    """A real number of any library as a float: infinite where it is too large for one, NaN where
    there is none.
    """
    try:
        if is_flag(value) or isinstance(value, (str, bytes)) or getattr(value, "ndim", None):
            return nan
        if "complex" in str(getattr(value, "dtype", "")) or getattr(value, "requires_grad", False):
            return nan  # a part that would be lost, or a derivative
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf
    except Exception:
        return nan


def written(value: Any) -> str:
    """What the caller passed; Python does not write integers of some thousand digits."""
    try:
        return repr(value)
    except Exception:
        if isinstance(value, int):
            return f"an int of {value.bit_length()} bits"
        return f"a {type(value).__name__} of integers too long to write"
