"""Pictures under any operator: an assumed boundary, or a PSF that varies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ..operators import Operator
from ._models import Model, Stack, Vector
from ._symbols import Symbols


class OperatorModel(Model):
    """An operator between stacks, in double precision.

    Parameters
    ----------
    op, penalty : Operator
        C, and L or None for the identity, from stacks.
    symbols : Symbols
        Of a grid that holds the field.
    pixels : tuple of slice
        Where in a stack of fields the pixels of y are; all of it, if not given.
    used
        As for Model.
    """

    def __init__(
        self,
        op: Operator,
        penalty: Operator | None,
        symbols: Symbols,
        pixels: tuple[slice, ...] = (slice(None),),
        used: NDArray[np.bool_] | None = None,
    ) -> None:
        field = op.in_shape[1:]
        super().__init__(symbols, op.out_shape[1:], field, used, np.float64)
        self._op, self._penalty, self._pixels = op, penalty, pixels
        self._whole = (slice(None), *(slice(n) for n in field))

    def vector(self, x: Stack) -> Vector:
        return x

    def picture(self, v: Vector) -> Stack:
        return v

    def seen(self, x: Stack) -> Stack:
        return x[self._pixels]

    def forward(self, v: Vector) -> Stack:
        y = self._op.apply(v)
        return np.asarray(y if self.used is None else y * self.used)

    def adjoint(self, y: Stack) -> Vector:
        return np.asarray(self._op.H.apply(y if self.used is None else y * self.used))

    def penalty(self, v: Vector) -> Vector:
        return v if self._penalty is None else self._penalty.H.apply(self._penalty.apply(v))

    def precondition(self, v: Vector, symbol: Any) -> Vector:
        waves = fft.rfftn(v, self.grid, self._axes, workers=1)
        waves *= symbol
        return np.asarray(fft.irfftn(waves, self.grid, self._axes, workers=1)[self._whole])

    def dot(self, u: Vector, v: Vector) -> float:
        return float(np.vdot(u, v))
