"""Kernels that are sums of one kernel per axis: their matrices are Kronecker sums."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import Axis
from ..operators import Conv, ConvOperator
from ..spectral import Problem, problem, square_blocks
from ._spectrum_of import EPS, Found, of_blocks, tridiagonal
from ._triangular import is_triangular


def of_crosses(op: ConvOperator, most_work: float) -> Found | None:
    """The eigenvalues of an operator that takes every channel apart, by a kernel whose taps lie on
    the axes; None of another one, or if an axis takes more multiplications.
    """
    g = op.geometry
    if g.x_shape != g.y_shape or g.groups != g.x_channels:
        return None
    if any(axis.stride > 1 or _middle(axis) is None for axis in g.axes):
        return None
    base, swapped = problem(op)
    found = [_of_cross(base, kernel[0, 0], most_work) for kernel in base.kernel]
    known = [part for part in found if part is not None]
    if len(known) < len(found):
        return None
    together = reduce(Found.beside, known)
    if not swapped:
        return together
    return Found(
        together.values.conj(), together.error, together.backward, together.norm, together.method
    )


def _middle(axis: Axis) -> int | None:
    """The tap that reads the sample at the window's own place; None if there is none."""
    tap, rest = divmod(axis.before, axis.dilation)
    return tap if not rest and 0 <= tap < axis.k else None


def _of_cross(base: Problem, kernel: NDArray[Any], most_work: float) -> Found | None:
    axes = base.geometry.axes
    middle = tuple(_middle(axis) or 0 for axis in axes)
    away = sum(
        (np.indices(kernel.shape)[number] != tap).astype(int) for number, tap in enumerate(middle)
    )
    if kernel[np.asarray(away) > 1].any():
        return None
    parts = []
    for number, axis in enumerate(axes):
        place: tuple[Any, ...] = (*middle[:number], slice(None), *middle[number + 1 :])
        taps = kernel[place].copy()
        if number:
            taps[middle[number]] = 0
        part = _of_axis(axis, taps, middle[number], most_work)
        if part is None:
            return None
        parts.append(part)
    return reduce(lambda a, b: a.plus(b, "kronecker sum"), parts)


def _of_axis(axis: Axis, taps: NDArray[Any], middle: int, most_work: float) -> Found | None:
    """The eigenvalues of one axis."""
    offsets = np.flatnonzero(taps) - middle
    steps = np.unique(abs(offsets[offsets != 0]))
    if axis.mode == "zeros" and steps.size <= 1:
        step = int(steps[0]) if steps.size else 1
        below, above = (
            taps[middle + way] if 0 <= middle + way < taps.size else taps.dtype.type(0)
            for way in (-step, step)
        )
        middle_tap = taps[middle].item()
        return tridiagonal(axis.n_in, step * axis.dilation, below, middle_tap, above)
    before = axis.before
    op = Conv(
        taps,
        (axis.n_in,),
        padding=((before, axis.dilation * (axis.k - 1) - before),),
        dilation=axis.dilation,
        padding_mode=axis.mode,
        channels=False,
    )
    if is_triangular(op):
        values = np.full(axis.n_in, taps[middle])
        norm = float(abs(taps).sum())
        if axis.mode == "zeros":
            return Found(values, EPS * norm, EPS * norm, norm, "triangular")
    blocks = square_blocks(op, most_work)
    if blocks is None:
        return None
    return of_parts(blocks)


def of_parts(blocks: Any) -> Found:
    """The eigenvalues of square blocks, some of which stand for a conjugate too."""
    found = []
    for part, doubled in blocks.parts:
        if not part.size:
            continue
        each = of_blocks(part, blocks.error, blocks.method)
        found.append(each)
        if doubled:
            found.append(
                Found(each.values.conj(), each.error, each.backward, each.norm, each.method)
            )
    return reduce(Found.beside, found)
