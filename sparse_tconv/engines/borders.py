"""Boundaries as copies of slices: a product under any boundary is one under zeros on the extended
image.

Forward: extend the image, then a geometry that never reads outside. Transposed: that geometry's
transpose onto the extended grid, then fold it with the transpose of the extension. Axes that are
zero outside need neither.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import OUTSIDE, Axis, ConvGeometry, Stretch, stretches


def within(geometry: ConvGeometry) -> ConvGeometry:
    """The geometry on the extended image: every axis with a boundary of its own reads inside
    only.
    """
    return replace(
        geometry,
        axes=tuple(axis if axis.mode == "zeros" else _inside(axis) for axis in geometry.axes),
    )


def extend(geometry: ConvGeometry, x: NDArray[Any]) -> NDArray[Any]:
    """A batch of samples (batch, channels, *size) extended along the axes that are not zero
    outside.
    """
    for number, axis in enumerate(geometry.axes, 2):
        x = x if axis.mode == "zeros" else extended_along(axis, x, number)
    return x


def fold(geometry: ConvGeometry, wide: NDArray[Any]) -> NDArray[Any]:
    """The transpose of :func:`extend`: every sample gathers what its repetitions hold."""
    for number, axis in enumerate(geometry.axes, 2):
        wide = wide if axis.mode == "zeros" else folded_along(axis, wide, number)
    return wide


def extended_along(axis: Axis, x: NDArray[Any], number: int) -> NDArray[Any]:
    """x from the first to the last position of one of its axes that a window reads."""
    if axis.first >= 0 and axis.last < axis.n_in:
        return along(x, number, slice(axis.first, axis.last + 1))
    shape = (*x.shape[:number], axis.last - axis.first + 1, *x.shape[number + 1 :])
    wide = np.empty(shape, dtype=x.dtype)
    for places, run in _runs(axis):
        outside = run.sample == OUTSIDE
        along(wide, number, places)[...] = 0 if outside else along(x, number, run.samples)
    return wide


def folded_along(axis: Axis, wide: NDArray[Any], number: int) -> NDArray[Any]:
    """The transpose of :func:`extended_along`."""
    shape = (*wide.shape[:number], axis.n_in, *wide.shape[number + 1 :])
    x = np.zeros(shape, dtype=wide.dtype)
    for places, run in _runs(axis):
        if run.sample != OUTSIDE:
            part = along(wide, number, places)
            part = part if run.step else part.sum(axis=number, keepdims=True, dtype=part.dtype)
            along(x, number, run.samples)[...] += part
    return x


def along(array: NDArray[Any], number: int, part: slice) -> NDArray[Any]:
    """A stretch of one axis, as a view."""
    return array[(slice(None),) * number + (part,)]


@lru_cache(maxsize=1024)
def _runs(axis: Axis) -> tuple[tuple[slice, Stretch], ...]:
    """The extended axis from its first to its last position: places, and what they repeat."""
    return tuple(
        (slice(run.start - axis.first, run.stop - axis.first), run)
        for run in stretches(axis.mode, axis.n_in, axis.first, axis.last + 1)
    )


def _inside(axis: Axis) -> Axis:
    return replace(axis, n_in=axis.last - axis.first + 1, before=0, mode="zeros")
