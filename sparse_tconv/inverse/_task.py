"""A picture to restore: the arguments of `deblur`, checked, and the models that they make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from ..errors import DTypeError, GeometryError, ShapeError
from ..operators import Operator, power_of_two
from ..solution import Solution
from ._arguments import one_of
from ._channels import Channels
from ._field_model import FieldModel
from ._least_squares import held
from ._models import Model, Stack
from ._operator_model import OperatorModel
from ._regularizer import WORDS, regularizer_operator
from ._scale import exponent, largest, shifted_gap, taken
from ._symbols import fast
from ._task_psf import PLAIN, OnePSF, TaskPSF, task_psf

UNKNOWN = "unknown"
_ROUNDING = 1e-12  # of the largest value


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
    psf : TaskPSF
        What blurs it.
    boundary, regularizer
        As given.
    used : (channels or 1, *shape) Boolean array, optional
        The data that count.
    exponents : tuple of int
        Those of the powers of two that were taken out of the PSF, and of the data: answers and
        their numbers are those of the caller's.
    """

    picture: NDArray[Any]
    stack: Stack
    channels: Channels
    psf: TaskPSF
    boundary: Any
    regularizer: str | None
    used: NDArray[np.bool_] | None
    exponents: tuple[int, int] = (0, 0)

    @classmethod
    def of(
        cls,
        y: ArrayLike,
        psf: Any,
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
        blur = task_psf(psf, center, channels.shape, picture.shape)
        if regularizer is not None:
            one_of("regularizer", regularizer, WORDS)
        used = _used(mask, picture.shape, channels)
        stack = channels.first(picture).astype(np.float64)
        if picture.size == 0:
            raise ShapeError(
                f"`y` must have at least one pixel; got shape {picture.shape}. Pass a picture."
            )
        if used is not None:
            stack[~np.broadcast_to(used, stack.shape)] = 0.0
        if not np.isfinite(stack).all():
            raise GeometryError(
                "`y` must be finite where it is used; got NaN or infinite entries. "
                "Pass mask=numpy.isfinite(y) to leave them out."
            )
        of_y = taken(exponent(largest(stack)), PLAIN)
        stack = power_of_two(stack, -of_y)
        exponents = blur.exponent, of_y
        return cls(picture, stack, channels, blur, boundary, regularizer, used, exponents)

    @property
    def rows(self) -> int:
        """How many data count."""
        if self.used is None:
            return self.stack.size
        return int(np.count_nonzero(np.broadcast_to(self.used, self.stack.shape)))

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """The data that count, of the shape of the stack."""
        return None if self.used is None else np.broadcast_to(self.used, self.stack.shape).copy()

    @property
    def unknown(self) -> bool:
        """Whether nothing is assumed beyond the border."""
        return isinstance(self.boundary, str) and self.boundary == UNKNOWN

    def explained(self, misfit: float) -> bool:
        """Whether a squared residual is rounding, as of a constant picture: it tells nothing."""
        return misfit <= self.rows * (_ROUNDING * float(np.abs(self.stack).max())) ** 2

    @property
    def even(self) -> bool:
        """Whether the residual of a good answer is alike everywhere: all count, and are blurred alike."""
        return self.used is None and isinstance(self.psf, OnePSF)

    def model(self, dtype: Any) -> Model:
        """The model; only that of one PSF and a field computes in another precision than double."""
        if self.unknown and isinstance(self.psf, OnePSF):
            kernel, center = self.psf.kernel, self.psf.center
            shape = self.channels.shape
            return FieldModel(kernel, shape, center, self.regularizer, self.used, dtype)
        op = self.operator()
        pixels = self.psf.pixels(self.stack.shape) if self.unknown else (slice(None),)
        penalty = regularizer_operator(self.regularizer, op, op.in_shape)
        symbols = self.psf.symbols(fast(op.in_shape[1:]), self.regularizer)
        return OperatorModel(op, penalty, symbols, pixels, self.used)

    def operator(self) -> Operator:
        """C, from stacks of fields to stacks of pictures."""
        shape = self.stack.shape
        return self.psf.windowed(shape) if self.unknown else self.psf.padded(shape, self.boundary)

    def compared(self, x: Stack) -> tuple[Stack, Stack]:
        """An answer as bright as the data, and the data, alike where these are not used."""
        answer = self.psf.gain * x
        data = self.stack if self.used is None else np.where(self.used, self.stack, answer)
        return answer, data

    def returned(self, stack: Stack) -> NDArray[Any]:
        """An answer as the caller gets it; a picture of 8 or 16 bits is rounded and cut."""
        answer, dtype = self.channels.back(stack), self.picture.dtype
        exponent = self.exponents[1] - self.exponents[0]
        if dtype in (np.uint8, np.uint16):
            top = np.iinfo(dtype).max
            answer = power_of_two(answer, exponent)
            return np.ascontiguousarray(np.rint(np.clip(answer, 0, top)).astype(dtype))
        kind = dtype if dtype.kind == "f" else np.dtype(np.float64)
        return np.ascontiguousarray(held(answer, exponent, kind))

    def told(self, sigma: float, given: bool) -> str:
        """The noise in the caller's units, and where it comes from."""
        level = power_of_two(sigma, self.exponents[1])
        return f"sigma {level:.3g} {'given' if given else 'estimated'}"

    def whole(self, field: Stack) -> NDArray[Any]:
        """All of the field as the caller gets it."""
        exponent = self.exponents[1] - self.exponents[0]
        return held(self.channels.back(field), exponent, np.dtype(np.float64))

    def restored(self, solution: Solution, of_damp: int) -> Solution:
        """An answer whose numbers are those of the caller's data and PSF; damp is times that power."""
        of_psf, of_y = self.exponents
        if not of_psf and not of_y:
            return solution
        damp = float(power_of_two(solution.damp, of_damp))
        if solution.damp and not 0 < damp < np.inf:
            raise DTypeError(
                f"`y` must go with a damp that float64 can hold; got one of about 2**{of_damp}. "
                f"Divide y and psf by powers of two."
            )
        bounds = solution.bounds
        if bounds is not None:
            low, high = (float(power_of_two(end, of_y - of_psf)) for end in bounds)
            bounds = low, high
        return replace(
            solution,
            residual_norm=float(power_of_two(solution.residual_norm, of_y)),
            solution_norm=float(power_of_two(solution.solution_norm, of_y - of_psf)),
            damp=damp,
            gap=None if solution.gap is None else shifted_gap(solution.gap, 2 * of_y),
            bounds=bounds,
        )


def _used(mask: Any, shape: tuple[int, ...], channels: Channels) -> NDArray[np.bool_] | None:
    """The pixels used, as a stack of all channels or of one for all."""
    if mask is None:
        return None
    used = validate.boolean_array("mask", mask, "a Boolean array, True where y is used")
    if used.shape not in (shape, channels.shape):
        raise ShapeError(
            f"`mask` must have the shape of y, {shape}, or of a channel, {channels.shape}; "
            f"got {used.shape}. Make it from y, as in y < 255."
        )
    if not used.any():
        raise GeometryError("`mask` must keep at least one pixel; got none. Set some entries True.")
    return channels.first(used) if used.shape == shape else used[None]
