"""The PSF of a picture to restore, or the PSFs of one through a lens, and the operators they make."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _validate as validate
from ..errors import DTypeError, GeometryError, ShapeError
from ..operators import Conv, Operator, Restriction, power_of_two
from ._blur import blur, psf_center
from ._scale import gain_exponent, taken
from ._symbols import LocalSymbols, Symbols
from ._varying_blur import varying_blur
from ._varying_operator import VaryingBlur

Kernel = NDArray[np.float64]
Shape = tuple[int, ...]

PLAIN = 16  # exponents up to which numbers are taken as they are: squares in single precision

_SAMPLES = 64  # places that PSFs which vary are looked at


class TaskPSF(ABC):
    """What blurs all channels alike, over a power of two.

    Parameters
    ----------
    kernels : list of array of float64
        All PSFs that there are, of one size.
    center : tuple of int
        Their center.
    """

    def __init__(self, kernels: list[Kernel], center: Shape) -> None:
        self.exponent = taken(max(gain_exponent(kernel) for kernel in kernels), PLAIN)
        self.kernels = [power_of_two(kernel, -self.exponent) for kernel in kernels]
        self.center = center
        self.kernel_size = kernels[0].shape

    @property
    def gain(self) -> float:
        """What it multiplies a constant picture by, in the mean; 1 where that is zero."""
        return float(np.mean([kernel.sum() for kernel in self.kernels])) or 1.0

    @abstractmethod
    def symbols(self, grid: Shape, regularizer: str | None) -> Symbols:
        """What they do to the waves of a periodic grid."""

    @abstractmethod
    def padded(self, shape: Shape, boundary: Any) -> Operator:
        """C between stacks of a shape, under a boundary."""

    @abstractmethod
    def windowed(self, shape: Shape) -> Operator:
        """C from stacks of fields to stacks of a shape, which reads nothing beyond them."""

    def field(self, shape: Shape) -> Shape:
        """The stack of fields that a stack of pictures saw."""
        count, *sides = shape
        return count, *(n + k - 1 for n, k in zip(sides, self.kernel_size, strict=True))

    def pixels(self, shape: Shape) -> tuple[slice, ...]:
        """Where in a stack of fields the pixels of a stack of pictures are."""
        axes = zip(self.kernel_size, self.center, shape[1:], strict=True)
        return (slice(None), *(slice(k - 1 - c, k - 1 - c + n) for k, c, n in axes))


class OnePSF(TaskPSF):
    """One for the whole picture."""

    @property
    def kernel(self) -> Kernel:
        """It."""
        return self.kernels[0]

    def symbols(self, grid: Shape, regularizer: str | None) -> Symbols:
        return Symbols(self.kernel, grid, regularizer, np.float64)

    def padded(self, shape: Shape, boundary: Any) -> Operator:
        options = {"center": self.center, "padding_mode": boundary, "channels": True}
        return blur(self.kernel, shape, **options)

    def windowed(self, shape: Shape) -> Operator:
        weight = np.broadcast_to(self.kernel, (shape[0], 1, *self.kernel_size))
        return Conv(weight, self.field(shape), groups=shape[0], flip=True)


class VaryingPSF(TaskPSF):
    """Those of an operator, between the nodes where it knows them."""

    def __init__(self, op: VaryingBlur) -> None:
        self._op = op
        n = len(op.hats)
        used = op.weights.any(axis=tuple(range(n, 2 * n)))
        kernels = op.psfs.astype(np.float64)
        super().__init__(list(kernels[used]), op.center)
        self._psfs = power_of_two(kernels, -self.exponent)

    def symbols(self, grid: Shape, regularizer: str | None) -> Symbols:
        return LocalSymbols(self._samples(), grid, regularizer, np.float64)

    def _samples(self) -> list[Kernel]:
        """The PSFs of places all over the picture: between nodes they are unlike those of either."""
        kernels = self._psfs
        axes = len(self._op.hats)
        many = max(2, round(_SAMPLES ** (1 / axes)))
        for hats in self._op.hats:
            n = hats.shape[1]
            places = np.unique((np.arange(many) + 0.5) * n // many).astype(np.intp)
            # The axis of the nodes in front goes, and that of the places comes, behind the others.
            kernels = np.tensordot(hats[:, places], kernels, (0, 0))
            kernels = np.moveaxis(kernels, 0, axes - 1)
        return list(kernels.reshape(-1, *self.kernel_size))

    def padded(self, shape: Shape, boundary: Any) -> Operator:
        return self._made(shape, self._op.positions, boundary)

    def windowed(self, shape: Shape) -> Operator:
        seen = self.pixels(shape)
        moved = [p + one.start for p, one in zip(self._op.positions, seen[1:], strict=True)]
        field = self.field(shape)
        crop = Restriction(field, seen, spatial_ndim=len(field) - 1)
        return crop @ self._made(field, moved, "zeros")

    def _made(self, shape: Shape, positions: Any, padding_mode: Any) -> Operator:
        options = {"at": self._op.at, "center": self.center, "padding_mode": padding_mode}
        return varying_blur(self._psfs, positions, shape, channels=True, **options)


def task_psf(psf: Any, center: Any, shape: Shape, whole: Shape) -> TaskPSF:
    """The PSF of a channel of a shape in a picture of another, or the error that names it."""
    if isinstance(psf, VaryingBlur):
        return VaryingPSF(_fitting(psf, center, shape))
    kernel = validate.constant_array("psf", psf)
    if kernel.dtype.kind == "c":
        raise DTypeError(f"`psf` must be real; got {kernel.dtype}. Pass its real part.")
    if kernel.ndim != len(shape) or not shape:
        hint = "It is one for all channels."
        if kernel.ndim == len(shape) - 1 and len(shape) == len(whole):
            hint = "Pass channel_axis= if an axis of y holds channels."
        raise ShapeError(
            f"`psf` must have {len(shape)} axes, as a channel of y has; got shape {kernel.shape}. {hint}"
        )
    if not (np.isfinite(kernel).all() and kernel.any()):
        raise GeometryError(
            "`psf` must be finite and not all zero; got nan, inf or zeros only. Replace them."
        )
    return OnePSF([kernel.astype(np.float64)], psf_center(center, kernel.shape))


def _fitting(op: VaryingBlur, center: Any, shape: Shape) -> VaryingBlur:
    """An operator of real PSFs for a channel of that shape, whose own center is used."""
    if center is not None:
        raise GeometryError(
            f"`center` must be None where psf is a VaryingBlur; got {center!r}. "
            f"Pass it to varying_blur."
        )
    if op.dtype.kind == "c":
        raise DTypeError(f"`psf` must be real; got {op.dtype}. Use the real parts of its PSFs.")
    if op.geometry.x_shape != shape:
        raise ShapeError(
            f"`psf` must be an operator on {shape}, the shape of a channel of y; got {op!r}. "
            f"Make it for that shape, or pass channel_axis= if an axis of y holds channels."
        )
    if not (np.isfinite(op.psfs).all() and op.psfs.any()):
        raise GeometryError(
            "`psf` must be finite and not all zero; got nan, inf or zeros only. Replace them."
        )
    return op
