"""C^H C + damp^2 I, the operator of the normal equations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array

from .. import _validate as validate
from ..errors import GeometryError
from ._samples import SampleOperator


class GramOperator(SampleOperator):
    """A^H A + damp^2 I of an operator A, Hermitian; made by ``op.gram(damp)``.

    Parameters
    ----------
    factor : SampleOperator
        The operator A.
    damp : float
        At least 0.
    """

    def __init__(self, factor: SampleOperator, damp: float) -> None:
        self.factor = factor
        self.damp = real_number("damp", damp)
        dtype = factor.dtype
        if self.damp and dtype.kind in "iu":
            dtype = np.dtype(np.float64)  # a fraction does not fit into integers
        self._bind_shapes(dtype)

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.factor.in_shape

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.factor.in_shape

    @property
    def matrix(self) -> csr_array:
        """A^H A + damp^2 I, fresh at each access, canonical, rounded in the weight's type."""
        matrix = self.factor.matrix
        adjoint = matrix.T if self.dtype.kind != "c" else matrix.conj().T
        product = (adjoint.tocsr() @ matrix).tocsr()
        if self.damp:
            product = product.astype(self.dtype, copy=False)
            square = self.dtype.type(self.damp**2)
            identity = eye_array(product.shape[0], dtype=self.dtype, format="csr")
            product = (product + square * identity).tocsr()
        product.sum_duplicates()
        return product

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        product = self.factor.H.apply(self.factor.apply(x))
        if not self.damp:
            return np.asarray(product)
        dtype = np.result_type(product.dtype, self.dtype)
        return np.asarray(product + dtype.type(self.damp**2) * x, dtype=dtype)

    def _adjoint(self) -> Any:
        return self


def real_number(name: str, value: Any) -> float:
    """A finite number of at least 0."""
    try:
        number = validate.numeric_array(name, value)
    except TypeError:
        number = np.array([0, 0])
    if number.ndim or number.dtype.kind == "c" or not np.isfinite(number) or number < 0:
        raise GeometryError(
            f"`{name}` must be a finite number, at least 0; got {value!r}. Use 0.0."
        )
    return float(number)
