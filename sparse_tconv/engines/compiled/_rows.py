"""The product with C, or with C^T, of few channels: weights in the order of the loops over rows,
and the work cut into pieces for the threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import ConvGeometry
from ...pattern import MatrixPattern
from ...threads import num_threads, run
from ._axis_sums import axis_sums
from ._calls import fixed, sorted_rows, split
from ._edges import edges
from ._outer import outer_rows
from ._row_cost import row_nanoseconds
from ._row_plan import folded_kernel, row_plan

# Below this many nanoseconds a second thread costs more than it saves.
_WORTH_A_THREAD = 80_000
_PIECES_PER_THREAD = 2
_COLUMNS = 1024  # a piece of a row is a multiple of this


class RowProduct:
    """C or C^T with its weights packed."""

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any], transposed: bool) -> None:
        kernel = folded_kernel(geometry, weight, transposed)
        plan = row_plan(geometry, transposed, weight.dtype.kind == "c")
        self._weights = fixed(plan.pack(kernel))
        tables = (plan.sizes, plan.jobs, plan.begins, plan.shifts.reshape(-1), plan.frame)
        self._tables = tuple(map(fixed, tables))
        self._edges = edges(geometry, transposed)
        self._edge_weights = self._weights[:0]
        if self._edges is not None:
            self._edge_weights = fixed(self._edges.pack(kernel))
        self._sums = axis_sums(geometry.axes[-1], transposed)
        self._size = MatrixPattern(geometry, transposed).shape[0]
        self._jobs = geometry.groups * len(plan.jobs)
        self._rows = geometry.groups * len(outer_rows(geometry, transposed).owner)
        self._columns = int(plan.frame[:, 4].max())
        self._work = row_nanoseconds(geometry, weight.dtype, transposed)

    @property
    def nbytes(self) -> int:
        """Bytes of the weights; the tables are shared by all kernels of the geometry."""
        return self._weights.nbytes + self._edge_weights.nbytes

    def product(self, x: NDArray[Any]) -> NDArray[Any]:
        """The product with each sample of a batch, flat."""
        batch = len(x)
        x = fixed(x).reshape(-1)
        y = np.empty(batch * self._size, dtype=x.dtype)
        if y.size:
            self._sum(sorted_rows(x, self._sums), y, batch)
            self._walk(x, y, batch)
        return y

    def _sum(self, x: NDArray[Any], y: NDArray[Any], batch: int) -> None:
        """Every output that is a sum of shifts."""
        from ._row_loops import product

        real = y.real.dtype
        x, w, y = x.view(real), self._weights, y.view(real)

        def piece(item: tuple[int, int, int, int]) -> None:
            product(x, w, y, *self._tables, *item)

        run(piece, self._pieces(batch))

    def _pieces(self, batch: int) -> list[tuple[int, int, int, int]]:
        """(first, last) of the tasks and (left, right) of the columns, in about equal pieces."""
        threads = num_threads() if batch * self._work > _WORTH_A_THREAD else 1
        pieces = threads * _PIECES_PER_THREAD if threads > 1 else 1
        tasks, chunks = batch * self._jobs, -(-self._columns // _COLUMNS)
        return [
            (*task, left * _COLUMNS, min(right * _COLUMNS, self._columns))
            for task in split(tasks, pieces)
            for left, right in split(chunks, -(-pieces // tasks))
        ]

    def _walk(self, x: NDArray[Any], y: NDArray[Any], batch: int) -> None:
        """The outputs at edges that repeat samples."""
        if self._edges is None:
            return
        from ._edge_loops import walk

        weights, tables = self._edge_weights, self._edges.tables

        def piece(item: tuple[int, int]) -> None:
            walk(x, weights, y, *tables, *item)

        tasks = batch * self._rows
        work = tasks * self._edges.entries
        run(piece, split(tasks, num_threads() if work > _WORTH_A_THREAD else 1))
