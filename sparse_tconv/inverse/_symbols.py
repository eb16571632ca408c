"""What a blur and differences do to the waves of a periodic grid."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ..operators import LARGEST_ROOT

_TINY = 1e-12  # of the largest power: waves that neither C nor L sees are left alone
_LEAST = 16  # pixels that a PSF is taken to have at least, on a grid of its own


class Symbols:
    """The symbols of C and of L^H L on the half of the waves that real transforms hold.

    Parameters
    ----------
    kernel : array
        The PSF, which may be larger than the grid.
    grid : tuple of int
        The periodic grid.
    regularizer : None, 'gradient' or 'laplacian'
        L.
    dtype : dtype
        Real, of the grid's pixels.
    """

    def __init__(
        self, kernel: NDArray[Any], grid: tuple[int, ...], regularizer: str | None, dtype: Any
    ) -> None:
        self.grid = grid
        self.spectrum = fft.rfftn(_folded(kernel, grid).astype(dtype), workers=1)
        self.power = self.spectrum.real**2 + self.spectrum.imag**2
        self.roughness = roughness(regularizer, grid, dtype)

    @property
    def largest(self) -> float:
        """The most that C does to a wave."""
        return float(np.sqrt(self.power.max()))

    def penalized(self, damp: float) -> Any:
        """That of ``damp^2 L^H L``, and a little where neither C nor L sees anything."""
        # So large a damp keeps nothing.
        return min(damp, LARGEST_ROOT) ** 2 * self.roughness + _TINY * self.largest**2

    def kept(self, damp: float) -> Any:
        """What ``A = C C_damp^+`` does to each wave."""
        return self.power / (self.power + self.penalized(damp))

    def traces(self, damp: float) -> tuple[float, float]:
        """The traces of A and of A^2, per datum."""
        kept = self.kept(damp)
        return self.mean(kept), self.mean(kept * kept)

    def mean(self, values: Any) -> float:
        """The mean of a symbol over all waves."""
        single = values[..., 0].sum()
        if self.grid[-1] % 2 == 0:
            single += values[..., -1].sum()
        return float((2.0 * values.sum(dtype=np.float64) - single) / prod(self.grid))


class LocalSymbols(Symbols):
    """Those of PSFs that vary: the power is the mean over the picture, and so are the traces.

    Parameters
    ----------
    kernels : sequence of array
        The PSFs of places all over the picture.
    grid, regularizer, dtype
        As for Symbols.
    """

    def __init__(
        self,
        kernels: Sequence[NDArray[Any]],
        grid: tuple[int, ...],
        regularizer: str | None,
        dtype: Any,
    ) -> None:
        small = fast(tuple(2 * max(k, _LEAST) for k in kernels[0].shape))
        self._places = [Symbols(one, small, regularizer, dtype) for one in kernels]
        power = sum(one.power for one in self._places) / len(kernels)
        # The autocorrelation is as short on any grid.
        super().__init__(fft.fftshift(fft.irfftn(power, small)), grid, regularizer, dtype)
        self.power = np.abs(self.spectrum)

    def traces(self, damp: float) -> tuple[float, float]:
        first, second = np.mean([one.traces(damp) for one in self._places], axis=0)
        return float(first), float(second)


def roughness(regularizer: str | None, grid: tuple[int, ...], dtype: Any) -> Any:
    """That of L^H L, of periodic differences."""
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


def _folded(kernel: NDArray[Any], grid: tuple[int, ...]) -> NDArray[Any]:
    """A kernel around a periodic grid that may be smaller."""
    for axis, n in enumerate(grid):
        k = kernel.shape[axis]
        times = -(-k // n)
        pad = [(0, times * n - k if other == axis else 0) for other in range(kernel.ndim)]
        padded = np.pad(kernel, pad)
        split = padded.reshape(*padded.shape[:axis], times, n, *padded.shape[axis + 1 :])
        kernel = split.sum(axis=axis)
    return kernel
