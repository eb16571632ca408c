"""The windows along one axis between which the parts of a varying blur work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..assembly import extension_matrix
from ..geometry import Axis, input_window, output_window

Matrices = tuple[csr_array | None, ...]


@dataclass(frozen=True, eq=False)
class Window:
    """A part along one axis: what it reads, how long that is extended, what it writes, its pads."""

    read: slice
    extend: csr_array | None
    length: int
    write: slice
    padding: tuple[int, int]
    weights: NDArray[Any]

    @property
    def kind(self) -> tuple[Any, ...]:
        """Equal of windows that one convolution can take together."""
        sides = self.read.stop - self.read.start, self.write.stop - self.write.start
        extend = self.extend
        entries = (
            None
            if extend is None
            else (extend.shape, *map(bytes, (extend.data, extend.indices, extend.indptr)))
        )
        return (*sides, self.length, self.padding, entries)


def windows_at_input(axis: Axis, hat: NDArray[Any]) -> list[Window]:
    """One window for each run of positions that repeat samples where the weights are not zero."""
    support = np.flatnonzero(hat)
    if not support.size:
        return []
    read = slice(int(support[0]), int(support[-1]) + 1)
    extension = extension_matrix(axis).astype(hat.dtype)[:, read]
    filled = np.flatnonzero(np.diff(extension.indptr))
    windows = []
    # Runs that are nearer than the kernel is long write into one another: they stay together.
    for run in np.split(filled, np.flatnonzero(np.diff(filled) >= axis.k) + 1):
        if not run.size:
            continue
        low, high = int(run[0]) + axis.first, int(run[-1]) + axis.first + 1
        rows = extension[int(run[0]) : int(run[-1]) + 1]
        first, stop, part = input_window(axis, low, high)
        if part is not None:
            pads = part.before, part.last + 1 - part.n_in
            write = slice(first, stop)
            windows.append(Window(read, plain(rows), high - low, write, pads, hat[read]))
    return windows


def windows_at_output(axis: Axis, hat: NDArray[Any]) -> list[Window]:
    """The window of the extended axis that the pixels read whose weights are not zero."""
    support = np.flatnonzero(hat)
    if not support.size:
        return []
    first, stop = int(support[0]), int(support[-1]) + 1
    low, high, _ = output_window(axis, first, stop)
    read, write = slice(low - axis.first, high - axis.first), slice(first, stop)
    return [Window(read, None, high - low, write, (0, 0), hat[write])]


def plain(matrix: csr_array) -> csr_array | None:
    """The matrix, or None if it is an identity."""
    n = matrix.shape[0]
    same = matrix.shape[1] == n == matrix.nnz and (matrix.data == 1).all()
    return None if same and (matrix.indices == np.arange(n)).all() else matrix


def transposed(matrices: Matrices) -> Matrices:
    return tuple(None if matrix is None else matrix.T for matrix in matrices)


def along_axes(x: NDArray[Any], matrices: Matrices, first: int = 1) -> NDArray[Any]:
    """Each axis of x from `first` on times its matrix."""
    for number, matrix in enumerate(matrices, first):
        if matrix is not None:
            front = np.moveaxis(x, number, 0)
            found = matrix @ front.reshape(len(front), -1)
            x = np.moveaxis(found.reshape(-1, *front.shape[1:]), 0, number)
    return x
