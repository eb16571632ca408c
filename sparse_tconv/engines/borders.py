"""Boundaries as copies of slices: a product under any boundary is one under zeros on the extended
image.

Forward: extend the image, then a geometry that never reads outside. Transposed: that geometry's
transpose onto the extended grid, then fold it with the transpose of the extension. Axes that are
zero outside need neither.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import Axis, ConvGeometry, Stretch, extended_axis, extension


def within(geometry: ConvGeometry) -> ConvGeometry:
    """The geometry on the extended image: every axis with a boundary of its own reads inside
    only.
    """
    return replace(
        geometry,
        axes=tuple(axis if axis.mode == "zeros" else extended_axis(axis) for axis in geometry.axes),
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
    wide = np.zeros(shape, dtype=x.dtype)
    for stretch in extension(axis):
        add_extended(wide, x, number, stretch.moved(-axis.first))
    return wide


def folded_along(axis: Axis, wide: NDArray[Any], number: int) -> NDArray[Any]:
    """The transpose of :func:`extended_along`."""
    shape = (*wide.shape[:number], axis.n_in, *wide.shape[number + 1 :])
    x = np.zeros(shape, dtype=wide.dtype)
    for stretch in extension(axis):
        add_folded(x, wide, number, stretch.moved(-axis.first))
    return x


def add_extended(wide: NDArray[Any], x: NDArray[Any], number: int, stretch: Stretch) -> None:
    """Add the multiples of samples that a stretch of one axis holds."""
    values = along(x, number, stretch.samples)
    along(wide, number, stretch.places)[...] += _times(values, number, stretch)


def add_folded(x: NDArray[Any], wide: NDArray[Any], number: int, stretch: Stretch) -> None:
    """The transpose of :func:`add_extended`."""
    values = gathered(along(wide, number, stretch.places), number, stretch)
    along(x, number, stretch.samples)[...] += values


def gathered(values: NDArray[Any], number: int, stretch: Stretch) -> NDArray[Any]:
    """What the positions of a stretch, along axis `number`, give to the samples they repeat."""
    values = _times(values, number, stretch)
    if stretch.step:
        return values
    return np.asarray(values.sum(axis=number, keepdims=True, dtype=values.dtype))


def _times(values: NDArray[Any], number: int, stretch: Stretch) -> NDArray[Any]:
    """The values of each position times its factor."""
    factors = stretch.factors
    if factors == 1:
        return values
    column = np.asarray(factors, dtype=values.dtype)
    return values * column.reshape(-1, *(1,) * (values.ndim - number - 1))


def along(array: NDArray[Any], number: int, part: slice) -> NDArray[Any]:
    """A stretch of one axis, as a view."""
    return array[(slice(None),) * number + (part,)]
