"""Windows of chunked arrays: which slices of which chunks they are made of."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import copies, stretches
from ..threads import scratch

Factors = range | int


@dataclass(frozen=True)
class Piece:
    """A slice of a chunk, and its place in a window: one entry per axis. A source of length 1 fills
    its target; it is times its factors, one for each position or one for all.
    """

    chunk: tuple[int, ...]
    source: tuple[slice, ...]
    target: tuple[slice, ...]
    factors: tuple[Factors, ...]


@dataclass(frozen=True)
class Window:
    """Positions of the extended array, put together from pieces.

    Parameters
    ----------
    size : tuple of int
        Its spatial shape.
    targets : tuple of tuple of slice
        Where each piece goes.
    covered : bool
        Whether the pieces leave no gap; zeros lie in one.
    factors : tuple of tuple of range or int
        What each piece is times, along each axis, before it is added to the others; empty where
        each position holds one sample itself.
    """

    size: tuple[int, ...]
    targets: tuple[tuple[slice, ...], ...]
    covered: bool
    factors: tuple[tuple[Factors, ...], ...] = ()

    def filled(
        self, pieces: Sequence[NDArray[Any]], lead: tuple[int, ...], dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        """The window, shape ``(*lead, *size)``: a piece itself where that is all of it, else this
        thread's work space, which its next window overwrites.
        """
        shape = (*lead, *self.size)
        if self.covered and len(pieces) == 1 and pieces[0].shape == shape:
            return pieces[0]
        window = scratch("window", shape, dtype)
        if not self.covered:
            window[...] = 0
        if self.factors:
            return self._summed(window, pieces)
        for target, piece in zip(self.targets, pieces, strict=True):
            place: tuple[Any, ...] = (..., *target)
            window[place] = piece
        return window

    def _summed(self, window: NDArray[Any], pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The sum of the pieces, each times its factors."""
        for target, piece, factors in zip(self.targets, pieces, self.factors, strict=True):
            for axis, factor in enumerate(factors, 1 - len(factors)):
                if factor != 1:
                    column = np.asarray(factor).astype(piece.dtype).reshape(-1, *(1,) * -axis)
                    piece = piece * column
            place: tuple[Any, ...] = (..., *target)
            window[place] += piece
        return window


def window(
    modes: Sequence[str], bounds: Sequence[Sequence[int]], spans: Sequence[tuple[int, int]]
) -> tuple[Window, list[Piece]]:
    """Positions [first, last) of each extended axis, and the pieces to fill them from.

    `bounds` are where the chunks of each axis begin, and where the last one ends.
    """
    axes = [_pieces(*axis) for axis in zip(modes, bounds, spans, strict=True)]
    pieces = [
        Piece(*(tuple(part) for part in zip(*parts, strict=True))) for parts in product(*axes)
    ]
    size = tuple(last - first for first, last in spans)
    filled = (sum(target.stop - target.start for _, _, target, _ in axis) for axis in axes)
    targets = tuple(piece.target for piece in pieces)
    if not all(map(copies, modes)):
        return Window(size, targets, False, tuple(piece.factors for piece in pieces)), pieces
    covered = all(have == need for have, need in zip(filled, size, strict=True))
    return Window(size, targets, covered), pieces


def _pieces(
    mode: str, bounds: Sequence[int], span: tuple[int, int]
) -> list[tuple[int, slice, slice, Factors]]:
    """(chunk, source, target, factors) of the pieces of one axis."""
    found = []
    for stretch in stretches(mode, bounds[-1], *span):
        at = stretch.start
        while (rest := stretch.between(at, stretch.stop)) is not None:
            chunk = bisect_right(bounds, rest.sample) - 1
            part = rest.of_samples(*bounds[chunk : chunk + 2]) or rest
            there = part.moved(-span[0], -bounds[chunk])
            found.append((chunk, there.samples, there.places, there.factors))
            at = part.stop
    return found
