"""How much a product adds up, which its rounding is measured by where what it adds up cancels."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, gcd, inf, isfinite, prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import Axis, ConvGeometry, held

_LONGEST = 1 << 22  # positions of an axis that are looked at


@dataclass(frozen=True)
class Terms:
    """The terms of a product's sums, taps that fold into one entry of the matrix one by one.

    Attributes
    ----------
    count : int
        How many meet in one entry of a result, of either direction, at most.
    size : float
        The root of the sum of their squared factors: the Frobenius norm of a matrix in which nothing
        folds.
    """

    count: int
    size: float

    def norm(self, shape: tuple[int, ...]) -> float:
        """The norm of a matrix of this shape that has such a size in its rows or columns; 0 if the
        factors are not finite.
        """
        return self.size / sqrt(max(min(shape), 1)) if isfinite(self.size) else 0.0


def terms_of(geometry: ConvGeometry, weight: NDArray[Any]) -> Terms | None:
    """The terms of a kernel, or of one for each position; None of axes too long to be looked at."""
    axes, n = geometry.axes, len(geometry.axes)
    if any(max(axis.extent, axis.n_in) > _LONGEST for axis in axes):
        return None
    largest, squares = _squares(weight)
    if geometry.channels:
        squares = squares.sum(axis=(0, 1))
    if geometry.flip:
        squares = np.flip(squares, tuple(range(n)))
    held_by = [_held(axis) for axis in axes]
    local = squares.ndim > n
    for number, (axis, (power, _)) in enumerate(zip(axes, held_by, strict=True)):
        if local:
            squares = squares * _along(_per_window(axis, power), (number, n + number), squares.ndim)
        else:
            squares = np.tensordot(_per_tap(axis, power), squares, (0, 0))
    channels = max(geometry.x_channels, geometry.y_channels) // geometry.groups
    met = channels * prod(meeting for _, meeting in held_by)
    return Terms(met, largest * sqrt(max(float(squares.sum()), 0.0)))


def norm_seen(op: Any) -> float:
    """About the norm of what an operator of known terms adds up: it is at least what is left of a
    constant, where all has one sign; infinite if the terms are not known, or no product is.
    """
    if (terms := op.terms()) is None:
        return inf
    with np.errstate(all="ignore"):
        try:
            sizes = np.abs(op.apply(np.ones(op.in_shape))).ravel()
        except Exception:  # that a product fails is for those to tell who ask for one
            return inf
        largest = float(sizes.max(initial=0))
        if not 0 < largest < inf:
            return terms.norm(op.shape)
        constant = largest * float(np.linalg.norm(sizes / largest)) / sqrt(op.shape[1])
    return max(terms.norm(op.shape), constant)


def _squares(weight: NDArray[Any]) -> tuple[float, NDArray[np.float64]]:
    """The largest size of a tap, and the squares of all over it."""
    with np.errstate(all="ignore"):
        sizes = np.abs(weight.astype(np.result_type(weight, np.float64), copy=False))
        largest = sizes.max(initial=0) or sizes.dtype.type(1)
        return float(largest), ((sizes / largest) ** 2).astype(np.float64)


def _held(axis: Axis) -> tuple[NDArray[np.float64], int]:
    """The squared coefficients of what stands at each position of the extended axis, and how many
    terms a window has, or a sample has a part in, at most.
    """
    number, sample, factors = held(axis.mode, np.arange(axis.first, axis.last + 1), axis.n_in)
    power = None if factors is None else factors.astype(np.float64) ** 2
    taps = ceil(axis.k / (axis.stride // gcd(axis.stride, axis.dilation)))
    pairs, repeats = (int(np.bincount(where, minlength=1).max()) for where in (number, sample))
    return np.bincount(number, power, axis.extent).astype(np.float64), max(
        axis.k * pairs, taps * repeats
    )


def _per_tap(axis: Axis, power: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum over the positions that each tap reads, by running sums of every stride-th one."""
    rows = -(-axis.extent // axis.stride)
    running = np.zeros((rows + 1) * axis.stride)
    running[axis.stride : axis.stride + axis.extent] = power
    running = running.reshape(-1, axis.stride).cumsum(axis=0).ravel()
    starts = axis.dilation * np.arange(axis.k)
    return running[starts + axis.n_out * axis.stride] - running[starts]


def _per_window(axis: Axis, power: NDArray[np.float64]) -> NDArray[np.float64]:
    """The position that each tap of each window reads: (tap, window)."""
    starts = axis.dilation * np.arange(axis.k)[:, None]
    return power[starts + axis.stride * np.arange(axis.n_out)]


def _along(table: NDArray[Any], axes: tuple[int, int], ndim: int) -> NDArray[Any]:
    """A table that broadcasts along two axes of an array."""
    shape = [1] * ndim
    for axis, side in zip(axes, table.shape, strict=True):
        shape[axis] = side
    return table.reshape(shape)
