"""Tolerances that a caller gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _validate as validate
from ..errors import GeometryError


def tolerance(tol: Any, exponent: int = 0, name: str = "tol") -> float:
    """A tolerance that was given, checked; for an operator over a power of two."""
    number = validate.real(tol)
    if not number >= 0:
        raise GeometryError(
            f"`{name}` must be a number, at least 0; got {validate.written(tol)}. Leave it out for the default."
        )
    with np.errstate(over="ignore"):
        return float(np.ldexp(number, -exponent))
