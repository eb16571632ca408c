"""The engine of matrix products."""

from __future__ import annotations

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

        def work(item: Item) -> None:
            part = source[slice(*item.samples), slice(*item.groups)]
            for each, matrix in zip(way.products, matrices, strict=True):
                _add_product(each, matrix, part, target, item)

        order = schedule(way, self.geometry, x.dtype, transposed, len(x))
        run_blas(work, order.items, order.shared)
        result = _interleaved(target.reshape(len(x), channels, *parts), way)
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
    inner = [
        at for phase, n in zip(each.phases, each.inner, strict=True) for at in (phase, slice(n))
    ]
    low, high = each.rows(*item.rows)
    for start, stop in ranges(high - low, rows_at_once(each, matrix.shape, source.dtype)):
        first, last = low + start, low + stop
        stack = _stacked(each, source[:, :, :, each.source(first, last)])
        for part in ranges(len(each.leads), leads_together(*matrix.shape[2:])):
            leads = slice(*part)
            given = _multiplied(matrix[:, leads], stack)
            given = given.reshape(*given.shape[:4], last - first, *each.inner)
            for number, lead in enumerate(each.leads[leads]):
                begin = max(item.rows[0], first + lead.shift)
                end = min(item.rows[1], last + lead.shift, lead.count)
                if begin < end:
                    offset = lead.shift + first
                    rows: Any = (*place, lead.phase, slice(begin, end), *inner)
                    target[rows] += given[:, :, number, :, begin - offset : end - offset]


def _multiplied(matrix: NDArray[Any], stack: NDArray[Any]) -> NDArray[Any]:
    """(samples, groups, leads, out_channels, positions), in this thread's work space."""
    groups, leads, channels, terms = matrix.shape
    samples, _, _, positions = stack.shape
    given = scratch("given", (samples, groups, leads * channels, positions), stack.dtype)
    np.matmul(matrix.reshape(groups, leads * channels, terms), stack, out=given)
    return given.reshape(samples, groups, leads, channels, positions)


def _stacked(each: Product, source: NDArray[Any]) -> NDArray[Any]:
    """The images that the taps read, as (samples, groups, taps * channels, positions)."""
    shape = (*source.shape[:2], len(each.taps), *source.shape[2:4], *each.inner)
    if len(each.taps) == 1 and source.shape[4:] == each.inner:
        return source.reshape(*source.shape[:2], source.shape[2], -1)
    stack = scratch("stack", shape, source.dtype)
    for number, view in enumerate(each.reads):
        there: tuple[Any, ...] = (..., *view)
        stack[:, :, number] = source[there]
    return stack.reshape(*shape[:2], shape[2] * shape[3], -1)


def _interleaved(target: NDArray[Any], way: Plan) -> NDArray[Any]:
    """(batch, channels, *(phases, length)) with the phases of each axis interleaved."""
    count = len(way.size)
    order = [2 + axis for pair in zip(range(1, 2 * count, 2), range(0, 2 * count, 2), strict=True) for axis in pair]  # fmt: skip
    sizes = [stride * n for stride, n in zip(way.strides, way.size, strict=True)]
    result = target.transpose(0, 1, *order).reshape(*target.shape[:2], *sizes)
    kept: tuple[Any, ...] = (..., *(slice(n) for n in way.extents))
    return np.ascontiguousarray(result[kept])
