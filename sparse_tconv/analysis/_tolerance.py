"""Tolerances that a caller gives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import GeometryError


def tolerance(tol: Any, exponent: int = 0, name: str = "tol") -> float:
    """A tolerance that was given, checked; for an operator over a power of two."""
    try:
        number = math.nan if isinstance(tol, (bool, str)) else float(tol)
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0:
        raise GeometryError(
            f"`{name}` must be a number, at least 0; got {tol!r}. Leave it out for the default."
        )
    with np.errstate(over="ignore"):
        return float(np.ldexp(number, -exponent))
