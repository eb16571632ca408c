"""C^H C + damp^2 I, the operator of the normal equations."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, ldexp
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from ..errors import GeometryError
from ._composed import Composed
from ._entries import diagonal_matrix, matrix_product, matrix_sum
from ._operator import Operator
from ._powers import LARGEST_ROOT, over_power, times_power
from ._promotion import sample_dtype


class GramOperator(Composed):
    """A^H A + damp^2 I of an operator A, Hermitian; made by ``op.gram(damp)``.

    Parameters
    ----------
    factor : Operator
        The operator A.
    damp : float
        At least 0.
    """

    def __init__(self, factor: Operator, damp: float) -> None:
        self.factor = factor
        self.damp = real_number("damp", damp)
        dtype = factor.dtype
        if self.damp and dtype.kind in "iu":
            dtype = np.dtype(np.float64)  # a fraction does not fit into integers
        self._bind_shapes(factor.in_shape, factor.in_shape, dtype)
        self._spatial_ndim = factor._spatial_ndim

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        x = x.astype(sample_dtype(x.dtype, self.dtype), copy=False)
        y = self.factor._multiply(x).reshape(len(x), *self.factor.out_shape)
        product = self.factor.H._multiply(y)
        if not self.damp:
            return product
        return product.reshape(x.shape) + product.dtype.type(self.damp**2) * x

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        own = transposed == conjugated or self.dtype.kind != "c"
        return self if own else GramOperator(self.factor.conj(), self.damp)

    def _matrix_in(self, dtype: np.dtype[Any], max_bytes: Any) -> csr_array:
        """A^H A + damp^2 I, rounded in that type."""
        matrix = self.factor._matrix_in(dtype, max_bytes)
        adjoint = matrix.T.tocsr() if self.dtype.kind != "c" else matrix.conj().T.tocsr()
        product = matrix_product(adjoint, matrix, dtype, max_bytes)
        if not self.damp:
            return product
        square = np.full(self.shape[0], self.damp**2, dtype)
        return matrix_sum(product, diagonal_matrix(square, max_bytes), dtype, max_bytes)

    @property
    def flops(self) -> int | None:
        """Twice the factor's."""
        return None if self.factor.flops is None else 2 * self.factor.flops

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        bound = self.factor.norm_bound(leaf)
        return bound * bound + self.damp * self.damp  # powers of floats raise where they overflow

    def over_powers(self, leaf: Callable[[Any], tuple[Any, int]]) -> tuple[Any, int]:
        factor, exponent = self.factor.over_powers(leaf)
        damp, power = over_power(np.float64(self.damp))
        most = max(exponent, power)
        factor = times_power(factor, exponent - most)
        return GramOperator(factor, ldexp(float(damp), max(power - most, -2000))), 2 * most

    def _parts(self) -> tuple[Operator, ...]:
        return (self.factor,)

    def _label(self) -> str:
        damp = f", damp={self.damp}" if self.damp else ""
        return f"<Gram {self.in_shape} -> {self.out_shape}{damp}, dtype={self.dtype}>"


def real_number(name: str, value: Any) -> float:
    """A finite number of at least 0, whose square is finite too."""
    number = validate.real(value)
    if not 0 <= number < inf:
        raise GeometryError(
            f"`{name}` must be a finite number, at least 0; got {validate.written(value)}. Use 0.0."
        )
    if number > LARGEST_ROOT:
        raise GeometryError(
            f"`{name}` must be at most {LARGEST_ROOT}, so that its square is a number; got {number}. "
            "Divide the operator and it by a power of two."
        )
    return number
