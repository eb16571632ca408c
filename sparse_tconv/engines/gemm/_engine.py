"""The engine of matrix products."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...assembly import correlation_kernel
from ...geometry import ConvGeometry
from ...threads import lock, run_blas, scratch
from .._engine import Engine
from ..extension import extend, fold
from ._cost import seconds
from ._plan import Plan, Product, packed, plan, ranges
from .schedule import Item, leads_together, rows_at_once, schedule


class GemmEngine(Engine):
    """Products with ``C = sum over taps of S_tap (x) W_tap``: shifts of the image times matrices of
    the channels.

    Cost: the multiplications of C at the rate of matrix products, a copy of the source for every
    tap beside the first axis, an addition to the target for every tap along it. The kernel's
    matrices are packed at the first product of each direction and kept.
    """

    name = "gemm"

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        super().__init__(geometry, weight)
        self._matrices: dict[bool, list[NDArray[Any]]] = {}
        self._lock = lock()

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        if dtype.char in "fdFD":
            return None
        return f"BLAS computes in float32, float64, complex64 and complex128 only, not in {dtype}"

    @classmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        return seconds(geometry, dtype, batch)

    @property
    def nbytes(self) -> int:
        return sum(matrix.nbytes for packed in list(self._matrices.values()) for matrix in packed)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._product(x, False, self.geometry.y_channels)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        return self._product(y, True, self.geometry.x_channels)

    def _product(self, x: NDArray[Any], transposed: bool, channels: int) -> NDArray[Any]:
        """C or C^T times a batch."""
        groups, way = self.geometry.groups, plan(self.geometry, transposed)
        matrices = self._packed(transposed)
        wide = extend(way.reads, x)
        source = wide.reshape(len(x), groups, wide.shape[1] // groups, *wide.shape[2:])
        parts = [size for pair in zip(way.strides, way.size, strict=True) for size in pair]
        target = np.zeros((len(x), groups, channels // groups, *parts), dtype=x.dtype)
        shape = (*target.shape[:3], *way.extents)
        result = target.reshape(shape) if max(way.strides) == 1 else np.empty(shape, x.dtype)

        def work(item: Item) -> None:
            part = source[slice(*item.samples), slice(*item.groups)]
            for each, matrix in zip(way.products, matrices, strict=True):
                _add_product(each, matrix, part, target, item)
            if max(way.strides) > 1:
                _interleave(target, result, way, item)

        order = schedule(way, self.geometry, x.dtype, transposed, len(x))
        run_blas(work, order.items, order.shared)
        result = result.reshape(len(x), channels, *way.extents)
        return fold(way.leaves, result) if way.folds else result

    def _packed(self, transposed: bool) -> list[NDArray[Any]]:
        """The matrices of one direction, made at their first use."""
        with self._lock:
            if transposed not in self._matrices:
                kernel = correlation_kernel(self.geometry, self.weight)
                kernel = kernel.reshape(self.geometry.groups, -1, *kernel.shape[1:])
                if transposed:
                    kernel = kernel.swapaxes(1, 2)
                products = plan(self.geometry, transposed).products
                self._matrices[transposed] = [packed(each, kernel) for each in products]
            return self._matrices[transposed]


def _add_product(
    each: Product, matrix: NDArray[Any], source: NDArray[Any], target: NDArray[Any], item: Item
) -> None:
    """Add what one product gives to an item's part of the target, a few rows of the source at a
    time.
    """
    place = [slice(*part) for part in item[:3]]
    matrix = matrix[place[1], :, place[2]]
    low, high = each.rows(*item.rows)
    for start, stop in ranges(high - low, rows_at_once(each, matrix.shape, source.dtype)):
        first, last = low + start, low + stop
        stack = _stacked(each, source, first, last)
        for part in ranges(len(each.leads), leads_together(*matrix.shape[2:])):
            leads = slice(*part)
            sums = _multiplied(matrix[:, leads], stack)
            sums = sums.reshape(*sums.shape[:4], last - first, *each.inner)
            for number, lead in enumerate(each.leads[leads]):
                begin = max(item.rows[0], first + lead.shift)
                end = min(item.rows[1], last + lead.shift, lead.count)
                if begin < end:
                    offset = lead.shift + first
                    there: Any = (*place, lead.phase, slice(begin, end), *lead.place)
                    rows: Any = (slice(begin - offset, end - offset), *lead.part)
                    target[there] += sums[(slice(None), slice(None), number, slice(None), *rows)]


def _multiplied(matrix: NDArray[Any], stack: NDArray[Any]) -> NDArray[Any]:
    """(samples, groups, leads, out_channels, positions), in this thread's work space."""
    groups, leads, channels, terms = matrix.shape
    samples, _, _, positions = stack.shape
    sums = scratch("sums", (samples, groups, leads * channels, positions), stack.dtype)
    np.matmul(matrix.reshape(groups, leads * channels, terms), stack, out=sums)
    return sums.reshape(samples, groups, leads, channels, positions)


def _stacked(each: Product, source: NDArray[Any], first: int, last: int) -> NDArray[Any]:
    """The images that the taps read of some rows, as (samples, groups, taps * channels,
    positions).
    """
    samples, groups, channels = source.shape[:3]
    if len(each.taps) == 1 and source.shape[4:] == each.inner:
        rows = source[:, :, :, each.source(first, last, each.offsets[0])]
        return rows.reshape(samples, groups, channels, (last - first) * prod(each.inner))
    shape = (samples, groups, len(each.taps), channels, last - first, *each.inner)
    stack = scratch("stack", shape, source.dtype)
    for number, (offset, view) in enumerate(zip(each.offsets, each.reads, strict=True)):
        there: tuple[Any, ...] = (..., each.source(first, last, offset), *view)
        stack[:, :, number] = source[there]
    return stack.reshape(samples, groups, len(each.taps) * channels, -1)


def _interleave(target: NDArray[Any], result: NDArray[Any], way: Plan, item: Item) -> None:
    """Put an item's part of the target, phase by phase, where it lies in the result."""
    place = [slice(*part) for part in item[:3]]
    first, last = item.rows
    for starts in np.ndindex(*way.strides):
        here: list[Any] = []
        there: list[Any] = []
        for axis, (start, step, n) in enumerate(zip(starts, way.strides, way.extents, strict=True)):
            low, high = (first, last) if axis == 0 else (0, way.size[axis])
            high = min(high, -((start - n) // step))
            here += [start, slice(low, high)]
            there.append(slice(start + step * low, start + step * high, step))
        result[(*place, *there)] = target[(*place, *here)]
