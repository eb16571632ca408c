"""The engine of few channels: every tap is a multiplication and an addition of long vectors."""

from __future__ import annotations

from math import prod
from string import ascii_letters
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..threads import scratch
from .correlating import CorrelatingEngine, chosen
from .layout import Grids, Layout, Place, put, sums_of

# Measured on one core, by kind of number: a multiplication and addition in a near cache; a number
# copied; a number copied out of line.
_RATES = {
    "f": (1.1e-10, 2.5e-10, 1e-9),
    "d": (2.1e-10, 5e-10, 1.3e-9),
}
_CALL = 2e-5  # the sums of a block
_RUN = 1e-8  # the beginning of a vector, or of a run that is copied
_LONG = 1 << 12  # numbers of a vector below which einsum copies it to buffers
_FAR = 2  # that takes so much longer, and rows that do not stay in cache
BLOCK_BYTES = 1 << 20  # of what is read and computed at a time, which stays in a near cache
# The axes of the taps: einsum puts the loops of sums around each other in the order of letters, those
# of the channels read, "z", outermost.
_LETTERS = "".join(sorted(set(ascii_letters) - set("sgoxz")))


class TapsEngine(CorrelatingEngine):
    """Products with ``C = sum over taps of w_tap S_tap``, by one call of ``numpy.einsum`` for all taps
    of a phase of the stride: they are its outer loops, and its vectors stay in cache from tap to tap.

    Cost: the multiplications of C at the rate of such loops, a copy of the source and one of the target.
    """

    name, _types = "taps", "fd"

    @classmethod
    def _seconds(cls, made: Layout, channels: tuple[int, int], dtype: np.dtype[Any]) -> float:
        read, computed = channels
        multiply, copy, stride = _RATES[dtype.char]
        share = 1 / _images(made, read + computed, dtype)  # of a block, or how many of them
        blocks = max(1.0, share)
        moved = stride if len(made.targets) > 1 else copy
        if blocks > made.rows or made.rows * made.row < _LONG * blocks:
            multiply *= _FAR
        laid = read * (made.rows + made.reach * blocks)
        image = laid * (made.row * copy + made.row / (made.pitches or (made.rows,))[-1] * _RUN)
        for target in made.targets:
            taps = sum(prod(len(grid.taps) for grid in grids) for grids in target.sums)
            passed = target.counts[0] * made.row * multiply + blocks * _RUN
            put = prod(target.counts) * (moved + _RUN / target.counts[-1])
            image += computed * (read * taps * passed + put)
        return image + _CALL * len(made.targets) * share

    def _sums(self, made: Layout, kernel: NDArray[Any]) -> tuple[float, list[Any]]:
        images = _images(made, sum(kernel.shape[1:3]), kernel.dtype)
        sums = [VectorSums(made, target.sums, kernel) for target in made.targets]
        return images, sums


class VectorSums:
    """Sums over taps by ``einsum``."""

    def __init__(self, made: Layout, sums: list[Grids], kernel: NDArray[Any]) -> None:
        self._pitches = made.pitches
        self._calls = [(made.read(grids), chosen(kernel, grids)) for grids in sums]
        self.nbytes = sum(own.nbytes for _, own in self._calls)

    def terms(self, laid: NDArray[Any], sizes: Place) -> NDArray[Any]:
        """Nothing beside what is laid out."""
        return laid

    def put(self, groups: slice, laid: NDArray[Any], place: NDArray[Any], cut: slice) -> None:
        """The sums of some channels."""
        place = place[:, :, cut]
        total, flat = sums_of(place, self._pitches)
        for number, (read, kernel) in enumerate(self._calls):
            into = scratch("more", flat.shape, flat.dtype) if number else flat
            letters, part = _LETTERS[: len(read.taps)], kernel[groups, cut]
            part = part.reshape(*part.shape[:3], *read.taps)
            reads = read.of(laid[:, :, number], flat.shape[-1:], (1,))
            np.einsum(f"sgz{letters}x,goz{letters}->xogs", reads, part, out=into.T, order="F")
            if number:
                flat += into
        put(total, place)


def _images(made: Layout, channels: int, dtype: np.dtype[Any]) -> float:
    """How many images of a group stay in cache."""
    return BLOCK_BYTES / (made.rows * made.row * channels * dtype.itemsize)
