"""The definition as an engine: the explicit matrix, any dtype, every geometry."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..assembly import Skeleton, shared_skeleton, wrap
from ..geometry import ConvGeometry
from ..threads import ForkSafeLock
from ._engine import Engine
from .windows import kernel_gradient


class CsrEngine(Engine):
    """Products with the assembled CSR matrix of C, made when first needed.

    ``C^T y`` uses the CSR of C as the CSC of C^T: slower than a CSR of C^T by up to one half, but a
    second matrix would double the memory.
    """

    name = "csr"

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        super().__init__(geometry, weight)
        self._matrices: dict[bool, tuple[NDArray[Any], Skeleton]] = {}
        self._lock = ForkSafeLock()

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        return None

    @classmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        return 1e-5 + geometry.nnz * batch * 1e-9

    @property
    def nbytes(self) -> int:
        return sum(
            data.nbytes + skeleton.nbytes for data, skeleton in list(self._matrices.values())
        )

    def matrix(self, transposed: bool = False) -> csr_array:
        """C or C^T as a new csr_array around the engine's own read-only arrays."""
        with self._lock:
            if transposed not in self._matrices:
                skeleton = shared_skeleton(self.geometry, transposed, self.weight.dtype)
                data = skeleton.values(self.weight)
                data.flags.writeable = False
                self._matrices[transposed] = data, skeleton
            data, skeleton = self._matrices[transposed]
        return wrap(data, skeleton.indices, skeleton.indptr, skeleton.pattern.shape)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        return _product(self.matrix(), x).reshape(len(x), *self.y_shape)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        return _product(self.matrix().T, y).reshape(len(y), *self.x_shape)

    def weight_gradient(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        return kernel_gradient(self.geometry, x, y)


def _product(matrix: Any, x: NDArray[Any]) -> NDArray[Any]:
    """A matrix times each sample of a batch, flat."""
    if len(x) == 1:
        return np.asarray(matrix @ x.reshape(-1))
    return np.ascontiguousarray((matrix @ x.reshape(len(x), matrix.shape[1]).T).T)
