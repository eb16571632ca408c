"""A convolution as its few numbers, and the matrix of those: what mistakes are tried on.

The matrix is built from index tables, apart from the library's own assembly, because output sizes
and windows here may be ones that no right convolution has.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..._validate import PADDING_MODES
from ..oracles import extension_matrix

__all__ = ["MODES", "Stencil"]

Table = NDArray[np.int64]

MODES = PADDING_MODES


@dataclass(frozen=True, eq=False)
class Stencil:
    """``y[co, o] = sum w[co, ci, k] x~[ci, o*s - before + d*k]`` with any sizes.

    `known_border` is False when no padding mode reproduces the operator near its border.
    """

    weight: NDArray[Any]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    modes: tuple[str, ...]
    in_size: tuple[int, ...]
    out_size: tuple[int, ...]
    known_border: bool = True

    @property
    def axes(self) -> int:
        """Number of spatial axes."""
        return len(self.in_size)

    @property
    def reach(self) -> tuple[int, ...]:
        """D (k - 1) per axis: the window's length less one."""
        taps = self.weight.shape[2:]
        return tuple(d * (k - 1) for d, k in zip(self.dilation, taps, strict=True))

    @property
    def entries(self) -> int:
        """Products that the matrix is built from."""
        return int(self.weight.size * np.prod(self.out_size, dtype=np.int64))

    @property
    def output_padding(self) -> tuple[int, ...]:
        """What a transposed convolution with `before` on both sides needs to give in_size back."""
        return tuple(
            n - ((m - 1) * s - 2 * b + r + 1)
            for n, m, s, b, r in zip(
                self.in_size, self.out_size, self.stride, self.before, self.reach, strict=True
            )
        )

    def matrix(self) -> sp.csr_array:
        """Return the matrix, folded taps summed."""
        tables = [axis_tables(self, axis) for axis in range(self.axes)]
        parts = [self._part(terms) for terms in itertools.product(*tables)]
        return parts[0] if len(parts) == 1 else sp.csr_array(sum(parts[1:], parts[0]))

    def _part(self, tables: tuple[tuple[Table, Table], ...]) -> sp.csr_array:
        """The matrix of one term of what each axis reads: (inputs, coefficients) per axis."""
        axes, (c_out, c_in) = self.axes, self.weight.shape[:2]
        column = np.zeros((1,) * (2 * axes), np.int64)
        factor = np.ones((1,) * (2 * axes), np.int64)
        for a, (table, coefficients) in enumerate(tables):
            shape = [1] * (2 * axes)
            shape[a], shape[axes + a] = table.shape
            column = column * self.in_size[a] + table.reshape(shape)
            factor = factor * coefficients.reshape(shape)
        pixels_in, pixels_out = int(np.prod(self.in_size)), int(np.prod(self.out_size))
        full = (c_out, c_in, *self.out_size, *self.weight.shape[2:])
        row = np.arange(pixels_out).reshape(self.out_size + (1,) * axes)
        rows = np.arange(c_out).reshape(-1, 1, *(1,) * (2 * axes)) * pixels_out + row
        columns = np.arange(c_in).reshape(-1, *(1,) * (2 * axes)) * pixels_in + column
        values = self.weight.reshape(c_out, c_in, *(1,) * axes, *self.weight.shape[2:])
        keep = np.broadcast_to(factor != 0, full) & np.broadcast_to(values != 0, full)
        parts = [np.broadcast_to(part, full)[keep] for part in (values, rows, columns)]
        if (factor[factor != 0] != 1).any():
            parts[0] = parts[0] * np.broadcast_to(factor, full)[keep]
        shape_2d = (c_out * pixels_out, c_in * pixels_in)
        return sp.csr_array((parts[0], (parts[1], parts[2])), shape=shape_2d)


def axis_tables(stencil: Stencil, axis: int) -> list[tuple[Table, Table]]:
    """Return what each (output, tap) reads on one axis, as terms: inputs and their coefficients, 0
    where there is none.
    """
    taps = stencil.weight.shape[2 + axis]
    sizes = stencil.in_size[axis], stencil.out_size[axis], taps
    steps = stencil.stride[axis], stencil.dilation[axis], stencil.before[axis]
    return _tables(*sizes, *steps, stencil.modes[axis])


@lru_cache(maxsize=256)
def _tables(
    n: int, m: int, k: int, s: int, d: int, before: int, mode: str
) -> list[tuple[Table, Table]]:
    """The same, of numbers: many guesses share them."""
    at = np.arange(m)[:, None] * s - before + np.arange(k) * d
    read, place = np.unique(at, return_inverse=True)
    place = place.reshape(at.shape)
    low, high = int(read[0]), int(read[-1]) + 1
    matrix = sp.csr_array(extension_matrix(mode, n, low, high)[read - low])
    terms = []
    for term in range(max(int(np.diff(matrix.indptr).max()), 1)):
        there = np.diff(matrix.indptr) > term
        entry = np.where(there, matrix.indptr[:-1] + term, 0)
        inputs, coefficients = np.zeros_like(read), np.zeros_like(read)
        inputs[there], coefficients[there] = matrix.indices[entry[there]], matrix.data[entry[there]]
        terms.append((inputs[place], coefficients[place]))
    return terms
