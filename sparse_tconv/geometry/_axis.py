"""One axis of a convolution in canonical form."""

from __future__ import annotations

from dataclasses import dataclass

from ._boundary import stored_entries


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
        What lies outside: 'zeros', 'circular', 'reflect', 'symmetric' or 'replicate'.
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
        if self.first >= 0 and self.last < self.n_in:
            object.__setattr__(self, "mode", "zeros")

    @property
    def first(self) -> int:
        """Position that the first tap of the first window reads."""
        return -self.before

    @property
    def last(self) -> int:
        """Position that the last tap of the last window reads."""
        return (self.n_out - 1) * self.stride - self.before + self.dilation * (self.k - 1)

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
