"""What speaks against an answer of a model that was given: the findings of `deblur` for any operator."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from ..operators import Conv, Operator, power_of_two
from ..solution import Solution
from ._blur import blur
from ._choice import Choice, Discrepancy, LCurve
from ._findings import (
    ALL_NOISE,
    CORNERS,
    amplified,
    answer_findings,
    data_findings,
    edge_findings,
    lost_findings,
    noise_findings,
    noise_gain,
    psf_findings,
    residual_findings,
    ring_findings,
)
from ._least_squares import LeastSquares
from ._models import Model, Stack
from ._ncp import pictures
from ._noise import estimated
from ._operator_model import OperatorModel
from ._regularizer import WORDS
from ._scale import scaled
from ._symbols import Symbols, fast


def operator_findings(
    op: Any,
    y: ArrayLike,
    solution: Solution,
    chosen: Choice | None,
    noise_norm: float | None,
    given: dict[str, Any],
) -> tuple[str, ...]:
    """All findings that make sense; `given` are regularizer, mask and weights."""
    problem = LeastSquares.of(op, y, **given)
    found = [] if chosen is None else rule_findings(chosen)
    if noise_norm is not None and chosen is not None and not isinstance(chosen, Discrepancy):
        found += noise_findings(chosen.noise, noise_norm / sqrt(problem.rows), True)
    if not isinstance(op, Operator) or not op.spatial_ndim or problem.dtype.kind != "f":
        return tuple(found)
    used = None if problem.mask is None else problem.mask.reshape(problem.out_shape)
    found += data_findings(validate.numeric_array("y", y), used)
    seen = _Seen.of(problem, op, solution, chosen, given)
    found += residual_findings(seen.residual, used is None)
    if given["weights"] is None:
        found += _of_the_noise(seen, noise_norm is None and not isinstance(chosen, Discrepancy))
        found += _of_the_answer(seen) if op.in_shape == op.out_shape else []
    return tuple(found)


def rule_findings(chosen: Choice) -> list[str]:
    """Whether a minimum was not one between others, or a corner not the only one."""
    if isinstance(chosen, LCurve):
        return [CORNERS] if chosen.corners > 1 else []
    if isinstance(chosen, Discrepancy):
        return []
    if chosen.damp <= chosen.damps[1]:
        return ["the rule chose the smallest damp looked at: its minimum may lie beyond"]
    if chosen.damp >= chosen.damps[-2]:
        return [ALL_NOISE]
    return []


@dataclass(frozen=True, eq=False)
class _Seen:
    """Data, residual and answer as stacks of pictures, of a size that squares can be taken of.

    `level` is the noise that the residual shows, 0 if that is not known; `blur` is C where it is a
    convolution of a picture with a PSF.
    """

    data: Stack
    residual: Stack
    answer: Stack
    used: NDArray[np.bool_] | None
    rows: int
    damp: float
    level: float
    blur: _Blur | None

    @classmethod
    def of(
        cls,
        problem: LeastSquares,
        op: Operator,
        solution: Solution,
        chosen: Choice | None,
        given: dict[str, Any],
    ) -> Self:
        small = scaled(problem)
        of_op, of_y = small.exponents
        x = power_of_two(np.asarray(solution.x, np.float64), of_op - of_y)
        x = x.reshape(problem.count, -1)
        residual = small.y - small.forward(x)
        damp = float(power_of_two(solution.damp, -of_op))
        known = _Blur.of(op, given["regularizer"], of_op)
        used: Any = None
        if problem.mask is not None:
            used = pictures(problem, np.broadcast_to(problem.mask, residual.shape))
        if chosen is not None:
            level = float(power_of_two(chosen.noise, -of_y))
        elif known is not None:
            free = problem.rows * (1.0 - known.model.traces(damp)[0])
            level = float(np.linalg.norm(residual)) / sqrt(free) if free > 0 else 0.0
        else:
            level = 0.0
        # SciPy's filters and NumPy's bins know no precision that is wider.
        data, left = (
            pictures(problem, v.astype(np.float64, copy=False)) for v in (small.y, residual)
        )
        return cls(data, left, x, used, problem.rows, damp, level, known)


@dataclass(frozen=True, eq=False)
class _Blur:
    """A PSF over a power of two, its center, and what it does on a periodic grid."""

    kernel: Stack
    exponent: int
    center: tuple[int, ...]
    model: Model

    @classmethod
    def of(cls, op: Operator, regularizer: Any, exponent: int) -> Self | None:
        """What an operator is, if it blurs every channel alike; None else."""
        known = regularizer is None or (isinstance(regularizer, str) and regularizer in WORDS)
        if not isinstance(op, Conv) or not known or not _blurs(op):
            return None
        kernel = op.kernel().reshape(-1, *op.geometry.kernel_size).astype(np.float64)
        psf = np.flip(kernel[0])
        if (kernel != kernel[0]).any() or not psf.any():
            return None
        center = tuple(axis.k - 1 - axis.before for axis in op.geometry.axes)
        if not all(0 <= c < k for c, k in zip(center, psf.shape, strict=True)):
            return None
        shape = (1, *op.in_shape[len(op.in_shape) - psf.ndim :])
        small = power_of_two(psf, -exponent)
        symbols = Symbols(small, fast(shape[1:]), regularizer, np.float64)
        model = OperatorModel(blur(small, shape, channels=True), None, symbols)
        return cls(small, exponent, center, model)


def _blurs(op: Conv) -> bool:
    """Whether a convolution keeps the shape and mixes no channels."""
    geometry = op.geometry
    alone = geometry.x_channels == geometry.y_channels == geometry.groups
    plain = all(axis.stride == axis.dilation == 1 for axis in geometry.axes)
    return alone and plain and op.in_shape == op.out_shape and op.dtype.kind == "f"


def _of_the_noise(seen: _Seen, unknown: bool) -> list[str]:
    """Whether the residual is as large as the noise, and the PSF explains what is in it."""
    found = []
    if seen.level > 0 and unknown:
        found += noise_findings(seen.level, estimated(seen.data, seen.used), False)
    if seen.blur is not None:
        if seen.blur.kernel.min() >= 0:  # else it is another filter
            found += psf_findings([seen.blur.kernel], seen.blur.center, seen.blur.exponent)
        model = seen.blur.model
        found += lost_findings(model, seen.damp, seen.residual, seen.level, seen.rows)
    return found


def _of_the_answer(seen: _Seen) -> list[str]:
    """What the answer looks like beside the data; where these are not used it is taken for them."""
    answer = seen.answer.reshape(seen.data.shape)
    gain = 1.0 if seen.blur is None else float(seen.blur.kernel.sum()) or 1.0
    answer = gain * answer  # as bright as the data
    data = seen.data if seen.used is None else np.where(seen.used, seen.data, answer)
    found = [*answer_findings(answer, data), *edge_findings(answer, data)]
    if seen.blur is not None:
        found += ring_findings(answer, data - seen.residual)
        grown = noise_gain(seen.blur.model, seen.damp) * gain**2
        found += amplified(grown, seen.level, answer, data)
    return found
