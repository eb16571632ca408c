"""The product with C, or with C^T, of one kernel: weights in the loops' order, and the work cut
into pieces for the threads.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import ConvGeometry
from ...pattern import MatrixPattern
from ...threads import num_threads, run
from ._calls import fixed, sorted_rows, split
from ._edges import edges
from ._outer import outer_rows
from ._row_cost import nanoseconds
from ._row_plan import folded_kernel, plan

# Below this many nanoseconds a second thread costs more than it saves.
_WORTH_A_THREAD = 80_000
_PIECES_PER_THREAD = 2
_COLUMNS = 1024  # a piece of a row is a multiple of this


class RowProduct:
    """C or C^T with its weights packed.

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
        pattern = MatrixPattern(geometry, transposed)
        outer = outer_rows(geometry, transposed)
        kernel = folded_kernel(geometry, weight, transposed)
        self._geometry = geometry
        self._transposed = transposed
        self._row_plan = plan(geometry, transposed, weight.dtype.kind == "c")
        p = self._row_plan
        self._weights = fixed(p.pack(kernel))
        self._sizes = p.sizes()
        tables = (self._sizes, p.jobs, p.begins, p.shifts.reshape(-1), p.lanes)
        self._tables = tuple(map(fixed, tables))
        self._columns = int(p.lanes[:, 4].max())
        self._edges = edges(geometry, transposed)
        self._edge_weights = None if self._edges is None else fixed(self._edges.pack(kernel))
        self._lengths = pattern.axes[-1].shape
        self._rows = pattern.row_channels * outer.owner.size
        self._work = nanoseconds(geometry, weight.dtype, transposed)

    @property
    def nbytes(self) -> int:
        """Bytes of the weights; the tables are shared by all kernels of the geometry."""
        return self._weights.nbytes + (
            0 if self._edge_weights is None else self._edge_weights.nbytes
        )

    def product(self, x: NDArray[Any]) -> NDArray[Any]:
        """The product with each sample of a batch, flat."""
        batch = len(x)
        x = fixed(x).reshape(-1)
        y = np.empty(batch * self._rows * self._lengths[0], dtype=x.dtype)
        if y.size:
            self._sum(self._sorted(x), y, batch)
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
        tasks = batch * self._geometry.groups * len(self._row_plan.jobs)
        columns = self._columns
        threads = num_threads() if batch * self._work > _WORTH_A_THREAD else 1
        if threads == 1:
            return [(0, tasks, 0, columns)]
        pieces = threads * _PIECES_PER_THREAD
        if tasks >= pieces:
            return [(*part, 0, columns) for part in split(tasks, pieces)]
        chunks = -(-columns // _COLUMNS)
        parts = split(chunks, min(chunks, -(-pieces // tasks)))
        return [
            (task, task + 1, left * _COLUMNS, min(right * _COLUMNS, columns))
            for task in range(tasks)
            for left, right in parts
        ]

    def _sorted(self, x: NDArray[Any]) -> NDArray[Any]:
        """Rows with their residues side by side."""
        sorting = self._row_plan.sorting
        if sorting.modulus == 1:
            return x
        return fixed(
            sorted_rows(x, self._lengths[1], sorting.modulus, sorting.kept, sorting.length)
        )

    def _walk(self, x: NDArray[Any], y: NDArray[Any], batch: int) -> None:
        """The outputs at edges that repeat samples."""
        if self._edges is None or self._edge_weights is None:
            return
        from ._edge_loops import walk

        e = self._edges
        outer = outer_rows(self._geometry, self._transposed)
        _, groups, units, inputs = self._sizes[:4].tolist()
        sizes = np.array(
            [groups, units, inputs, outer.input_rows, self._lengths[1], self._lengths[0]]
        )
        walked = (sizes, outer.owner, outer.place, e.starts, e.reads, e.positions, e.ptr, e.cols)
        tables = tuple(map(fixed, walked))
        weights = self._edge_weights

        def piece(item: tuple[int, int]) -> None:
            walk(x, weights, y, *tables, *item)

        tasks = batch * self._geometry.groups * outer.owner.size
        work = prod((tasks, units, inputs, e.cols.size, e.reads.size)) // max(1, len(outer.reads))
        run(piece, split(tasks, num_threads() if work > _WORTH_A_THREAD else 1))
