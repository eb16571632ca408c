"""Differences that end at the border, of pictures that are given by their waves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._symbols import roughness

Waves = NDArray[Any]


class Roughness:
    """L^H L of Fourier coefficients (channels, *half), as real transforms have them.

    Periodic differences are a symbol; what they have too much is one difference for each line of the
    picture, from its last pixel to its first, along every axis.

    Parameters
    ----------
    regularizer : None, 'gradient' or 'laplacian'
        L: of the Laplacian the square of D^H D, D being the gradient.
    grid : tuple of int
        Shape of the picture.
    dtype : dtype
        Real, of its pixels.
    """

    def __init__(self, regularizer: str | None, grid: tuple[int, ...], dtype: Any) -> None:
        self._times = {None: 0, "gradient": 1, "laplacian": 2}[regularizer]
        self._grid = grid
        self._periodic = roughness("gradient", grid, dtype)
        self._steps = [_step(n, axis == len(grid) - 1, dtype) for axis, n in enumerate(grid)]

    def apply(self, v: Waves) -> Waves:
        """L^H L v."""
        for _ in range(self._times):
            v = self._differences(v)
        return v

    def _differences(self, v: Waves) -> Waves:
        """D^H D v."""
        found = np.asarray(v * self._periodic)
        for axis, (n, step) in enumerate(zip(self._grid, self._steps, strict=True), 1):
            shape = [1] * v.ndim
            shape[axis] = len(step)
            jump = np.expand_dims(self._jump(v, axis), axis) / n
            found -= jump.astype(v.dtype) * step.conj().reshape(shape)
        return found

    def _jump(self, v: Waves, axis: int) -> Waves:
        """The waves of the first pixels less the last along an axis, times its length."""
        last, n = axis == len(self._grid), self._grid[axis - 1]
        if not last:
            return np.tensordot(v, self._steps[axis - 1], (axis, 0))
        # Of the waves of the last axis half are not there: they are conjugates of the others.
        weights = self._steps[axis - 1].copy()
        if n % 2 == 0:
            weights[-1] /= 2  # the first of them is zero
        half = np.tensordot(v, weights, (axis, 0))
        other = half.conj()
        for index in range(1, half.ndim):
            other = np.roll(np.flip(other, index), 1, index)
        return np.asarray(half + other)


def _step(n: int, half: bool, dtype: Any) -> Waves:
    """The first pixel less the last, of each wave along an axis."""
    turns = np.arange(n // 2 + 1 if half else n) / n
    return (1.0 - np.exp(-2j * np.pi * turns)).astype(np.result_type(dtype, np.complex64))
