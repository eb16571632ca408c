"""Powers of two taken out of a problem, so that squares neither overflow nor vanish."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..operators import ConvOperator, Operator
from ._least_squares import LeastSquares, power_of_two

_PLAIN = 64  # exponents up to which a problem is taken as it is
_MOST = 1000  # 2.0 to the power of it and of minus it are normal numbers


def scaled(problem: LeastSquares) -> LeastSquares:
    """The same problem with C, damp and y of common size; it gives answers in the caller's scale."""
    of_op = _exponent(max(_size(problem.op), problem.damp))
    of_y = _exponent(float(_largest(problem.y)))
    if not of_op and not of_y:
        return problem
    return replace(
        problem,
        op=_over(problem.op, of_op),
        y=power_of_two(problem.y, -of_y),
        damp=float(np.ldexp(problem.damp, -of_op)),
        exponents=(of_op, of_y),
    )


def _exponent(size: float) -> int:
    """The power of two to take out, 0 for a common size."""
    if not np.isfinite(size) or not size:
        return 0
    found = int(np.clip(np.frexp(size)[1], -_MOST, _MOST))
    return found if abs(found) > _PLAIN else 0


def _size(op: Operator) -> float:
    """The largest entry of the kernel, or of the image of random signs."""
    if isinstance(op, ConvOperator):
        return float(_largest(op.weight))
    signs = np.random.default_rng(0).choice([-1.0, 1.0], op.in_shape)
    with np.errstate(over="ignore", invalid="ignore"):
        return float(_largest(op.apply(signs)))


def _largest(array: NDArray[Any]) -> Any:
    """The largest part of an entry; parts do not overflow where absolute values do."""
    return max(np.abs(array.real).max(initial=0), np.abs(array.imag).max(initial=0))


def _over(op: Operator, exponent: int) -> Operator:
    """The operator over a power of two, of its own kind where that is a kernel's."""
    if not exponent:
        return op
    if isinstance(op, ConvOperator) and op.weight.dtype.kind in "fc":
        return op.with_weight(power_of_two(op.weight, -exponent))
    factor = float(np.ldexp(1.0, -exponent))
    return cast(Operator, factor * op)
