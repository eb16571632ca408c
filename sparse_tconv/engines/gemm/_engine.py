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
from ..extension import extend, fold
from . import _cost as cost
from ._plan import plan
from ._products import gather, gather_weights, scatter, scatter_weights

Range = tuple[int, int]


class GemmEngine(Engine):
    """Products with ``C = sum over taps of S_tap (x) W_tap``: shifts of the image times matrices of
    the channels.

    Cost: the multiplications of C at the rate of matrix products, and a copy of the source for every
    tap beside the first axis, or an addition to the target for every tap, whichever is less. The
    kernel's matrices are packed at the first product of each direction and kept.
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
        return cost.seconds(geometry, dtype, batch)

    @property
    def nbytes(self) -> int:
        return sum(matrix.nbytes for packed in list(self._matrices.values()) for matrix in packed)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._product(x, False, self.geometry.y_channels)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        return self._product(y, True, self.geometry.x_channels)

    def _product(self, x: NDArray[Any], transposed: bool, channels: int) -> NDArray[Any]:
        """C or C^T times a batch."""
        groups, made = self.geometry.groups, plan(self.geometry, transposed)
        way, matrices = cost.way(self.geometry, transposed, x.dtype), self._packed(transposed)
        sources = x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:])
        made_of = np.empty if made.covers else np.zeros
        result = made_of((len(x), channels, *made.sizes), dtype=x.dtype)
        targets = result.reshape(len(x), groups, channels // groups, *made.sizes)
        targets = np.moveaxis(targets, 0, 3)
        product = scatter if way.scatters else gather

        def compute(item: Item) -> None:
            group, samples = item.group, slice(*item.samples)
            # The samples of a batch lie behind the rows of the first axis.
            wide = extend(made.read(item.rows), sources[samples, group])
            source, target = np.moveaxis(wide, 0, 2), targets[group][:, :, samples]
            product(made, [matrix[group] for matrix in matrices], source, target, item.rows)

        shared = 2.0 * self.geometry.nnz * len(x) >= cost.FLOPS_FOR_THREADS
        workers = blas_workers() if shared else 1
        items = _items(len(x), groups, made.rows, way.rows, workers)
        run_blas(compute, items, workers > 1)
        return fold(made.leaves, result) if made.leaves else result

    def _packed(self, transposed: bool) -> list[NDArray[Any]]:
        """The matrices of one direction, made at their first use."""
        with self._lock:
            if transposed not in self._matrices:
                geometry = self.geometry
                kernel = grouped_kernel(geometry, self.weight, transposed)
                kernel = kernel.reshape(*kernel.shape[:4], prod(kernel.shape[4:]))
                scatters = cost.way(geometry, transposed, kernel.dtype).scatters
                weights = scatter_weights if scatters else gather_weights
                self._matrices[transposed] = weights(plan(geometry, transposed), kernel)
            return self._matrices[transposed]


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
