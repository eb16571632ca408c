"""The engine of many channels: sums over taps as matrix products."""

from __future__ import annotations

from itertools import product
from math import prod
from operator import mul
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..threads import scratch
from .correlating import CorrelatingEngine, chosen
from .layout import Layout, Place, Target, put, sums_of

BLOCK_BYTES = 6 << 20  # of what is multiplied at a time, which stays in a near cache
MANY = 2048  # columns of a product
APART = 32  # channels computed from which each tap of the first axis has a product of its own
NEAR, FAR, CALL = 1 << 18, 1.15, 2.5e-5  # a larger matrix is slower by so much; a call of a block


class Rates(NamedTuple):
    """What one core does, in seconds.

    A product of m x k by k x n numbers takes ``multiply m n k (1 + few_rows / m + few_terms / k)``.
    """

    multiply: float  # one multiply-add in a large product
    few_rows: float  # rows at which the product runs at half that rate
    few_terms: float  # likewise, terms of each sum
    copy: float  # one number copied
    add: float  # one number added
    stride: float  # one number out of line


# OpenBLAS, 70 and 150 Gflop/s in float64 and float32.
RATES = {
    "f": Rates(1.3e-11, 16, 4, 3.6e-10, 3.2e-10, 1.1e-9),
    "d": Rates(2.8e-11, 8, 4, 5.8e-10, 9.5e-10, 1.4e-9),
    "F": Rates(5.2e-11, 8, 4, 5.8e-10, 9.5e-10, 1.4e-9),
    "D": Rates(1.1e-10, 6, 4, 1.2e-9, 1.9e-9, 2.2e-9),
}


class GemmEngine(CorrelatingEngine):
    """Products with ``C = sum over taps of S_tap (x) W_tap``: shifts of the image times matrices of
    the channels.

    A tap can be terms of a product (im2col): what is copied grows with the channels read. Or it can be
    rows of its result (col2im): what is added grows with the channels computed. The taps of the first
    axes are rows, those of the others terms, so many of each as takes the least time.

    Cost: the multiplications of C at the rate of matrix products, the copies and the additions.
    """

    name, _types = "gemm", "fdFD"

    @classmethod
    def _seconds(cls, made: Layout, channels: tuple[int, int], dtype: np.dtype[Any]) -> float:
        return _best(made, channels, dtype)[0]

    def _sums(self, made: Layout, kernel: NDArray[Any]) -> tuple[float, list[Any]]:
        channels = kernel.shape[2], kernel.shape[1]
        _, split = _best(made, channels, kernel.dtype)
        images = _images(made, channels, kernel.dtype, split)
        sums = [MatrixSums(made, target, kernel, split) for target in made.targets]
        return images, sums


