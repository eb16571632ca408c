"""Powers of two taken out of a problem, so that squares neither overflow nor vanish."""

from __future__ import annotations

from dataclasses import replace
from math import frexp, isfinite
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import DTypeError, GeometryError
from ..operators import (
    ConvOperator,
    KernelOperator,
    LocalConv,
    LocalConvTranspose,
    Operator,
    power_of_two,
)
from ._least_squares import LeastSquares
from ._varying_operator import VaryingBlur

_PLAIN = 64  # exponents up to which a problem is taken as it is
_MOST = 1000  # 2.0 to the power of it and of minus it are normal numbers
_NONE = -10_000  # the exponent of zero


def scaled(problem: LeastSquares) -> LeastSquares:
    """The same problem with C, damp and y of common size; it gives answers in the caller's scale."""
    of_op = taken(max(_exponent(problem.op), exponent(problem.damp)))
    of_y = taken(exponent(largest(problem.y)))
    if not of_op and not of_y:
        return problem
    return replace(
        problem,
        op=over(problem.op, of_op),
        y=power_of_two(problem.y, -of_y),
        damp=float(power_of_two(problem.damp, -of_op)),
        exponents=(of_op, of_y),
    )


def scaled_pair(op: Operator, damp: float) -> tuple[Operator, float, int]:
    """C and damp of common size, and the exponent taken out of both."""
    shift = taken(max(_exponent(op), exponent(damp)))
    return over(op, shift), float(power_of_two(damp, -shift)), shift


def inverse_over(inverse: NDArray[Any], shift: int) -> NDArray[Any]:
    """An inverse of C^H C for the C that a power of two was taken out of."""
    found = np.asarray(power_of_two(inverse, -2 * shift))
    if not 0 < largest(found) < np.inf:
        raise DTypeError(
            f"`op` must have an inverse of its normal equations that float64 can hold; got one of "
            f"about 2**{-2 * shift}. Divide op and damp by a power of two."
        )
    return found


def taken(found: int, plain: int = _PLAIN) -> int:
    """The power of two to take out, 0 for a common size or zero."""
    return 0 if abs(found) <= plain or found == _NONE else min(max(found, -_MOST), _MOST)


def exponent(size: float) -> int:
    """That of the largest power of two that is not larger than a finite number."""
    return frexp(size)[1] - 1 if size else _NONE


def gain_exponent(weight: NDArray[Any]) -> int:
    """That of the sum of a kernel's parts without their signs, which itself may overflow.

    A blur that is a power of two times one that keeps the brightness loses just that power.
    """
    first = exponent(largest(weight))
    if first == _NONE:
        return _NONE
    parts = power_of_two(weight, -first)
    total = float(np.abs(parts.real).sum(dtype=float) + np.abs(parts.imag).sum(dtype=float))
    return first + exponent(total)


def largest(array: NDArray[Any]) -> float:
    """The largest part of an entry; parts do not overflow where absolute values do."""
    return float(max(np.abs(array.real).max(initial=0), np.abs(array.imag).max(initial=0)))


def norm(array: NDArray[Any]) -> float:
    """The Euclidean norm, whose squares may be beyond what a float holds."""
    shift = taken(exponent(largest(array)))
    return float(power_of_two(np.linalg.norm(power_of_two(array, -shift)), shift))


def shifted_gap(gap: float, shift: int) -> float:
    """A bound times a power of two, rounded up where that is below the least normal number."""
    found = float(power_of_two(gap, shift))
    return float(np.nextafter(found, np.inf)) if shift < 0 and gap else found


def over(op: Operator, shift: int) -> Operator:
    """The operator over a power of two, of its own kind where that is made of numbers."""
    if not shift:
        return op
    if op.dtype.kind in "fc":
        if isinstance(op, (ConvOperator, LocalConv, LocalConvTranspose)):
            return op.with_weight(power_of_two(op.weight, -shift))
        if isinstance(op, KernelOperator):
            return op.with_samples(power_of_two(op.samples, -shift))
        if isinstance(op, VaryingBlur):
            return op.with_psfs(power_of_two(op.psfs, -shift))
    return cast(Operator, float(np.ldexp(1.0, -shift)) * op)


def _exponent(op: Operator) -> int:
    """That of what the kernel makes of a constant at most, or of an image of random signs."""
    if isinstance(op, ConvOperator):
        _check_finite(largest(op.weight))
        filters = op.weight if op.geometry.channels else op.weight[None]
        return max(map(gain_exponent, filters), default=_NONE)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], op.in_shape)
    with np.errstate(over="ignore", invalid="ignore"):
        found = largest(op.apply(signs))
    _check_finite(found)
    return exponent(found)


def _check_finite(size: float) -> None:
    if not isfinite(size):
        raise GeometryError(
            f"`op` must be finite; got entries or products that are {size}. Replace these entries, "
            f"or divide the operator by a power of two."
        )
