"""An operator times a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..assembly import wrap
from ._composed import Composed
from ._operator import Operator
from ._powers import over_power
from ._promotion import sample_dtype
from ._terms import Terms


class Scaled(Composed):
    """``scalar * op``; made by ``*``.

    Parameters
    ----------
    scalar : NumPy scalar
        Of the product's dtype, or of its real part's; -1, signed, for the negative of an unsigned
        operator.
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
        y = self.of._multiply(x)
        return np.asarray(y * self._factor(y.dtype))

    def _factor(self, dtype: np.dtype[Any]) -> Any:
        """The number for entries of this type: the -1 of an unsigned operator wraps where they do."""
        return self.scalar.astype(dtype) if self.dtype.kind == "u" else self.scalar

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        scalar = self.scalar.conj() if conjugated else self.scalar
        return Scaled(scalar, self.of._kin(transposed, conjugated), self.dtype)

    def _matrix_in(self, dtype: np.dtype[Any], max_bytes: Any) -> csr_array:
        matrix = self.of._matrix_in(dtype, max_bytes)
        data = matrix.data.astype(dtype, copy=False) * self._factor(dtype)
        return wrap(data, matrix.indices, matrix.indptr, matrix.shape)

    @property
    def flops(self) -> int | None:
        """The operator's, and one per result."""
        known = self.of.flops
        return None if known is None else known + self.shape[0]

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        return float(abs(self.scalar)) * self.of.norm_bound(leaf)

    def terms(self) -> Terms | None:
        known = self.of.terms()
        return known and replace(known, size=float(abs(self.scalar)) * known.size)

    def over_powers(self, leaf: Callable[[Any], tuple[Any, int]]) -> tuple[Any, int]:
        scalar, exponent = over_power(self.scalar)
        op, power = self.of.over_powers(leaf)
        return scalar * op, exponent + power

    def _parts(self) -> tuple[Operator, ...]:
        return (self.of,)

    def _label(self) -> str:
        ends = f"{self.in_shape} -> {self.out_shape}"
        return f"<Scaled {ends}, by {self.scalar.item()!r}, dtype={self.dtype}>"
