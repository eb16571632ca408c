"""Compiled loops as engines: what both share, and each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import ConvGeometry
from ...threads import lock, num_threads, sheltered
from .._engine import Engine
from ._block_cost import block_nanoseconds, cannot_block
from ._blocks import BlockProduct
from ._disk import Loop
from ._row_cost import row_nanoseconds
from ._rows import RowProduct

_CALL = 5_500.0  # nanoseconds
# A second thread: how long it takes to wake, and how much of the work it takes off for each part
# that is its own.
_WAKE = 45_000.0
_SHARE = 0.9


def load() -> None:
    """Import Numba and the loops; interrupted in the middle, Numba could not be imported again."""
    sheltered(_load)


def _load() -> None:
    from . import _block_loops, _edge_loops, _row_loops  # noqa: F401


class CompiledEngine(Engine):
    """Products by compiled loops, each direction with its weights packed when first needed.

    Needs Numba, which is imported and compiles at the first product; what it compiles is kept on
    disk, beside the package or where ``NUMBA_CACHE_DIR`` says, so another process compiles nothing.
    """

    package = "numba"
    extra = "fast"
    _nanoseconds: Callable[[ConvGeometry, np.dtype[Any], bool], float]

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        super().__init__(geometry, weight)
        self._products: dict[bool, RowProduct | BlockProduct] = {}
        self._lock = lock()

    @classmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        work = batch * cls._nanoseconds(geometry, dtype, True)
        threads = num_threads()
        if threads > 1:
            work = min(work, _WAKE + work * (1 - _SHARE * (1 - 1 / threads)))
        return 1e-9 * (_CALL + work)

    @property
    def nbytes(self) -> int:
        return sum(product.nbytes for product in list(self._products.values()))

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._product(False).product(x).reshape(len(x), *self.y_shape)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        return self._product(True).product(y).reshape(len(y), *self.x_shape)

    def _product(self, transposed: bool) -> RowProduct | BlockProduct:
        with self._lock:
            if transposed not in self._products:
                load()
                self._products[transposed] = self._made(transposed)
            return self._products[transposed]

    def _made(self, transposed: bool) -> RowProduct | BlockProduct:
        """One direction."""
        return RowProduct(self.geometry, self.weight, transposed)


class DirectEngine(CompiledEngine):
    """Rows of the last axis as sums of shifted rows, two outputs at a time: no matrix, no padded
    copy; edges where they are.
    """

    name = "direct"
    _nanoseconds = staticmethod(row_nanoseconds)

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        if dtype.char in "fdFD":
            return None
        return f"it is compiled for float32, float64, complex64 and complex128, not for {dtype}"

    @classmethod
    def loops(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> tuple[Loop, ...]:
        last = geometry.axes[-1]
        loops = [Loop("_row_loops", "product", dtype.type().real.dtype.name)]
        if last.mode != "zeros":
            loops.append(Loop("_edge_loops", "walk", dtype.name))
        if last.stride > 1:
            loops.append(Loop("_edge_loops", "sort", dtype.name))
        return tuple(loops)


class BlocksEngine(CompiledEngine):
    """Many channels: blocks of the output channels in registers, over bands of the image.

    Blocks multiply the zeros of the padding by weights. Where a weight is not finite that would
    not be nothing, and the loops of `direct` take the product.
    """

    name = "blocks"
    _nanoseconds = staticmethod(block_nanoseconds)

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        if dtype.char not in "fd":
            return f"it is compiled for float32 and float64, not for {dtype}"
        return cannot_block(geometry, dtype.itemsize)

    @classmethod
    def loops(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> tuple[Loop, ...]:
        return (Loop("_block_loops", "blocked", dtype.name),)

    def _made(self, transposed: bool) -> RowProduct | BlockProduct:
        if np.isfinite(self.weight).all():
            return BlockProduct(self.geometry, self.weight, transposed)
        return super()._made(transposed)
