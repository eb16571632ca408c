"""Bounds of an answer, entry by entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _validate as validate
from ..errors import DTypeError, GeometryError, ShapeError
from ..operators import power_of_two

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bounds:
    """``lower <= x <= upper``; infinite where there is none.

    Attributes
    ----------
    lower, upper : array
        Of one shape, that of x.
    """

    lower: Vector
    upper: Vector

    @classmethod
    def of(
        cls,
        lower: Any,
        upper: Any,
        shape: tuple[int, ...],
        nonnegative: bool = False,
        exponents: tuple[int, int] = (0, 0),
    ) -> Bounds | None:
        """The bounds of these arguments, None where there are none, or the error that names one."""
        if lower is None and upper is None and not nonnegative:
            return None
        low = _bound("lower", -np.inf if lower is None else lower, shape, np.inf)
        high = _bound("upper", np.inf if upper is None else upper, shape, -np.inf)
        if nonnegative:
            low = np.maximum(low, 0.0)
        crossed = np.count_nonzero(low > high)
        if crossed:
            least = "lower, nor negative where nonnegative=True" if nonnegative else "lower"
            raise GeometryError(
                f"`upper` must not be below {least}; got {crossed} entries that are. "
                f"Exchange the two, or raise upper."
            )
        # The problem's x is in the scale of what is left of C and y.
        shift = exponents[0] - exponents[1]
        return cls(power_of_two(low, shift), power_of_two(high, shift))

    def clip(self, x: Vector) -> Vector:
        """The point between the bounds that is nearest to x."""
        return np.clip(x, self.lower.reshape(x.shape), self.upper.reshape(x.shape))


def check_real(name: str, dtype: np.dtype[Any]) -> None:
    """Refuse bounds of what has no order; `name` is the argument that asked for them."""
    if dtype.kind == "c":
        raise DTypeError(
            f"`{name}` must go with a real problem; got {dtype}. "
            f"Pass real and imaginary parts apart."
        )


def _bound(name: str, value: Any, shape: tuple[int, ...], impossible: float) -> Vector:
    """A bound of every entry."""
    array = validate.numeric_array(name, value)
    check_real(name, array.dtype)
    wrong = np.isnan(array) | (array == impossible)
    if wrong.any():
        raise GeometryError(
            f"`{name}` must leave room for x; got {array[wrong].flat[0]}. "
            f"Pass numbers, or {-impossible} where there is no bound."
        )
    try:
        return np.broadcast_to(array.astype(np.float64), shape)
    except ValueError as error:
        raise ShapeError(
            f"`{name}` must be a number or an array for x of shape {shape}; got shape "
            f"{array.shape}. Pass one bound for all, or one for each entry."
        ) from error
