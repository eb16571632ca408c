"""Expressions of common size: a power of two is taken out, and put back into what was found."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DTypeError, GeometryError
from ..spectral import restored_error

_PLAIN = 32  # exponents up to which an expression is taken as it is
_MOST = 1000  # 2.0 to the power of it and of minus it are normal numbers


def common(op: Any) -> tuple[Any, int]:
    """The operator over a power of two, and the exponent: 0 where products are of common size."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], op.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        image = np.asarray(op @ signs)
        size = float(max(abs(image.real).max(initial=0), abs(image.imag).max(initial=0)))
    if not np.isfinite(size):
        raise GeometryError(
            "`op` must have finite entries; got nan or inf. Replace them, or divide the operator by a "
            "power of two: a matrix that has them has no norm and no singular values."
        )
    exponent = int(np.clip(np.frexp(size)[1], -_MOST, _MOST))
    if not size or abs(exponent) <= _PLAIN:
        return op, 0
    return float(np.ldexp(1.0, -exponent)) * op, exponent


def put_back(values: Any, error: float, exponent: int) -> tuple[Any, float]:
    """What was found, for the expression itself; the error rounded up."""
    if not exponent:
        return values, error
    with np.errstate(over="ignore"):
        found = np.ldexp(values, exponent)
    if not np.isfinite(found).all():
        raise DTypeError(
            f"`op` must have answers that float64 can hold; got one of about "
            f"2**{exponent + int(np.frexp(np.max(np.abs(values)))[1])}. Divide it by a power of two."
        )
    return found, restored_error(error, exponent)
