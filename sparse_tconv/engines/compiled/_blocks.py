"""The product with C, or C^T, of many channels: weights packed, and the work cut into bands."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...assembly import correlation_kernel
from ...geometry import ConvGeometry
from ...threads import num_threads, run
from ..scratch import scratch
from ._bands import Bands, bands, blocks_of
from ._block_plan import SIZES, WEIGHTS_OF_GROUP, WEIGHTS_OF_PHASES, block_plan, pack
from ._calls import fixed, split

_REGISTERS = 24  # registers' worth of numbers that may be read and written beyond the end of a line
_KEPT = 8  # sizes of batch and numbers of threads whose tables are kept


class _Planned(NamedTuple):
    """What the loops are called with, the pieces of work, and how many numbers the work space, all
    sums of a block, and those of one channel need.
    """

    tables: tuple[NDArray[Any], ...]
    pieces: list[tuple[int, ...]]
    space: int
    sums: int
    line: int


class BlockProduct:
    """C or C^T with zeros outside and finite real weights.

    Parameters
    ----------
    geometry : ConvGeometry
        The geometry of C.
    weight : array
        The kernel as the user gave it.
    transposed : bool
        Whether the product is with C^T.
    """

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any], transposed: bool) -> None:
        from ._block_sums import SHAPES

        self._geometry = geometry
        self._transposed = transposed
        channels = geometry.x_channels if transposed else geometry.y_channels
        blocks = blocks_of(channels // geometry.groups, tuple(shape[0] for shape in SHAPES))
        kernel = correlation_kernel(geometry, weight)
        packed, self._starts = pack(geometry, kernel, transposed, blocks)
        self._weights = fixed(packed)
        self._blocks = fixed(np.array(blocks, dtype=np.int64))
        self._plans: dict[tuple[int, int, int], _Planned] = {}
        sizes = [axis.n_in if transposed else axis.n_out for axis in geometry.axes]
        self._size = channels * prod(sizes)

    @property
    def nbytes(self) -> int:
        """Bytes of the weights; the tables are small."""
        return self._weights.nbytes

    def product(self, x: NDArray[Any]) -> NDArray[Any]:
        """The product with each sample of a batch, flat."""
        from ._block_loops import blocked

        batch, dtype = len(x), x.dtype
        y = np.empty(batch * self._size, dtype=dtype)
        if not y.size:
            return y
        plan = self._planned(batch, num_threads(), dtype.itemsize)
        x, weights, blocks, tables = fixed(x).reshape(-1), self._weights, self._blocks, plan.tables

        def piece(item: tuple[int, ...]) -> None:
            space = scratch("block space", (plan.space,), dtype)
            sums = scratch("block sums", (plan.sums,), dtype)
            blocked(x, weights, y, space, sums, plan.line, *tables, blocks, *item)

        run(piece, plan.pieces)
        return y

    def _planned(self, batch: int, threads: int, itemsize: int) -> _Planned:
        """The tables for a batch and a number of threads, with the places of this kernel's
        weights.
        """
        key = batch, threads, itemsize
        plan = self._plans.get(key)
        if plan is None:
            count = len(self._blocks)
            cut = bands(self._geometry, self._transposed, itemsize, batch, count, threads)
            layout = block_plan(self._geometry, self._transposed, cut.most_rows, cut.most_columns)
            tables = [table.copy() for table in layout.tables]
            tables[WEIGHTS_OF_PHASES][:, 0] = self._starts
            tables[SIZES][WEIGHTS_OF_GROUP] = self._weights.size // self._geometry.groups
            spare = _REGISTERS * 64 // itemsize
            line = layout.line + spare
            sums = int(self._blocks[:, 0].max()) * len(tables[-1]) * line
            plan = _Planned(
                tuple(map(fixed, tables)),
                self._pieces(batch, cut),
                layout.space + 2 * spare,
                sums,
                line,
            )
            if len(self._plans) == _KEPT:
                self._plans.clear()
            self._plans[key] = plan
        return plan

    def _pieces(self, batch: int, cut: Bands) -> list[tuple[int, ...]]:
        """(sample and group, first row, rows, first column, columns, first and last block)."""
        parts = product(
            range(batch * self._geometry.groups),
            split(cut.rows, cut.row_bands),
            split(cut.columns, cut.column_bands),
            split(len(self._blocks), cut.block_parts),
        )
        return [
            (task, top, bottom - top, left, right - left, *blocks)
            for task, (top, bottom), (left, right), blocks in parts
        ]
