"""The product with C, or C^T, of many channels: weights packed, and the work cut into bands."""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import ConvGeometry
from ...threads import num_threads, run, scratch
from ._block_plan import BlockPlan, bands, block_plan, blocks_of, pack
from ._calls import fixed


class BlockProduct:
    """C or C^T with zeros outside and finite real weights, packed."""

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any], transposed: bool) -> None:
        from ._block_sums import SHAPES

        channels = geometry.group_channels(transposed)[1]
        blocks = blocks_of(channels, tuple(shape[0] for shape in SHAPES))
        self._weights = fixed(pack(geometry, weight, transposed, blocks))
        self._blocks = fixed(np.array(blocks, dtype=np.int64))
        work = partial(_work, geometry, transposed, weight.itemsize, len(blocks))
        self._work = lru_cache(maxsize=8)(work)  # by size of batch and number of threads
        self._size = geometry.shape[1 if transposed else 0]

    @property
    def nbytes(self) -> int:
        """Bytes of the weights; the tables are small."""
        return self._weights.nbytes

    def product(self, x: NDArray[Any]) -> NDArray[Any]:
        """The product with each sample of a batch, flat."""
        from ._block_loops import blocked

        y = np.empty(len(x) * self._size, dtype=x.dtype)
        if not y.size:
            return y
        plan, pieces = self._work(len(x), num_threads())
        x, weights, blocks = fixed(x).reshape(-1), self._weights, self._blocks
        room = int(blocks[:, 0].max()) * len(plan.tables[-1]) * plan.distance

        def piece(item: tuple[int, ...]) -> None:
            space = scratch("block space", (plan.space,), y.dtype)
            sums = scratch("block sums", (room,), y.dtype)
            blocked(x, weights, y, space, sums, plan.distance, *plan.tables, blocks, *item)

        run(piece, pieces)
        return y


def _work(
    geometry: ConvGeometry, transposed: bool, itemsize: int, count: int, batch: int, threads: int
) -> tuple[BlockPlan, list[Any]]:
    """The plan and the pieces of a product with `count` blocks: (sample and group, first row, rows,
    first column, columns, first and last block).
    """
    cut = bands(geometry, transposed, itemsize, batch, count, threads)
    parts = product(range(batch * geometry.groups), *cut)
    pieces = [
        (task, top, bottom - top, left, right - left, *blocks)
        for task, (top, bottom), (left, right), blocks in parts
    ]
    return block_plan(geometry, transposed, *cut.most), pieces
