"""Numbers and words that several functions of this package take, checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import isfinite, nan
from numbers import Real
from typing import Any

import numpy as np

from .. import _validate as validate
from ..errors import GeometryError


def number(name: str, value: Any, *, positive: bool = False) -> float:
    """A finite real number, not negative, or even positive."""
    rule = f"a finite number, {'above' if positive else 'at least'} 0"
    found = validate.real(value) if isinstance(value, (Real, np.number)) else nan
    if not isfinite(found):
        raise GeometryError(
            f"`{name}` must be {rule}; got {validate.written(value)}. Pass a plain number."
        )
    if value < 0 or (positive and value == 0):
        nearest = "a positive one" if positive or value == 0 else f"{-value!r} or 0"
        raise GeometryError(f"`{name}` must be {rule}; got {value!r}. Pass {nearest}.")
    return found


def check_callback(callback: Any) -> None:
    """Refuse what is no function."""
    if callback is not None and not callable(callback):
        raise GeometryError(
            f"`callback` must be a function of x; got {validate.written(callback)}. Pass a callable."
        )


def one_of(name: str, value: Any, allowed: Sequence[str]) -> str:
    """One of a few words."""
    if isinstance(value, str) and value in allowed:
        return value
    listed = ", ".join(map(repr, allowed))
    lowered = value.lower() if isinstance(value, str) else ""
    hint = f"It is {lowered!r} here" if lowered in allowed else "Pass one of these"
    raise GeometryError(f"`{name}` must be one of {listed}; got {validate.written(value)}. {hint}.")


def check_used(
    option: str, chosen: str, uses: Mapping[str, Collection[str]], given: Iterable[str]
) -> None:
    """Refuse an argument that was given and that the method, or the rule, chosen does not use.

    `option` is the argument that chooses; `uses` says which arguments each choice uses.
    """
    for name in given:
        if name not in uses[chosen]:
            takers = [choice for choice, names in uses.items() if name in names]
            listed = " or ".join(map(repr, takers))
            raise GeometryError(
                f"`{name}` must go with {option}={listed}; got {option}={chosen!r}, which does not use it. "
                f"Leave one of the two out."
            )
