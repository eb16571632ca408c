"""An operator whose samples have other shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ._composed import Around
from ._operator import Operator


class Reshaped(Around):
    """An operator between samples of other shapes; made by :func:`as_operator`.

    Parameters
    ----------
    of : Operator
        The operator.
    in_shape, out_shape : tuple of int
        Of as many entries as its own.
    """

    def __init__(
        self,
        of: Operator,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        spatial_ndim: int | None = None,
    ) -> None:
        super().__init__(in_shape, out_shape, of.dtype, spatial_ndim=spatial_ndim)
        self.of = of
        if spatial_ndim is None and len(in_shape) == len(of.in_shape):
            self._spatial_ndim = of._spatial_ndim

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        return self.of._multiply(x.reshape(len(x), *self.of.in_shape))

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        ends = self.in_shape, self.out_shape
        kin = self.of._kin(transposed, conjugated)
        kept = not transposed or len(self.in_shape) == len(self.out_shape)
        known = self._spatial_ndim if kept else None
        return Reshaped(kin, *(ends[::-1] if transposed else ends), known)

    def _matrix_in(self, dtype: np.dtype[Any], max_bytes: Any) -> csr_array:
        return self.of._matrix_in(dtype, max_bytes)

    def over_powers(self, leaf: Callable[[Any], tuple[Any, int]]) -> tuple[Any, int]:
        op, exponent = self.of.over_powers(leaf)
        return Reshaped(op, self.in_shape, self.out_shape, self._spatial_ndim), exponent
