"""Operators that put the entries of a sample into another order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..assembly import guard_entries, index_dtype, wrap
from ..operators import Operator


class Rearranged(Operator):
    """A permutation of entries: axes split, transposed and joined.

    Parameters
    ----------
    in_shape, out_shape : tuple of int
        Shapes of the samples.
    split : tuple of int
        Shape that a sample is seen in before its axes are transposed.
    order : tuple of int
        The axes of `split` in their new order.
    dtype : numpy.dtype
        Type of the ones in the matrix.
    """

    def __init__(
        self,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        split: tuple[int, ...],
        order: tuple[int, ...],
        dtype: np.dtype[Any],
        spatial_ndim: int | None = None,
    ) -> None:
        super().__init__(in_shape, out_shape, dtype, spatial_ndim=spatial_ndim)
        self._split, self._order = split, order

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        seen = x.astype(np.result_type(x.dtype, self.dtype), copy=False)
        seen = seen.reshape(len(x), *self._split)
        moved = seen.transpose(0, *(axis + 1 for axis in self._order))
        return moved.copy(order="C").reshape(len(x), *self.out_shape)

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        if not transposed:
            return self
        back = tuple(int(axis) for axis in np.argsort(self._order))
        split = tuple(self._split[axis] for axis in self._order)
        axes = self._spatial_ndim if len(self.in_shape) == len(self.out_shape) else None
        return Rearranged(self.out_shape, self.in_shape, split, back, self.dtype, axes)

    def _matrix(self, max_bytes: Any) -> csr_array:
        count = self.shape[0]
        index = index_dtype(self.shape, count)
        guard_entries(self.shape, count, self.dtype, index, max_bytes)
        places = np.arange(count, dtype=index).reshape(self._split).transpose(self._order)
        ends = np.arange(count + 1, dtype=index)
        return wrap(np.ones(count, self.dtype), places.reshape(-1), ends, self.shape)

    @property
    def flops(self) -> int:
        """None: 0."""
        return 0

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        return 1.0
