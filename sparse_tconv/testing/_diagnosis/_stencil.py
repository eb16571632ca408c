"""A convolution as its few numbers, and the matrix of those: what mistakes are tried on.

The matrix is built from index tables, apart from the library's own assembly, because output sizes
and windows here may be ones that no right convolution has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = ["MODES", "Stencil", "axis_table"]

MODES = {
    "zeros": "constant",
    "circular": "wrap",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
}


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
        axes, (c_out, c_in) = self.axes, self.weight.shape[:2]
        column = np.zeros((1,) * (2 * axes), np.int64)
        inside = np.ones((1,) * (2 * axes), bool)
        for a in range(axes):
            table = axis_table(self, a)
            shape = [1] * (2 * axes)
            shape[a], shape[axes + a] = table.shape
            column = column * self.in_size[a] + table.reshape(shape)
            inside = inside & (table >= 0).reshape(shape)
        pixels_in, pixels_out = int(np.prod(self.in_size)), int(np.prod(self.out_size))
        full = (c_out, c_in, *self.out_size, *self.weight.shape[2:])
        row = np.arange(pixels_out).reshape(self.out_size + (1,) * axes)
        rows = np.arange(c_out).reshape(-1, 1, *(1,) * (2 * axes)) * pixels_out + row
        columns = np.arange(c_in).reshape(-1, *(1,) * (2 * axes)) * pixels_in + column
        values = self.weight.reshape(c_out, c_in, *(1,) * axes, *self.weight.shape[2:])
        keep = np.broadcast_to(inside, full) & np.broadcast_to(values != 0, full)
        parts = [np.broadcast_to(part, full)[keep] for part in (values, rows, columns)]
        shape_2d = (c_out * pixels_out, c_in * pixels_in)
        return sp.csr_array((parts[0], (parts[1], parts[2])), shape=shape_2d)


def axis_table(stencil: Stencil, axis: int) -> NDArray[np.int64]:
    """Return which input entry each (output, tap) reads on one axis; -1 is the zero outside."""
    n, m = stencil.in_size[axis], stencil.out_size[axis]
    taps = np.arange(stencil.weight.shape[2 + axis]) * stencil.dilation[axis]
    at = np.arange(m)[:, None] * stencil.stride[axis] - stencil.before[axis] + taps
    low, high = min(int(at.min()), 0), max(int(at.max()) + 1, n)
    mode = MODES[stencil.modes[axis]]
    fill = {"constant_values": -1} if mode == "constant" else {}
    extended = np.pad(np.arange(n), (-low, high - n), mode, **fill)  # type: ignore[call-overload]
    return extended[at - low]
