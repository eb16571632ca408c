"""The engine of the fast Fourier transform."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import ConvGeometry
from .._engine import Engine
from ._correlation import Correlation
from ._cost import seconds
from .plan import plan


class FftEngine(Engine):
    """Products by transforms of blocks that stay in cache.

    Cost: a transform forth per input channel and back per output channel, whatever the kernel's
    size, and a product of every channel pair at every frequency. Every direction keeps its spectrum
    of the kernel from its first use on.
    """

    name = "fft"

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        super().__init__(geometry, weight)
        real = weight.dtype.kind != "c"
        self._directions = [
            Correlation(geometry, plan(geometry, transposed, real, weight.dtype.itemsize), weight)
            for transposed in (False, True)
        ]

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        if dtype.char in "fdFD":
            return None
        return f"the fast Fourier transform computes in single and double precision, real and complex, not in {dtype}"

    @classmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        return seconds(geometry, dtype, batch)

    @property
    def nbytes(self) -> int:
        return sum(direction.nbytes for direction in self._directions)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._directions[False].apply(x)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        return self._directions[True].apply(y)
