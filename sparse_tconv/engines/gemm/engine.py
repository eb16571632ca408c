"""Products with C by BLAS, without the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...assembly import correlation_kernel, from_correlation_kernel
from ...geometry import ConvGeometry
from ...threads import lock
from .._engine import Engine
from ..borders import extend, fold, within
from . import cost
from .blas import ROUTINES, spread, spread_threads
from .gather import Gather
from .gradient import gradient
from .plan import line, make_plan
from .scatter import Scatter


class GemmEngine(Engine):
    """Products with ``C = sum over taps of S_tap (x) W_tap``: shifts of the image times matrices of
    the channels.

    Images keep their channels in front: a BLAS operand is a matrix with one channel per row, and a
    tap is an offset into it. What the kernel is repacked to is made at the first product of each
    direction and kept.

    Parameters
    ----------
    geometry, weight
        As for every engine.
    method : str, optional
        'taps', 'whole' or 'scatter' for both directions, instead of the one estimated to be fastest
        for each. Where a direction reads with a stride, 'taps' stands in for 'scatter'.
    """

    name = "gemm"

    def __init__(
        self, geometry: ConvGeometry, weight: NDArray[Any], method: str | None = None
    ) -> None:
        super().__init__(geometry, weight)
        self.method = method
        self._inside = within(geometry)
        self._built: dict[bool, Gather | Scatter] = {}
        self._lock = lock()

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        if dtype in ROUTINES:
            return None
        return f"BLAS computes in float32, float64, complex64 and complex128 only, not in {dtype}"

    @classmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        return cost.seconds(geometry, dtype, batch)

    @property
    def nbytes(self) -> int:
        return sum(built.nbytes for built in list(self._built.values()))

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._product(extend(self.geometry, x), False)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        return fold(self.geometry, self._product(y, True))

    def weight_gradient(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        summed = gradient(self._inside, extend(self.geometry, x), y)
        return from_correlation_kernel(self.geometry, summed)

    def _product(self, source: NDArray[Any], transposed: bool) -> NDArray[Any]:
        """C or C^T of the extended geometry times a batch."""
        geometry, groups = self._inside, self.geometry.groups
        channels = geometry.x_channels if transposed else geometry.y_channels
        size = tuple(axis.n_in if transposed else axis.n_out for axis in geometry.axes)
        target = np.empty((len(source), channels, *size), dtype=source.dtype)
        built = self._direction(transposed)
        sources = source.reshape(len(source), groups, -1, *source.shape[2:])
        targets = target.reshape(len(target), groups, -1, *size)

        def work(item: tuple[int, int, int, int]) -> None:
            sample, group, start, stop = item
            built.rows(sources[sample, group], targets[sample, group], group, start, stop)

        split = (
            geometry,
            source.dtype,
            transposed,
            self._way(transposed),
            len(source) * groups,
            spread_threads(),
        )
        ranges = cost.blocks(*split)
        items = [
            (sample, group, *rows)
            for sample in range(len(source))
            for group in range(groups)
            for rows in ranges
        ]
        spread(work, items, cost.worth_sharing(*split))
        return target

    def _way(self, transposed: bool) -> str:
        """The method of one direction."""
        if self.method is None:
            return cost.method(self._inside, self.weight.dtype, transposed)
        if self.method == "scatter" and not cost.can_scatter(self._inside, transposed):
            return "taps"
        return self.method

    def _direction(self, transposed: bool) -> Gather | Scatter:
        """The products of one direction, packed at their first use."""
        with self._lock:
            if transposed not in self._built:
                self._built[transposed] = self._build(transposed)
            return self._built[transposed]

    def _build(self, transposed: bool) -> Gather | Scatter:
        geometry = self._inside
        kernel = correlation_kernel(geometry, self.weight)
        kernel = kernel.reshape(geometry.groups, -1, *kernel.shape[1:])
        way = self._way(transposed)
        if way == "scatter":
            return Scatter(
                tuple(line(axis, transposed) for axis in geometry.axes), kernel, transposed
            )
        return Gather(make_plan(geometry, transposed, whole=way == "whole"), kernel, transposed)
