"""The transpose, adjoint or conjugate of an operator that knows no better one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ._composed import Around
from ._operator import Operator


class Relative(Around):
    """The transpose, adjoint or conjugate of an operator, computed by its two products.

    Parameters
    ----------
    of : Operator
        The operator.
    transposed, conjugated : bool
        Which relative.
    """

    def __init__(self, of: Operator, transposed: bool, conjugated: bool) -> None:
        self.of, self._transposed, self._conjugated = of, transposed, conjugated
        shapes = (of.out_shape, of.in_shape) if transposed else (of.in_shape, of.out_shape)
        self._bind_shapes(*shapes, of.dtype)
        known = of._spatial_ndim
        if known is not None and len(of.out_shape) == len(of.in_shape):
            self._spatial_ndim = known

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._product(x, self._transposed, self._conjugated)

    def _multiply_adjoint(self, y: NDArray[Any]) -> NDArray[Any]:
        return self._product(y, not self._transposed, not self._conjugated)

    def _product(self, x: NDArray[Any], transposed: bool, conjugated: bool) -> NDArray[Any]:
        multiply = self.of._multiply_adjoint if transposed else self.of._multiply
        if transposed == conjugated or self.dtype.kind != "c":
            return multiply(x)
        return multiply(x.conj()).conj()

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        transposed, conjugated = transposed != self._transposed, conjugated != self._conjugated
        return self.of._kin(transposed, conjugated)

    def _matrix_in(self, dtype: np.dtype[Any], max_bytes: Any) -> csr_array:
        matrix = self.of._matrix_in(dtype, max_bytes)
        if self._transposed:
            matrix = matrix.T.tocsr()
        return matrix.conj() if self._conjugated else matrix

    def over_powers(self, leaf: Callable[[Any], tuple[Any, int]]) -> tuple[Any, int]:
        op, exponent = self.of.over_powers(leaf)
        return op._kin(self._transposed, self._conjugated), exponent

    def _label(self) -> str:
        words = {(True, False): "Transpose", (True, True): "Adjoint", (False, True): "Conjugate"}
        name = words[self._transposed, self._conjugated]
        return f"<{name} {self.in_shape} -> {self.out_shape}, dtype={self.dtype}>"