class MatrixSums:
    """Sums over taps by products, those of the first axes their rows, of the others their terms; where
    there are several residues all are terms.

    Along the first axis a tap is an offset of whole rows: where no other has taps as rows the terms are
    copied without the zeros between rows. Where a tap has many rows it has a product of its own.
    """

    def __init__(self, made: Layout, target: Target, kernel: NDArray[Any], split: int) -> None:
        self._reads, self._units = [made.read(grids, split) for grids in target.sums], made.units
        matrices = []
        for grids in target.sums:
            taps = np.moveaxis(chosen(kernel, grids), range(3, 3 + split), range(1, 1 + split))
            matrices.append(taps.reshape(*taps.shape[: 2 + split], -1))
        matrix = np.concatenate(matrices, axis=-1)
        matrix = matrix.reshape(len(matrix), -1, kernel.shape[1], matrix.shape[-1])
        self.nbytes, self._compact = matrix.nbytes, _is_compact(target, split)
        self._pitches = target.counts[1:] if self._compact else made.pitches
        # From the first number that a row reads with its first tap to those with the others.
        grids = target.sums[0][:split]
        moves = [grid.gap * prod(self._pitches[axis:]) for axis, grid in enumerate(grids)]
        places = product(*(range(len(grid.taps)) for grid in grids))
        offsets = [sum(map(mul, at, moves)) for at in places]
        self._reach, step = offsets[-1], 1 if kernel.shape[1] >= APART else len(offsets)
        self._products = [
            (np.ascontiguousarray(matrix[:, first : first + step]), offsets[first : first + step])
            for first in range(0, len(offsets), step)
        ]

    def terms(self, laid: NDArray[Any], sizes: Place) -> NDArray[Any]:
        """The terms (samples, groups, terms, numbers) of some rows; those of a single tap in place."""
        samples, groups, _, channels, _ = laid.shape
        terms, first = self._products[0][0].shape[-1], 0
        if terms == channels:
            return laid[:, :, 0, :, self._reads[0].start :]
        shape, units = (sizes[0] + self._reach // prod(sizes[1:]), *sizes[1:]), self._units
        if not self._compact:
            last = sum(map(mul, units, (size - 1 for size in sizes)))
            shape, units = (last + self._reach + 1,), (1,)
        stack = scratch("stack", (samples, groups, terms, prod(shape)), laid.dtype)
        for number, read in enumerate(self._reads):
            given = read.of(laid[:, :, number], shape, units)
            last = first + channels * prod(read.taps)
            stack[:, :, first:last].reshape(given.shape)[...] = given
            first = last
        return stack

    def put(self, groups: slice, terms: NDArray[Any], place: NDArray[Any], cut: slice) -> None:
        """The sums of some channels."""
        place = place[:, :, cut]
        total, flat = sums_of(place, self._pitches)
        length, begun = flat.shape[-1], False
        for matrix, offsets in self._products:
            own = matrix[groups, :, cut]
            own = own.reshape(len(own), -1, own.shape[-1])
            read = terms[..., offsets[0] : offsets[-1] + length]
            alone = len(offsets) == 1 and not begun
            shape = (len(terms), *own.shape[:2], read.shape[-1])
            given = flat if alone else scratch("given", shape, flat.dtype)
            np.matmul(own, read, out=given)
            given = given.reshape(*flat.shape[:2], len(offsets), *flat.shape[2:3], -1)
            for number, offset in enumerate(() if alone else offsets):
                start = offset - offsets[0]
                each = given[:, :, number, :, start : start + length]
                np.add(flat, each, out=flat) if begun or number else np.copyto(flat, each)
            begun = True
        put(total, place)


def _best(made: Layout, channels: tuple[int, int], dtype: np.dtype[Any]) -> tuple[float, int]:
    """The least time of an image of a group on one core, and how many axes' taps are rows for it."""
    return min((_seconds(made, channels, dtype, split), split) for split in splits(made))


def splits(made: Layout) -> range:
    """How many axes' taps can be rows."""
    return range(1 if len(made.residues) > 1 else 1 + len(made.sizes))


def _counts(target: Target, split: int) -> tuple[int, int]:
    """The taps of a target that are rows, and that are terms."""
    rows = prod(len(grid.taps) for grid in target.sums[0][:split])
    return rows, sum(prod(len(grid.taps) for grid in grids[split:]) for grids in target.sums)


def _is_compact(target: Target, split: int) -> bool:
    """Whether terms are copied without the zeros between rows."""
    return split <= 1 and _counts(target, split)[1] > 1


def _images(made: Layout, channels: tuple[int, int], dtype: np.dtype[Any], split: int) -> float:
    """How many images of a group stay in cache, or make many columns."""
    read, computed = channels
    counts = [_counts(target, split) for target in made.targets] or [(1, 1)]
    rows, terms = map(max, zip(*counts, strict=True))
    given = 0 if rows == 1 else 1 if computed >= APART else rows
    width = read * (1 + (terms if terms > 1 else 0)) + computed * (1 + given)
    numbers = max(BLOCK_BYTES * (2 if given > 1 else 1) / (width * dtype.itemsize), MANY)
    return numbers / (made.rows * made.row)


def _seconds(made: Layout, channels: tuple[int, int], dtype: np.dtype[Any], split: int) -> float:
    """Estimated time of one image of a group."""
    rates, (read, computed) = RATES[dtype.char], channels
    blocks = max(1.0, 1 / _images(made, channels, dtype, split))
    work = rates.copy * read * (made.rows + made.reach * blocks) * made.row * len(made.residues)
    moved = rates.stride if len(made.targets) > 1 else rates.copy
    for target in made.targets:
        (rows, terms), compact = _counts(target, split), _is_compact(target, split)
        apart = computed >= APART
        # What taps of rows give beyond a block is computed again in the next one.
        halo = made.reach * max(2, blocks) if split and not apart else 0
        numbers = (target.counts[0] + halo) * (prod(target.counts[1:]) if compact else made.row)
        m, k = rows * computed, terms * read
        slow = 1 + rates.few_rows / (computed if apart else m) + rates.few_terms / k
        slow *= FAR if m * k >= NEAR else 1
        work += numbers * rates.multiply * m * k * slow
        work += numbers * (rates.copy * k * (terms > 1) + rates.add * m * (rows > 1))
        if not compact or len(made.targets) > 1:
            work += moved * computed * prod(target.counts)
    return work + CALL * len(made.targets) * blocks
