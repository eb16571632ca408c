"""The engine of matrix products."""

from __future__ import annotations

from math import gcd, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...assembly import grouped_kernel
from ...geometry import ConvGeometry
from ...threads import blas_workers, lock, run, run_blas
from .._engine import Engine
from ..correlations import Range, plan
from ..extension import extend, fold
from . import cost
from ._products import Col2im, Im2col

Products = list[Im2col] | list[Col2im]
# What is computed at a time: some rows of some samples of a group, and how the channels are cut.
Item = tuple[Im2col | Col2im, int, slice, Range, list[slice]]


class GemmEngine(Engine):
    """Products with ``C = sum over taps of S_tap (x) W_tap``: shifts of the image times matrices of
    the channels.

    Cost: the multiplications of C at the rate of matrix products, and a copy of the source or an
    addition to the target for every tap, whichever takes less time. The kernel's matrices are packed
    at the first product of each direction and kept.
    """

    name = "gemm"

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        super().__init__(geometry, weight)
        self._directions: dict[bool, tuple[cost.Way, Products]] = {}
        self._lock = lock()

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        kinds = "float32, float64, complex64 and complex128"
        return None if dtype.char in "fdFD" else f"BLAS computes in {kinds} only, not in {dtype}"

    @classmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        return cost.seconds(geometry, dtype, batch)

    @property
    def nbytes(self) -> int:
        directions = list(self._directions.values())
        return sum(product.matrix.nbytes for _, products in directions for product in products)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._product(x, False, self.geometry.y_channels)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        return self._product(y, True, self.geometry.x_channels)

    def _product(self, x: NDArray[Any], transposed: bool, channels: int) -> NDArray[Any]:
        """C or C^T times a batch."""
        groups, made = self.geometry.groups, plan(self.geometry, transposed)
        way, products = self._direction(transposed)
        if made.border and not transposed:
            x = extend(made.border, x)
        sources = x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:])
        made_of = np.empty if made.covers else np.zeros
        result = made_of((len(x), channels, *made.sizes), dtype=x.dtype)
        targets = result.reshape(len(x), groups, channels // groups, *made.sizes)
        # (group, channel, row, sample, *others): the samples of a batch lie behind the rows.
        axes = 1, 2, 3, 0, *range(4, sources.ndim)
        sources, targets = sources.transpose(axes), targets.transpose(axes)

        def compute(item: Item) -> None:
            product, group, samples, rows, cuts = item
            target = targets[group][:, :, samples]
            terms = product.terms(sources[group][:, :, samples], rows)
            run(lambda cut: product.multiply(terms, target, group, cut, rows), cuts)

        few = 2.0 * self.geometry.nnz * len(x) < cost.FLOPS_FOR_THREADS
        workers = 1 if few else blas_workers()
        items = _items(way, products, targets.shape, workers)
        # Threads share blocks, or the channels of one block after the other.
        apart = workers > 1 and all(len(cuts) == 1 for *_, cuts in items)
        with np.errstate(over="ignore", invalid="ignore"):
            run_blas(compute, items, apart)
        return fold(made.border, result) if made.border and transposed else result

    def _direction(self, transposed: bool) -> tuple[cost.Way, Products]:
        """One direction, packed at its first use."""
        with self._lock:
            if transposed not in self._directions:
                geometry, made = self.geometry, plan(self.geometry, transposed)
                kernel = grouped_kernel(geometry, self.weight, transposed)
                kernel = kernel.reshape(*kernel.shape[:4], prod(kernel.shape[4:]))
                way = cost.way(geometry, transposed, kernel.dtype)
                products: Products = [Im2col(made, part, kernel) for part in made.parts]
                if way.order is cost.Order.COL2IM:
                    products = [Col2im(made, kernel)]
                self._directions[transposed] = way, products
            return self._directions[transposed]


def _items(way: cost.Way, products: Products, shape: tuple[int, ...], workers: int) -> list[Item]:
    """All blocks of a target (groups, channels, rows, samples, ...), divided among the workers."""
    (groups, channels, _, batch), items = shape[:4], []
    for product in products:
        alike = groups * len(products)
        together = max(1, min(way.rows // product.rows, -(-batch * alike // workers)))
        pieces, least, cuts = alike * -(-batch // together), -(-product.rows // way.rows), 1
        unit = workers // gcd(pieces, workers) if pieces * least < 4 * workers else 1
        blocks = -(-least // unit) * unit
        if product.rows < blocks * way.fewest:
            blocks, cuts = least, workers // gcd(pieces * least, workers)
        cut = _ranges(channels, -(-channels // cuts))
        items += [
            (product, group, samples, (rows.start, rows.stop), cut)
            for samples in _ranges(batch, together)
            for group in range(groups)
            for rows in _ranges(product.rows, -(-product.rows // blocks))
        ]
    return items


def _ranges(count: int, step: int) -> list[slice]:
    """A range after the other."""
    return [slice(first, min(first + step, count)) for first in range(0, count, step)]
