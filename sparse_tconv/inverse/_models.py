"""What a blurred picture is of the sharp one, with what conjugate gradients and the rules need of it.

Pictures are stacks of channels, (channels, *shape). The unknowns are vectors of a model's own: of
the field they are Fourier coefficients, so that L^H L and the preconditioner are products, and an
iteration takes two transforms.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ..operators import Operator

Stack = NDArray[np.float64]
Vector = NDArray[Any]

_TINY = 1e-12  # of the largest power: waves that neither C nor L sees are left alone

# Pixels between the two ends of a field, which periodic differences join: that many hardly do.
_MARGIN = 0


class Model(ABC):
    """``|M (C x - y)|^2 + damp^2 |L x|^2`` of a stack of channels that are blurred alike.

    Parameters
    ----------
    kernel : array
        The PSF.
    shape, field : tuple of int
        Of one channel of y, and of x.
    grid : tuple of int
        Of the periodic grid whose waves stand for those of the field.
    regularizer : None, 'gradient' or 'laplacian'
        L.
    used : Boolean array, optional
        M: the pixels of y that count, broadcast to the stack.
    dtype : dtype
        Of the stacks; symbols and vectors go with it.
    """

    def __init__(
        self,
        kernel: Stack,
        shape: tuple[int, ...],
        field: tuple[int, ...],
        grid: tuple[int, ...],
        regularizer: str | None,
        used: NDArray[np.bool_] | None,
        dtype: Any,
    ) -> None:
        self.shape, self.field, self.used = shape, field, used
        self.dtype = np.dtype(dtype)
        self.grid = grid
        self._axes = tuple(range(1, len(field) + 1))
        self._spectrum = fft.rfftn(_folded(kernel, grid).astype(self.dtype), workers=1)
        self.power = self._spectrum.real**2 + self._spectrum.imag**2
        self._roughness = _symbol(regularizer, grid, self.dtype)
        self._density = 1.0 if used is None else float(used.mean())
        self.largest = float(np.sqrt(self.power.max()))

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
        least = _TINY * self.largest**2
        return 1.0 / (self._density * self.power + (damp**2 * self._roughness + least))

    def traces(self, damp: float) -> tuple[float, float]:
        """The traces of ``A = C C_damp^+`` and of A^2, per datum.

        Away from the border and from what is masked, A is the convolution that it would be on a
        periodic grid: a datum sees as much of itself in it as the mean of that convolution's symbol.
        """
        kept = self.kept(damp)
        return self.mean(kept), self.mean(kept * kept)

    def kept(self, damp: float) -> Any:
        """The share of each wave of y that C x has, on a periodic grid."""
        least = _TINY * self.largest**2
        return self.power / (self.power + (damp**2 * self._roughness + least))

    def mean(self, values: Any) -> float:
        """The mean of a symbol over all waves, of which real transforms hold half."""
        single = values[..., 0].sum()
        if self.grid[-1] % 2 == 0:
            single += values[..., -1].sum()
        return float((2.0 * values.sum(dtype=np.float64) - single) / prod(self.grid))


class FieldModel(Model):
    """The data saw a larger field: a convolution that reads nothing beyond it.

    That is a part of the circular convolution of any grid that holds the field.
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
        grid = fast(field)
        super().__init__(kernel, shape, field, grid, regularizer, used, dtype)
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
        y = self._field(v * self._spectrum)[self._valid]
        return y.copy() if self.used is None else y * self.used

    def adjoint(self, y: Stack) -> Vector:
        extended = np.zeros((len(y), *self.grid), self.dtype)
        extended[self._valid] = y if self.used is None else y * self.used
        waves = self._waves(extended)
        waves *= self._spectrum.conj()
        return waves

    def penalty(self, v: Vector) -> Vector:
        return np.asarray(v * self._roughness)

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


class PaddedModel(Model):
    """Something is assumed beyond the border; x is as large as y.

    Parameters
    ----------
    op, penalty : Operator
        C, and L or None for the identity, from stacks.
    """

    def __init__(
        self,
        op: Operator,
        penalty: Operator | None,
        kernel: Stack,
        regularizer: str | None,
        used: NDArray[np.bool_] | None,
    ) -> None:
        shape = op.in_shape[1:]
        super().__init__(kernel, shape, shape, fast(shape), regularizer, used, np.float64)
        self._op, self._penalty = op, penalty
        self._whole = (slice(None), *(slice(n) for n in shape))

    def vector(self, x: Stack) -> Vector:
        return x

    def picture(self, v: Vector) -> Stack:
        return v

    def seen(self, x: Stack) -> Stack:
        return x

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


def _folded(kernel: Stack, grid: tuple[int, ...]) -> Stack:
    """A kernel around a periodic grid that may be smaller."""
    for axis, n in enumerate(grid):
        k = kernel.shape[axis]
        times = -(-k // n)
        pad = [(0, times * n - k if other == axis else 0) for other in range(kernel.ndim)]
        padded = np.pad(kernel, pad)
        split = padded.reshape(*padded.shape[:axis], times, n, *padded.shape[axis + 1 :])
        kernel = split.sum(axis=axis)
    return kernel


def _symbol(regularizer: str | None, grid: tuple[int, ...], dtype: Any) -> Any:
    """L^H L of periodic differences on the half of the waves that real transforms hold."""
    if regularizer is None:
        return np.ones((), dtype)
    total: Any = 0.0
    for axis, n in enumerate(grid):
        count = n // 2 + 1 if axis == len(grid) - 1 else n
        along = [1] * len(grid)
        along[axis] = count
        total = total + (2.0 - 2.0 * np.cos(2.0 * np.pi * np.arange(count) / n)).reshape(along)
    total = total.astype(dtype)
    return total if regularizer == "gradient" else total**2


def fast(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape, or one hardly larger, of prime factors that SciPy's transforms are fast for."""
    return tuple(fft.next_fast_len(n, real=False) for n in shape)
