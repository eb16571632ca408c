"""Compiled loops as an engine: few channels and small kernels at the speed of memory."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import ConvGeometry
from .._engine import Engine
from ._blocks import Blocks
from ._cost import prefers_blocks, seconds
from ._direction import Direction
from ._gradient import kernel_gradient


class DirectEngine(Engine):
    """Products by compiled loops over rows of the last axis: no matrix, no padded copy; edges where
    they are.

    Needs Numba, which is imported and compiles at the first product; what it compiles is kept on
    disk, beside the package or where ``NUMBA_CACHE_DIR`` says, so another process compiles nothing.
    """

    name = "direct"
    package = "numba"
    extra = "fast"

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        super().__init__(geometry, weight)
        self._directions: dict[bool, Direction | Blocks] = {}
        self._lock = Lock()

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        if dtype.char in "fdFD":
            return None
        known = "float32, float64, complex64 and complex128"
        return f"its loops are compiled for {known} only, not for {dtype}"

    @classmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        return seconds(geometry, dtype, batch)

    @property
    def nbytes(self) -> int:
        return sum(direction.nbytes for direction in list(self._directions.values()))

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._direction(False).product(x).reshape(len(x), *self.y_shape)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        return self._direction(True).product(y).reshape(len(y), *self.x_shape)

    def weight_gradient(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        return kernel_gradient(self.geometry, x, y)

    def _direction(self, transposed: bool) -> Direction | Blocks:
        with self._lock:
            if transposed not in self._directions:
                self._directions[transposed] = self._made(transposed)
            return self._directions[transposed]

    def _made(self, transposed: bool) -> Direction | Blocks:
        """One direction. Blocks multiply padding by weights, which those must be finite for."""
        geometry, weight = self.geometry, self.weight
        if prefers_blocks(geometry, weight.dtype, transposed) and np.isfinite(weight).all():
            return Blocks(geometry, weight, transposed)
        return Direction(geometry, weight, transposed)
