"""Products with one kernel per output position: tap by tap, the kernels' values there times a
shifted view of the extended sample. Nothing of the matrix is made.

Kernels are (y channels, x channels of a group, *kernel_size, *out_size), ready to correlate;
samples are batches with a channel axis. What meets lies in blocks of output rows that caches hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .engines import extend, fold
from .geometry import ConvGeometry

_BLOCK = 1 << 15  # entries of a block of products

Places = tuple[slice, ...]


def local_forward(geometry: ConvGeometry, kernels: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    """C x, in the result's dtype."""
    dtype = np.result_type(x.dtype, kernels.dtype)
    g, weights = geometry.groups, _grouped(geometry, kernels)
    wide = extend(geometry.axes, x)
    read = wide.reshape(len(x), g, -1, *wide.shape[2:])
    y = np.zeros((len(x), *weights.shape[:2], *_out_size(geometry)), dtype)
    for block, taps in _blocks(geometry, y):
        target = y[_at(..., *block)]
        product = np.empty_like(target)
        for tap, places in taps:
            for inner in range(weights.shape[2]):
                weight = weights[_at(slice(None), slice(None), inner, *tap, *block)]
                np.multiply(
                    weight, read[_at(slice(None), slice(None), inner, None, *places)], product
                )
                target += product
    return y.reshape(len(x), geometry.y_channels, *_out_size(geometry))


def local_transpose(geometry: ConvGeometry, kernels: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """C^T y, in the result's dtype."""
    dtype = np.result_type(y.dtype, kernels.dtype)
    g, weights = geometry.groups, _grouped(geometry, kernels)
    given = y.reshape(len(y), *weights.shape[:2], *y.shape[2:])
    lengths = [axis.extent for axis in geometry.axes]
    wide = np.zeros((len(y), g, weights.shape[2], *lengths), dtype)
    for block, taps in _blocks(geometry, given):
        source = given[_at(..., *block)]
        product = np.empty(source.shape, dtype)
        for tap, places in taps:
            for inner in range(weights.shape[2]):
                np.multiply(
                    weights[_at(slice(None), slice(None), inner, *tap, *block)], source, product
                )
                wide[_at(slice(None), slice(None), inner, *places)] += product.sum(2, dtype)
    return fold(geometry.axes, wide.reshape(len(y), geometry.x_channels, *lengths))


def local_gradient(geometry: ConvGeometry, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """What each number of the kernels is multiplied by in ``sum of y * C x``; no conjugates."""
    dtype = np.result_type(x.dtype, y.dtype)
    g = geometry.groups
    shape = g, geometry.y_channels // g, geometry.x_channels // g
    wide = extend(geometry.axes, x)
    read = wide.reshape(len(x), g, shape[2], 1, *wide.shape[2:])
    given = y.reshape(len(y), *shape[:2], *y.shape[2:])
    found = np.empty((*shape, *geometry.kernel_size, *_out_size(geometry)), dtype)
    for block, taps in _blocks(geometry, given):
        for tap, places in taps:
            for inner in range(shape[2]):
                products = (
                    given[_at(..., *block)]
                    * read[_at(slice(None), slice(None), inner, slice(None), *places)]
                )
                target = _at(slice(None), slice(None), inner, *tap, *block)
                found[target] = products.sum(0, dtype)
    return found.reshape(geometry.y_channels, *found.shape[2:])


def _at(*index: Any) -> tuple[Any, ...]:
    """An index of several axes."""
    return index


def _grouped(geometry: ConvGeometry, kernels: NDArray[Any]) -> NDArray[Any]:
    """(group, y channel of the group, x channel of the group, *kernel_size, *out_size)."""
    return kernels.reshape(geometry.groups, -1, *kernels.shape[1:])


def _out_size(geometry: ConvGeometry) -> tuple[int, ...]:
    return tuple(axis.n_out for axis in geometry.axes)


def _blocks(
    geometry: ConvGeometry, y: NDArray[Any]
) -> Iterator[tuple[Places, Iterator[tuple[tuple[int, ...], Places]]]]:
    """Blocks of output positions, each with its taps and the places that each of these reads,
    counted from the first position read.
    """
    rows = y.shape[3]
    step = max(1, _BLOCK // max(1, prod(y.shape) // rows))
    whole = [slice(0, axis.n_out) for axis in geometry.axes[1:]]
    for start in range(0, rows, step):
        block = slice(start, min(start + step, rows)), *whole
        yield block, _taps(geometry, block)


def _taps(geometry: ConvGeometry, block: Places) -> Iterator[tuple[tuple[int, ...], Places]]:
    for tap in np.ndindex(*geometry.kernel_size):
        starts = [
            axis.position(part.start, t) - axis.first
            for axis, part, t in zip(geometry.axes, block, tap, strict=True)
        ]
        yield (
            tap,
            tuple(
                slice(start, start + (part.stop - part.start - 1) * axis.stride + 1, axis.stride)
                for axis, part, start in zip(geometry.axes, block, starts, strict=True)
            ),
        )
