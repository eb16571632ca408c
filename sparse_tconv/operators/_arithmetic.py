"""Operators in expressions: ``A @ B``, ``A + B``, ``2 * A``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ._flat import FlatVectors


@dataclass(frozen=True)
class Algebra:
    """What expressions make: the constructors of composed operators, which build on this module.

    Parameters
    ----------
    product, total : callable of two
        ``A @ B`` and ``A + B``; one of the two may be of another library.
    multiple : callable of a scalar and an operator
        ``2 * A``.
    quotient : callable of an operator and a scalar
        ``A / 2``.
    negative : callable of an operator
        ``-A``.
    power : callable of an operator and an int
        ``A ** 2``.
    gram : callable of an operator and a damp
        ``A.gram(damp)``.
    relative : callable of an operator and two bools
        Its transpose, adjoint or conjugate by its own two products.
    foreign : callable of anything
        Whether it is an operator or a sparse matrix of another library.
    """

    product: Callable[[Any, Any], Any]
    total: Callable[[Any, Any], Any]
    multiple: Callable[[Any, Any], Any]
    quotient: Callable[[Any, Any], Any]
    negative: Callable[[Any], Any]
    power: Callable[[Any, Any], Any]
    gram: Callable[[Any, Any], Any]
    relative: Callable[[Any, bool, bool], Any]
    foreign: Callable[[Any], bool]


class Arithmetic(FlatVectors):
    """Expressions of operators are operators; what stands at the right of ours is wrapped.

    ``*`` between operators is the product and ``op * x`` that with a vector, as in SciPy.
    """

    _algebra: ClassVar[Algebra]

    def dot(self, x: Any) -> Any:
        if _is_scalar(x):
            return self._algebra.multiple(x, self)
        if not isinstance(x, np.ndarray) and self._combines(x):
            return self._algebra.product(self, x)
        return super().dot(x)

    def _combines(self, other: Any) -> bool:
        """Whether an operand is an operator, or a sparse matrix that wraps as one."""
        return isinstance(other, Arithmetic) or self._algebra.foreign(other)

    def __rmul__(self, other: Any) -> Any:  # SciPy's __rmatmul__ ends here, too
        if _is_scalar(other):
            return self._algebra.multiple(other, self)
        if self._algebra.foreign(other):
            return self._algebra.product(other, self)
        return super().__rmul__(other)

    def __truediv__(self, other: Any) -> Any:
        return self._algebra.quotient(self, other)

    def __pow__(self, exponent: Any) -> Any:
        return self._algebra.power(self, exponent)

    def __neg__(self) -> Any:
        return self._algebra.negative(self)

    def __add__(self, other: Any) -> Any:
        if self._combines(other):
            return self._algebra.total(self, other)
        return NotImplemented

    def __radd__(self, other: Any) -> Any:
        if isinstance(other, int) and other == 0:
            return self  # sum() starts with it
        return self._algebra.total(other, self) if self._algebra.foreign(other) else NotImplemented

    def __sub__(self, other: Any) -> Any:
        if self._combines(other):
            return self._algebra.total(self, -other)
        return NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return self._algebra.total(other, -self) if self._algebra.foreign(other) else NotImplemented


def _is_scalar(value: Any) -> bool:
    """Whether a value is one number, 0-d arrays included."""
    return np.isscalar(value) or (isinstance(value, np.ndarray) and value.ndim == 0)
