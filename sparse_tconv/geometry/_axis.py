"""One axis of a convolution in canonical form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from ..errors import GeometryError
from ._boundary import repeats
from ._stored import stored_entries

Ints = NDArray[np.int64]

# Twice a position, and a sum of two, are 64-bit numbers.
FARTHEST = 1 << 59

# What is met again and again is listed, stretch by stretch.
_MOST_REPEATS = 1 << 16


@dataclass(frozen=True)
class Axis:
    """One axis of C: window o reads positions ``o * stride - before + dilation * t`` of the
    extended input axis.

    Axes that describe the same one-axis matrix are made equal on construction: a kernel of side 1
    has dilation 1, a single window has stride 1, and an axis never read outside has mode 'zeros'.

    Parameters
    ----------
    n_in, n_out : int
        Size of the axis in the input and in the output of C.
    k, stride, dilation : int
        Kernel size, step between windows, step between taps.
    before : int
        How far in front of the axis the first window starts; negative: behind its start.
    mode : str
        What lies outside: one of the words of `padding_mode`.
    """

    n_in: int
    n_out: int
    k: int
    stride: int
    dilation: int
    before: int
    mode: str

    def __post_init__(self) -> None:
        # A frozen dataclass sets its fields once, here, so that no other form of the same axis can
        # exist.
        if self.k == 1:
            object.__setattr__(self, "dilation", 1)
        if self.n_out == 1:
            object.__setattr__(self, "stride", 1)
        first, last = self.first, self.last
        if first >= 0 and last < self.n_in:
            object.__setattr__(self, "mode", "zeros")
        elif last - first > _MOST_REPEATS * self.n_in and repeats(self.mode):
            raise GeometryError(
                f"`padding` must repeat an axis at most {_MOST_REPEATS} times with padding_mode={self.mode!r}; "
                f"got positions {first} to {last} of an axis of {self.n_in}. Take less padding or dilation."
            )
        if first < -FARTHEST or last > FARTHEST or self.n_in > FARTHEST:
            raise GeometryError(
                f"`padding`, `stride`, `dilation` and sizes must keep an axis within 2^59 positions; got "
                f"{first} to {last} of an axis of {self.n_in}. Nothing so large fits in an address space."
            )

    @overload
    def position(self, window: int, tap: int = 0) -> int: ...
    @overload
    def position(self, window: Ints, tap: int | Ints = 0) -> Ints: ...
    @overload
    def position(self, window: int, tap: Ints) -> Ints: ...
    def position(self, window: int | Ints, tap: int | Ints = 0) -> int | Ints:
        """Position of the extended axis that a window reads with a tap."""
        return window * self.stride - self.before + self.dilation * tap

    @property
    def first(self) -> int:
        """Position that the first tap of the first window reads."""
        return -self.before

    @property
    def last(self) -> int:
        """Position that the last tap of the last window reads."""
        return (self.n_out - 1) * self.stride - self.before + self.dilation * (self.k - 1)

    @property
    def extent(self) -> int:
        """Number of positions from the first read to the last."""
        return self.last - self.first + 1

    @property
    def interior(self) -> tuple[int, int]:
        """Range (start, stop) of the windows that read inside the axis only."""
        start = max(0, -(-self.before // self.stride))
        reach = self.n_in - 1 + self.before - self.dilation * (self.k - 1)
        stop = min(self.n_out, reach // self.stride + 1)
        return min(start, self.n_out), max(stop, min(start, self.n_out))

    @property
    def nnz(self) -> int:
        """Number of stored entries of the n_out x n_in matrix of this axis alone, all taps
        non-zero.
        """
        return stored_entries(
            self.n_in, self.n_out, self.k, self.stride, self.dilation, self.before, self.mode
        )
