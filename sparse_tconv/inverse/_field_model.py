"""The unknown boundary: the data saw a larger field, of which nothing is assumed."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ._models import Model, Stack, Vector
from ._symbols import Symbols, fast
from ._waves import Roughness


class FieldModel(Model):
    """A convolution that reads nothing beyond the field: a part of the circular one of any grid that
    holds it.

    Vectors are Fourier coefficients, so that an iteration takes two transforms. They are those of the
    grid, a few pixels larger at its far ends; differences end at its border.
    """

    def __init__(
        self,
        kernel: Stack,
        shape: tuple[int, ...],
        center: tuple[int, ...],
        regularizer: str | None,
        used: NDArray[np.bool_] | None,
        dtype: Any = np.float64,
    ) -> None:
        field = tuple(n + k - 1 for n, k in zip(shape, kernel.shape, strict=True))
        symbols = Symbols(kernel, fast(field), regularizer, dtype)
        super().__init__(symbols, shape, field, used, dtype)
        self._roughness = Roughness(regularizer, self.grid, dtype)
        ends = zip(kernel.shape, field, strict=True)
        self._valid = (slice(None), *(slice(k - 1, n) for k, n in ends))
        starts = [k - 1 - c for k, c in zip(kernel.shape, center, strict=True)]
        ranges = (slice(a, a + n) for a, n in zip(starts, shape, strict=True))
        self._pixels = (slice(None), *ranges)
        self._whole = (slice(None), *(slice(n) for n in field))

    def vector(self, x: Stack) -> Vector:
        beyond = [(0, n - m) for n, m in zip(self.grid, self.field, strict=True)]
        return self._waves(np.pad(x, [(0, 0), *beyond], mode="edge"))

    def picture(self, v: Vector) -> Stack:
        return self._field(v.copy())[self._whole].copy()

    def seen(self, x: Stack) -> Stack:
        return x[self._pixels]

    def forward(self, v: Vector) -> Stack:
        y = self._field(v * self.symbols.spectrum)[self._valid]
        return y.copy() if self.used is None else y * self.used

    def adjoint(self, y: Stack) -> Vector:
        extended = np.zeros((len(y), *self.grid), self.dtype)
        extended[self._valid] = y if self.used is None else y * self.used
        waves = self._waves(extended)
        waves *= self.symbols.spectrum.conj()
        return waves

    def penalty(self, v: Vector) -> Vector:
        return self._roughness.apply(v)

    def precondition(self, v: Vector, symbol: Any) -> Vector:
        return np.asarray(v * symbol)

    def dot(self, u: Vector, v: Vector) -> float:
        single = np.vdot(u[..., 0], v[..., 0]).real
        if self.grid[-1] % 2 == 0:
            single += np.vdot(u[..., -1], v[..., -1]).real
        return float((2.0 * np.vdot(u, v).real - single) / prod(self.grid))

    def _waves(self, x: Stack) -> Vector:
        return np.asarray(fft.rfftn(x, axes=self._axes, workers=1))

    def _field(self, v: Vector) -> Stack:
        """The field of a vector that may be written to."""
        return np.asarray(fft.irfftn(v, self.grid, self._axes, overwrite_x=True, workers=1))
