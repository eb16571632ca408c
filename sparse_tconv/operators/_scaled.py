"""An operator times a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..assembly import wrap
from ._operator import Operator
from ._powers import over_power
from ._promotion import sample_dtype


class Scaled(Operator):
    """``scalar * op``; made by ``*``.

    Parameters
    ----------
    scalar : NumPy scalar
        Of the product's dtype, or of its real part's.
    of : Operator
        The operator.
    dtype : numpy.dtype
        NumPy's result type of the number as it was given and the operator.
    """

    def __init__(self, scalar: Any, of: Operator, dtype: np.dtype[Any]) -> None:
        self.scalar, self.of = scalar, of
        self._bind_shapes(of.in_shape, of.out_shape, dtype)
        self._spatial_ndim = of._spatial_ndim

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        if x.dtype != self.dtype:
            x = x.astype(sample_dtype(x.dtype, self.dtype), copy=False)
        return np.asarray(self.of._multiply(x) * self.scalar)

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        scalar = self.scalar.conj() if conjugated else self.scalar
        return Scaled(scalar, self.of._kin(transposed, conjugated), self.dtype)

    def _matrix(self, max_bytes: Any) -> csr_array:
        matrix = self.of._matrix(max_bytes)
        data = matrix.data.astype(self.dtype, copy=False) * self.scalar
        return wrap(data, matrix.indices, matrix.indptr, matrix.shape)

    @property
    def flops(self) -> int | None:
        """The operator's, and one per result."""
        known = self.of.flops
        return None if known is None else known + self.shape[0]

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        return float(abs(self.scalar)) * self.of.norm_bound(leaf)

    def over_powers(self, leaf: Callable[[Any], tuple[Any, int]]) -> tuple[Any, int]:
        scalar, exponent = over_power(self.scalar)
        op, power = self.of.over_powers(leaf)
        return scalar * op, exponent + power

    def _parts(self) -> tuple[Operator, ...]:
        return (self.of,)

    def _label(self) -> str:
        ends = f"{self.in_shape} -> {self.out_shape}"
        return f"<Scaled {ends}, by {self.scalar.item()!r}, dtype={self.dtype}>"
