"""What a blurred picture is of the sharp one, with what conjugate gradients and the rules need of it.

Pictures are stacks of channels, (channels, *shape). The unknowns are vectors of a model's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._symbols import Symbols

Stack = NDArray[np.float64]
Vector = NDArray[Any]


class Model(ABC):
    """``|M (C x - y)|^2 + damp^2 |L x|^2`` of a stack of channels that are blurred alike.

    Parameters
    ----------
    symbols : Symbols
        Of a periodic grid whose waves stand for those of the field, and of a PSF.
    shape, field : tuple of int
        Of one channel of y, and of x.
    used : Boolean array, optional
        M: the pixels of y that count, broadcast to the stack.
    dtype : dtype
        Of the stacks; symbols and vectors go with it.
    """

    def __init__(
        self,
        symbols: Symbols,
        shape: tuple[int, ...],
        field: tuple[int, ...],
        used: NDArray[np.bool_] | None,
        dtype: Any,
    ) -> None:
        self.symbols, self.grid = symbols, symbols.grid
        self.shape, self.field, self.used = shape, field, used
        self.dtype = np.dtype(dtype)
        self._axes = tuple(range(1, len(field) + 1))
        self._density = 1.0 if used is None else float(used.mean())

    @property
    def largest(self) -> float:
        """The most that C does to a wave."""
        return self.symbols.largest

    @property
    def power(self) -> Any:
        """What C^H C does to each wave."""
        return self.symbols.power

    @abstractmethod
    def vector(self, x: Stack) -> Vector:
        """A field as a vector."""

    @abstractmethod
    def picture(self, v: Vector) -> Stack:
        """A vector as a field."""

    @abstractmethod
    def seen(self, x: Stack) -> Stack:
        """The part of a field where the pixels of y are, a view."""

    @abstractmethod
    def forward(self, v: Vector) -> Stack:
        """M C v."""

    @abstractmethod
    def adjoint(self, y: Stack) -> Vector:
        """C^H M y."""

    @abstractmethod
    def penalty(self, v: Vector) -> Vector:
        """L^H L v."""

    @abstractmethod
    def precondition(self, v: Vector, symbol: Any) -> Vector:
        """A vector times a symbol on the grid."""

    @abstractmethod
    def dot(self, u: Vector, v: Vector) -> float:
        """The inner product of the fields."""

    def constant(self, levels: NDArray[np.float64]) -> Vector:
        """A field of one value for each channel."""
        return self.vector(np.broadcast_to(levels, (len(levels), *self.field)).astype(self.dtype))

    def symbol(self, damp: float) -> Any:
        """Roughly the inverse of ``C^H M C + damp^2 L^H L``, wave by wave."""
        return 1.0 / (self._density * self.power + self.symbols.penalized(damp))

    def traces(self, damp: float) -> tuple[float, float]:
        """The traces of ``A = C C_damp^+`` and of A^2, per datum.

        Away from the border and from what is masked, A is the convolution that it would be on a
        periodic grid: a datum sees as much of itself in it as the mean of that convolution's symbol.
        """
        return self.symbols.traces(damp)

    def kept(self, damp: float) -> Any:
        """The share of each wave of y that C x has, on a periodic grid."""
        return self.symbols.kept(damp)

    def mean(self, values: Any) -> float:
        """The mean of a symbol over all waves."""
        return self.symbols.mean(values)
