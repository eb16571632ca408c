"""Boundaries as copies of slices: a product under any boundary is one under zeros on the extended
image.

Forward: extend the image, then a geometry that never reads outside. Transposed: that geometry's
transpose onto the extended grid, then fold it with the transpose of the extension. Axes that are
zero outside need neither.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geometry import Axis, ConvGeometry, source


class Run(NamedTuple):
    """Consecutive positions of an extended axis that repeat consecutive samples: forwards,
    backwards, or one sample only.
    """

    wide: slice
    samples: slice
    repeated: bool


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
    for number, axis in enumerate(geometry.axes):
        if axis.mode != "zeros":
            wide = np.empty(
                (*x.shape[: number + 2], axis.last - axis.first + 1, *x.shape[number + 3 :]),
                dtype=x.dtype,
            )
            lead = (slice(None),) * (number + 2)
            for run in runs(axis):
                wide[(*lead, run.wide)] = x[(*lead, run.samples)]
            x = wide
    return x


def fold(geometry: ConvGeometry, wide: NDArray[Any]) -> NDArray[Any]:
    """The transpose of :func:`extend`: every sample gathers what its repetitions hold."""
    for number, axis in enumerate(geometry.axes):
        if axis.mode != "zeros":
            x = np.zeros(
                (*wide.shape[: number + 2], axis.n_in, *wide.shape[number + 3 :]), dtype=wide.dtype
            )
            lead = (slice(None),) * (number + 2)
            for run in runs(axis):
                part = wide[(*lead, run.wide)]
                x[(*lead, run.samples)] += (
                    part.sum(axis=number + 2, keepdims=True) if run.repeated else part
                )
            wide = x
    return wide


def runs(axis: Axis) -> list[Run]:
    """The extended axis from its first to its last position, as slices of the samples it
    repeats.
    """
    index = source(axis.mode, np.arange(axis.first, axis.last + 1), axis.n_in)
    steps = np.diff(index)
    breaks = (
        np.flatnonzero(steps[1:] != steps[:-1]) + 1
    )  # where a step differs from the one before it
    found, start = [], 0
    while start < len(index):
        step = int(steps[start]) if start < len(steps) else 1
        if step not in (-1, 0, 1):
            step, stop = 1, start + 1
        else:
            later = breaks[np.searchsorted(breaks, start, side="right") :]
            stop = int(later[0]) + 1 if len(later) else len(index)
        found.append(_run(start, stop, int(index[start]), step))
        start = stop
    return found


def _run(start: int, stop: int, first: int, step: int) -> Run:
    """The run of positions start .. stop - 1, whose samples are first, first + step, ..."""
    if step == 0:
        return Run(slice(start, stop), slice(first, first + 1), True)
    end = first + step * (stop - start)
    return Run(slice(start, stop), slice(first, end if end >= 0 else None, step), False)


def _inside(axis: Axis) -> Axis:
    return replace(axis, n_in=axis.last - axis.first + 1, before=0, mode="zeros")
