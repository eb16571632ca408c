"""Powers of two taken out of a problem on Dask arrays, so that squares neither overflow nor vanish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import frexp, isfinite, ldexp
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..operators import power_of_two

Product = Callable[[Any], Any]

_PLAIN = 32  # exponents up to which a problem is taken as it is
_MOST = 1000  # 2.0 to the power of it and of minus it are normal numbers
_NONE = -10_000  # the exponent of zero


@dataclass(frozen=True, eq=False)
class Scaled:
    """``min |C x - y|^2 + damp^2 |x|^2`` of common size.

    Parameters
    ----------
    forward, adjoint : callable
        C, over a power of two, and its adjoint.
    data, start : dask.array.Array
        y over a power of two, persisted, and an x of zeros.
    damp : float
        Over the power of C.
    exponents : tuple of int
        Of the powers of C and of y.
    """

    forward: Product
    adjoint: Product
    data: Any
    start: Any
    damp: float
    exponents: tuple[int, int]

    @classmethod
    def of(cls, forward: Product, adjoint: Product, y: Any, damp: float) -> Scaled:
        """The problem of these; what C^H makes of data of common size tells the size of C."""
        import dask.array as da

        (data,) = persisted(y.astype(np.float64) if y.dtype.kind in "iu" else y)
        of_y = _taken(_exponent(data))
        if of_y:
            (data,) = persisted(times_power(data, -of_y))
        image = adjoint(data)
        of_op = _taken(max(_exponent(image), frexp(damp)[1] if damp else _NONE))
        return cls(
            _over(forward, of_op),
            _over(adjoint, of_op),
            data,
            da.zeros_like(image),
            ldexp(damp, -of_op),
            (of_op, of_y),
        )

    def answer(self, x: Any) -> Any:
        """An x of this problem for the caller's, persisted, or the error that it is too large."""
        of_op, of_y = self.exponents
        shift = of_y - of_op
        if not shift:
            return x
        exponent = _exponent(x) + shift
        if exponent > np.finfo(x.dtype).maxexp:
            raise DTypeError(
                f"`y` must have an answer that {x.dtype} can hold; got one of about 2**{exponent}. "
                f"Divide y by a power of two, or multiply forward and adjoint by one."
            )
        return persisted(times_power(x, shift))[0]

    def norms(self, residual: float, size: float) -> tuple[float, float]:
        """Those of the residual and of x, for the caller's problem."""
        of_op, of_y = self.exponents
        with np.errstate(over="ignore"):
            return float(np.ldexp(residual, of_y)), float(np.ldexp(size, of_y - of_op))


def times_power(array: Any, exponent: int) -> Any:
    """A Dask array times a power of two, lazily."""
    return array.map_blocks(power_of_two, exponent, dtype=array.dtype)


def persisted(*arrays: Any) -> tuple[Any, ...]:
    """Dask arrays that are computed, in memory or on the cluster."""
    import dask

    return tuple(dask.persist(*arrays))


def _over(product: Product, exponent: int) -> Product:
    """A product over a power of two."""
    return product if not exponent else lambda x: times_power(product(x), -exponent)


def _taken(exponent: int) -> int:
    """The power of two to take out, 0 for a common size or zero."""
    if abs(exponent) <= _PLAIN or exponent == _NONE:
        return 0
    return min(max(exponent, -_MOST), _MOST)


def _exponent(array: Any) -> int:
    """That of the largest part of an entry, 0 if one is not finite."""
    if not array.size:
        return _NONE
    import dask

    parts = (array.real, array.imag) if array.dtype.kind == "c" else (array,)
    sizes = dask.compute(*(abs(part).max() for part in parts))
    size = float(np.max(sizes))
    if not isfinite(size):
        return 0
    return frexp(size)[1] if size else _NONE
