"""Powers of two that are taken out of numbers and put before operators, which rounds nothing."""

from __future__ import annotations

from math import ldexp
from typing import Any

import numpy as np

PLAIN = 32  # exponents up to which numbers are left as they are
NOTHING = -(1 << 20)  # the exponent of zero: below that of any number
_LEAST = -2000  # 2.0 to its power is zero


def over_power(number: Any) -> tuple[Any, int]:
    """A number in double precision over a power of two, and the exponent; 0 for common sizes."""
    size = max(abs(number.real), abs(number.imag))
    if not size:
        return np.float64(0), NOTHING
    exponent = int(np.frexp(size)[1]) if np.isfinite(size) else 0
    exponent = 0 if abs(exponent) <= PLAIN else exponent
    parts = [float(np.ldexp(part, -exponent)) for part in (number.real, number.imag)]
    return (np.complex128(complex(*parts)) if parts[1] else np.float64(parts[0])), exponent


def times_power(op: Any, exponent: int) -> Any:
    """``2.0 ** exponent * op``."""
    return op if not exponent else np.float64(ldexp(1.0, max(exponent, _LEAST))) * op


# Numbers up to it have squares that are finite, with some room for what these are multiplied by.
LARGEST_ROOT = 1e150


def power_of_two(values: Any, exponent: int) -> Any:
    """Numbers times a power of two, exactly: part by part, infinite where too large."""
    if not exponent:
        return values
    array = np.asarray(values)
    with np.errstate(over="ignore", under="ignore"):
        if array.dtype.kind != "c":
            return np.ldexp(array, exponent)
        parts = np.ascontiguousarray(array).view(array.real.dtype)
        return np.ldexp(parts, exponent).view(array.dtype)
