"""A picture to restore: the arguments of `deblur`, checked, and the models that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from ..errors import DTypeError, GeometryError, ShapeError
from ..operators import Conv
from ._arguments import one_of
from ._blur import blur, psf_center
from ._channels import Channels
from ._models import FieldModel, Model, PaddedModel, Stack
from ._regularizer import WORDS, regularizer_operator

UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Task:
    """Data, PSF and prior of a picture.

    Attributes
    ----------
    picture : array
        The data as they were given.
    stack : (channels, *shape) array of float64
        The data, zero where they are not used.
    channels : Channels
        How the two go together.
    kernel : array of float64
        The PSF.
    center : tuple of int
        Its center.
    boundary, regularizer
        As given.
    used : (channels or 1, *shape) Boolean array, optional
        The data that count.
    """

    picture: NDArray[Any]
    stack: Stack
    channels: Channels
    kernel: Stack
    center: tuple[int, ...]
    boundary: Any
    regularizer: str | None
    used: NDArray[np.bool_] | None

    @classmethod
    def of(
        cls,
        y: ArrayLike,
        psf: ArrayLike,
        channel_axis: Any,
        boundary: Any,
        regularizer: Any,
        mask: Any,
        center: Any,
    ) -> Self:
        """The task, or the error that names the first bad argument."""
        if np.ma.is_masked(y):
            raise validate.masked("y", y, "Pass y.data, and mask=~np.ma.getmaskarray(y).")
        picture = validate.numeric_array("y", y)
        if picture.dtype.kind == "c":
            raise DTypeError(f"`y` must be real; got {picture.dtype}. Restore its parts apart.")
        channels = Channels.of(picture.shape, channel_axis)
        kernel = _kernel(psf, channels.shape, picture.shape)
        if regularizer is not None:
            one_of("regularizer", regularizer, WORDS)
        used = _used(mask, picture.shape, channels)
        stack = channels.first(picture).astype(np.float64)
        if picture.size == 0:
            raise ShapeError(
                f"`y` must have at least one pixel; got shape {picture.shape}. Pass a picture."
            )
        if used is not None:
            stack *= used
            stack[~np.broadcast_to(used, stack.shape)] = 0.0
        if not np.isfinite(stack).all():
            raise GeometryError(
                "`y` must be finite where it is used; got NaN or infinite entries. "
                "Pass mask=numpy.isfinite(y) to leave them out."
            )
        return cls(
            picture,
            stack,
            channels,
            kernel,
            psf_center(center, kernel.shape),
            boundary,
            regularizer,
            used,
        )

    @property
    def rows(self) -> int:
        """How many data count."""
        if self.used is None:
            return self.stack.size
        return int(np.count_nonzero(np.broadcast_to(self.used, self.stack.shape)))

    @property
    def unknown(self) -> bool:
        """Whether nothing is assumed beyond the border."""
        return isinstance(self.boundary, str) and self.boundary == UNKNOWN

    def model(self, dtype: Any) -> Model:
        """The model; that of an assumed boundary computes in double precision anyway."""
        if self.unknown:
            shape = self.channels.shape
            return FieldModel(self.kernel, shape, self.center, self.regularizer, self.used, dtype)
        op = self.operator()
        penalty = regularizer_operator(self.regularizer, op, op.in_shape)
        return PaddedModel(op, penalty, self.kernel, self.regularizer, self.used)

    def operator(self) -> Conv:
        """C, from stacks of fields to stacks of pictures."""
        count, *shape = self.stack.shape
        if not self.unknown:
            options = {"center": self.center, "padding_mode": self.boundary, "channels": True}
            return blur(self.kernel, self.stack.shape, **options)
        field = (n + k - 1 for n, k in zip(shape, self.kernel.shape, strict=True))
        weight = np.broadcast_to(self.kernel, (count, 1, *self.kernel.shape))
        return Conv(weight, (count, *field), groups=count, flip=True)

    def returned(self, stack: Stack) -> NDArray[Any]:
        """An answer as the caller gets it; a picture of 8 or 16 bits is rounded and cut."""
        answer = self.channels.back(stack)
        dtype = self.picture.dtype
        if dtype in (np.uint8, np.uint16):
            top = np.iinfo(dtype).max
            return np.ascontiguousarray(np.rint(np.clip(answer, 0, top)).astype(dtype))
        return np.ascontiguousarray(answer, dtype=dtype if dtype.kind == "f" else np.float64)


def _kernel(psf: Any, shape: tuple[int, ...], whole: tuple[int, ...]) -> Stack:
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
    return kernel.astype(np.float64)


def _used(mask: Any, shape: tuple[int, ...], channels: Channels) -> NDArray[np.bool_] | None:
    """The pixels used, as a stack of all channels or of one for all."""
    if mask is None:
        return None
    used = np.asarray(mask)
    if used.dtype != np.bool_:
        raise DTypeError(
            f"`mask` must be a Boolean array, True where y is used; got dtype {used.dtype}. "
            f"Write mask != 0."
        )
    if used.shape not in (shape, channels.shape):
        raise ShapeError(
            f"`mask` must have the shape of y, {shape}, or of a channel, {channels.shape}; "
            f"got {used.shape}. Make it from y, as in y < 255."
        )
    if not used.any():
        raise GeometryError("`mask` must keep at least one pixel; got none. Set some entries True.")
    return channels.first(used) if used.shape == shape else used[None]
