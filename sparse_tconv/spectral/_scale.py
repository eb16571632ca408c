"""A power of two taken out of a kernel, so that squares neither overflow nor vanish, and put back
into what was found.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DTypeError
from ..operators import ConvOperator, power_of_two
from ._problem import checked

_PLAIN = 32  # exponents up to which a kernel is taken as it is
_LEAST = float(np.finfo(np.float64).smallest_subnormal)


def scaled(op: Any) -> tuple[ConvOperator, int]:
    """The operator over a power of two, of the same dtype, and the exponent.

    A kernel of common size is left alone: its exponent is 0.
    """
    weight = checked(op).weight
    if weight.dtype.kind not in "fc" or not weight.size:
        return op, 0
    largest = max(abs(weight.real).max(), abs(weight.imag).max())
    if not np.isfinite(largest):
        return op, 0  # for `problem` to refuse
    with np.errstate(over="ignore", under="ignore"):
        narrow = np.float64(largest)
    if largest and not 0 < narrow < np.inf:
        raise DTypeError(
            f"`op.weight` must fit into float64, in which this is computed; got {weight.dtype} "
            f"entries up to {largest!s}. Divide it by a power of two."
        )
    exponent = int(np.frexp(largest)[1])
    if abs(exponent) <= _PLAIN:
        return op, 0
    return op.with_weight(power_of_two(weight, -exponent)), exponent


def restored(values: Any, exponent: int) -> Any:
    """What was found for the operator over a power of two, for the operator."""
    if not exponent:
        return values
    with np.errstate(over="ignore"):
        found = np.ldexp(values, exponent)
    if np.isinf(found).any() and np.isfinite(values).all():
        raise DTypeError(
            f"`op.weight` must have answers that float64 can hold; got one of about "
            f"2**{exponent + int(np.frexp(np.max(np.abs(values)))[1])}. Divide it by a power of two."
        )
    return found


def restored_error(error: float, exponent: int) -> float:
    """A bound, rounded up where values below the least normal number are rounded too."""
    if not exponent:
        return error
    with np.errstate(over="ignore"):
        found = float(np.ldexp(error, exponent))
    return found + 2 * _LEAST if exponent < 0 else found
