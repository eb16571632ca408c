"""The engine of the fast Fourier transform."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...assembly import from_correlation_kernel
from ...geometry import ConvGeometry
from .._engine import Engine
from ..rows import RowCorrelation, separable_passes
from ..separable import factors
from ..unit_stride import UnitStride
from ..windows import kernel_gradient
from ._correlation import Correlation
from ._cost import COST, seconds
from ._plan import Plan, plan

PASS = 1.15e-10  # seconds per window and tap of one-axis passes, in double precision
DIRECT_READ = (
    5e-10  # seconds per sample that a tap reads, in the kernel's gradient without transforms
)
DIRECT_MULTIPLY = 4e-11  # seconds per sample read and channel of y
PAIRED = 2e-9  # seconds per point and pair of channels, in the gradient by transforms


class FftEngine(Engine):
    """Products by transforms of blocks that stay in cache; axis by axis where the kernel is a
    product of one-axis kernels.

    Cost: a transform forth per channel taken and back per channel given, whatever the kernel's
    size, and a product of every channel pair at every frequency. Every direction keeps its spectrum
    of the kernel from its first use on.
    """

    name = "fft"

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        super().__init__(geometry, weight)
        real = weight.dtype.kind != "c"
        plans = [
            plan(geometry, transposed, real, weight.dtype.itemsize) for transposed in (False, True)
        ]
        self._spectral = [Correlation(each, weight) for each in plans]
        self._directions: list[Correlation | RowCorrelation | None] = [None, None]

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
        return sum(part.nbytes for part in {*self._spectral, *self._directions} if part is not None)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._direction(False).apply(x)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        return self._direction(True).apply(y)

    def weight_gradient(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        forward = self._spectral[False]
        reads = prod(self.geometry.kernel_size) * x.size // prod(x.shape[2:]) * prod(y.shape[2:])
        points = len(x) * forward.plan.blocks * forward.plan.points
        pairs = self.geometry.groups * forward.unit.given * forward.unit.taken * points
        direct = reads * (DIRECT_READ + DIRECT_MULTIPLY * forward.unit.given)
        if direct < 1.5 * self.seconds(self.geometry, x.dtype, len(x)) + PAIRED * pairs:
            return kernel_gradient(self.geometry, x, y)
        return from_correlation_kernel(self.geometry, forward.unit.taps(forward.gradient(x, y)))

    def _direction(self, transposed: bool) -> Correlation | RowCorrelation:
        """The faster way for this kernel in one direction; two threads that decide at once
        decide alike.
        """
        chosen = self._directions[transposed]
        if chosen is None:
            spectral = self._spectral[transposed]
            chosen = self._directions[transposed] = (
                self._by_axes(transposed, spectral.plan) or spectral
            )
        return chosen

    def _by_axes(self, transposed: bool, cut: Plan) -> RowCorrelation | None:
        """One-axis passes, if the kernel is separable in every channel and they are faster."""
        unit = UnitStride(self.geometry, transposed)
        if self.weight.dtype.kind == "c" or unit.taken > 1 or len(unit.lines) == 1:
            return None
        passes = PASS * separable_passes(unit.kernel_size) * prod(unit.windows)
        if passes > COST.work * cut.work(self.weight.dtype.itemsize):
            return None
        kernel = unit.kernel(self.weight)
        if any(factors(channel[0]) is None for group in kernel for channel in group):
            return None
        return RowCorrelation(unit, self.weight)
