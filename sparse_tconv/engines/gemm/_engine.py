"""The engine of matrix products."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...assembly import grouped_kernel
from ...geometry import ConvGeometry
from ...threads import blas_workers, lock, run_blas
from .._engine import Engine
from ..correlations import Range, plan
from ..extension import extend, fold
from . import cost
from ._products import Sheet, add_products, matrices, sheets


class GemmEngine(Engine):
    """Products with ``C = sum over taps of S_tap (x) W_tap``: shifts of the image times matrices of
    the channels.

    Cost: the multiplications of C at the rate of matrix products, and a copy of the source for every
    tap beside the first axis, or an addition to the target for every tap, whichever takes less time.
    The kernel's matrices are packed at the first product of each direction and kept.
    """

    name = "gemm"

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        super().__init__(geometry, weight)
        self._directions: dict[bool, Direction] = {}
        self._lock = lock()

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        if dtype.char in "fdFD":
            return None
        return f"BLAS computes in float32, float64, complex64 and complex128 only, not in {dtype}"

    @classmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        return cost.seconds(geometry, dtype, batch)

    @property
    def nbytes(self) -> int:
        return sum(
            matrix.nbytes for each in list(self._directions.values()) for _, matrix in each.products
        )

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._product(x, False, self.geometry.y_channels)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        return self._product(y, True, self.geometry.x_channels)

    def _product(self, x: NDArray[Any], transposed: bool, channels: int) -> NDArray[Any]:
        """C or C^T times a batch."""
        groups, made = self.geometry.groups, plan(self.geometry, transposed)
        at_once, products = self._direction(transposed)
        if made.border and not transposed:
            x = extend(made.border, x)
        sources = x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:])
        made_of = np.empty if made.covers else np.zeros
        result = made_of((len(x), channels, *made.sizes), dtype=x.dtype)
        targets = result.reshape(len(x), groups, channels // groups, *made.sizes)
        # (group, channel, row, sample, *others): the samples of a batch lie behind the rows.
        sources, targets = np.moveaxis(sources, 0, 3), np.moveaxis(targets, 0, 3)

        def compute(item: Item) -> None:
            group, samples = item.group, slice(*item.samples)
            own = [(sheet, matrix[group]) for sheet, matrix in products]
            source, target = sources[group][:, :, samples], targets[group][:, :, samples]
            add_products(made, own, source, target, item.rows)

        shared = 2.0 * self.geometry.nnz * len(x) >= cost.FLOPS_FOR_THREADS
        workers = blas_workers() if shared else 1
        items = _items(len(x), groups, made.rows, at_once, workers)
        run_blas(compute, items, workers > 1)
        return fold(made.border, result) if made.border and transposed else result

    def _direction(self, transposed: bool) -> Direction:
        """One direction, packed at its first use."""
        with self._lock:
            if transposed not in self._directions:
                geometry = self.geometry
                kernel = grouped_kernel(geometry, self.weight, transposed)
                kernel = kernel.reshape(*kernel.shape[:4], prod(kernel.shape[4:]))
                way = cost.way(geometry, transposed, kernel.dtype)
                made = sheets(plan(geometry, transposed), way.order)
                products = [(sheet, matrices(kernel, sheet)) for sheet in made]
                self._directions[transposed] = Direction(way.rows, products)
            return self._directions[transposed]


class Direction(NamedTuple):
    """The products of C or C^T, and how many rows are computed at a time."""

    at_once: int
    products: list[tuple[Sheet, NDArray[Any]]]


class Item(NamedTuple):
    """What is computed at a time: a group, a range of samples, a range of rows of each part."""

    group: int
    samples: Range
    rows: Range


def _items(batch: int, groups: int, rows: int, at_once: int, workers: int) -> list[Item]:
    """All blocks of a product with a batch, at least one for each worker where there are rows."""
    samples = max(1, min(at_once // max(rows, 1), -(-batch * groups // workers)))
    blocks = max(1, -(-rows // at_once), 0 if batch * groups >= workers else workers)
    step = max(1, -(-rows // blocks))
    return [
        Item(group, (first, min(first + samples, batch)), (low, min(low + step, rows)))
        for first in range(0, batch, samples)
        for group in range(groups)
        for low in range(0, rows, step)
    ]
