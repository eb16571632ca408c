"""The definition as an engine: the explicit matrix, any dtype, every geometry."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from ..assembly import Skeleton, shared_skeleton, wrap
from ..geometry import ConvGeometry
from ..threads import lock, num_threads, run
from ._engine import Engine

# Measured on two cores: the time of a call, and of reading the matrix once with one thread, from
# memory or from a cache near the core.
_CALL = 3.5e-6
_SECONDS_PER_BYTE = 0.09e-9
_SECONDS_PER_BYTE_NEAR = 0.045e-9
_NEAR = 1 << 20  # bytes
_WORTH_A_THREAD = 200_000  # entries times samples


class CsrEngine(Engine):
    """Products with the assembled CSR matrix of C, made when first needed.

    Row blocks go to the pool's threads, a batch is one product with several vectors. ``C^T y`` uses
    the CSR of C as the CSC of C^T: slower than a CSR of C^T by up to one half, but a second matrix
    would double the memory.
    """

    name = "csr"

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        super().__init__(geometry, weight)
        self._matrices: dict[bool, tuple[NDArray[Any], Skeleton]] = {}
        self._cut: dict[int, tuple[Block, ...]] = {}
        self._lock = lock()

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        return None

    @classmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        nbytes = (dtype.itemsize + 4) * geometry.nnz
        reused = 1.0 if batch == 1 else 0.45  # several vectors share one pass over the entries
        if nbytes <= _NEAR:
            return _CALL + nbytes * batch * reused * _SECONDS_PER_BYTE_NEAR
        return _CALL + nbytes * batch * reused * _SECONDS_PER_BYTE / num_threads()

    @property
    def nbytes(self) -> int:
        return sum(
            data.nbytes + skeleton.nbytes for data, skeleton in list(self._matrices.values())
        )

    def matrix(self, transposed: bool = False) -> csr_array:
        """C or C^T as a new csr_array around the engine's own read-only arrays."""
        with self._lock:
            if transposed not in self._matrices:
                skeleton = shared_skeleton(self.geometry, transposed, self.weight.dtype)
                data = skeleton.values(self.weight)
                data.flags.writeable = False
                self._matrices[transposed] = data, skeleton
            data, skeleton = self._matrices[transposed]
        return wrap(data, skeleton.indices, skeleton.indptr, skeleton.shape)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        flat = x.reshape(len(x), self.geometry.shape[1])
        blocks = self._blocks(len(x))
        if len(blocks) == 1:
            whole = np.ascontiguousarray(_product(blocks[0].matrix, flat))
            return whole.reshape(len(x), *self.y_shape)
        y = np.empty((len(x), self.geometry.shape[0]), dtype=x.dtype)

        def product(block: Block) -> None:
            y[:, block.start : block.stop] = _product(block.matrix, flat)

        run(product, blocks)
        return y.reshape(len(x), *self.y_shape)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        flat = y.reshape(len(y), self.geometry.shape[0])
        blocks = self._blocks(len(y))
        if len(blocks) == 1:
            whole = np.ascontiguousarray(_product(blocks[0].transpose, flat))
            return whole.reshape(len(y), *self.x_shape)
        parts: list[Any] = [None] * len(blocks)

        def product(number: int) -> None:
            block = blocks[number]
            parts[number] = _product(block.transpose, flat[:, block.start : block.stop])

        run(product, range(len(blocks)))
        x = parts[0]
        for part in parts[1:]:  # in order: the same sums for the same number of threads
            x += part
        return np.ascontiguousarray(x).reshape(len(y), *self.x_shape)

    def _blocks(self, batch: int) -> tuple[Block, ...]:
        """The matrix cut into row blocks of about equally many entries, one per thread."""
        wanted = num_threads() if self.geometry.nnz * batch > _WORTH_A_THREAD else 1
        blocks = self._cut.get(wanted)
        if blocks is None:
            blocks = self._cut[wanted] = tuple(_cut(self.matrix(), wanted))
        return blocks


class Block(NamedTuple):
    """Rows start .. stop - 1 of the matrix, and the same arrays as columns of its transpose."""

    start: int
    stop: int
    matrix: csr_array
    transpose: csc_array


def _cut(matrix: csr_array, count: int) -> Iterator[Block]:
    """Row blocks whose values and indices are views of the matrix's."""
    indptr = matrix.indptr
    shares = np.linspace(0, indptr[-1], count + 1)
    rows = np.unique(np.searchsorted(indptr, shares).clip(0, matrix.shape[0]))
    rows[[0, -1]] = 0, matrix.shape[0]
    for start, stop in itertools.pairwise(rows.tolist() if len(rows) > 1 else [0, len(indptr) - 1]):
        part = slice(indptr[start], indptr[stop])
        pointer = indptr[start : stop + 1] - indptr[start]
        shape = (stop - start, matrix.shape[1])
        rows_of = wrap(matrix.data[part], matrix.indices[part], pointer, shape)
        yield Block(start, stop, rows_of, rows_of.T)


def _product(matrix: Any, x: NDArray[Any]) -> NDArray[Any]:
    """A matrix times each sample of a batch, flat."""
    if len(x) == 1:
        return np.asarray(matrix @ x[0])[None]
    return np.asarray((matrix @ x.T).T)
