"""Products of operators, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ._composed import Composed
from ._entries import matrix_product
from ._operator import Operator
from ._promotion import common_dtype, sample_dtype


class Product(Composed):
    """``A @ B @ ...``: the last factor first; made by ``@``.

    Parameters
    ----------
    factors : sequence of Operator
        Two or more, each of which takes what the next one gives.
    """

    def __init__(self, factors: tuple[Operator, ...]) -> None:
        self.factors = factors
        self._chain = tuple((f, f.in_shape) for f in reversed(factors))
        self._bind_shapes(factors[-1].in_shape, factors[0].out_shape, common_dtype(factors))
        self._spatial_ndim = _said_first(factors)

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        if x.dtype != self.dtype:
            x = x.astype(sample_dtype(x.dtype, self.dtype), copy=False)
        for factor, in_shape in self._chain:
            if x.shape[1:] != in_shape:
                x = x.reshape(len(x), *in_shape)
            x = factor._multiply(x)
        return x

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        kin = tuple(factor._kin(transposed, conjugated) for factor in self.factors)
        return Product(kin[::-1] if transposed else kin)

    def _matrix_in(self, dtype: np.dtype[Any], max_bytes: Any) -> csr_array:
        matrices = (factor._matrix_in(dtype, max_bytes) for factor in self.factors)
        return reduce(lambda a, b: matrix_product(a, b, dtype, max_bytes), matrices)

    @property
    def flops(self) -> int | None:
        """The sum of the factors'."""
        return added(factor.flops for factor in self.factors)

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        return prod(factor.norm_bound(leaf) for factor in self.factors)

    def over_powers(self, leaf: Callable[[Any], tuple[Any, int]]) -> tuple[Any, int]:
        factors, exponents = zip(*(f.over_powers(leaf) for f in self.factors), strict=True)
        return Product(factors), sum(exponents)

    def _parts(self) -> tuple[Operator, ...]:
        return self.factors


def _said_first(factors: tuple[Operator, ...]) -> int | None:
    """What the first factor that knows its spatial axes says, as far as axes are kept."""
    for factor in reversed(factors):
        if factor._spatial_ndim is not None:
            return factor._spatial_ndim
        if len(factor.in_shape) != len(factor.out_shape):
            return None
    return None


def added(counts: Any) -> int | None:
    """The sum, None where one is unknown."""
    known = list(counts)
    return None if None in known else sum(known)
