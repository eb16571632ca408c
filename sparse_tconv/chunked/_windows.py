"""Windows of chunked arrays: which slices of which chunks they are made of."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import stretches
from ..threads import scratch


@dataclass(frozen=True)
class Piece:
    """A slice of a chunk, and its place in a window: one entry per axis. A source of length 1 fills
    its target.
    """

    chunk: tuple[int, ...]
    source: tuple[slice, ...]
    target: tuple[slice, ...]


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
    """

    size: tuple[int, ...]
    targets: tuple[tuple[slice, ...], ...]
    covered: bool

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
        for target, piece in zip(self.targets, pieces, strict=True):
            place: tuple[Any, ...] = (..., *target)
            window[place] = piece
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
    filled = (sum(target.stop - target.start for _, _, target in axis) for axis in axes)
    covered = all(have == need for have, need in zip(filled, size, strict=True))
    return Window(size, tuple(piece.target for piece in pieces), covered), pieces


def _pieces(
    mode: str, bounds: Sequence[int], span: tuple[int, int]
) -> list[tuple[int, slice, slice]]:
    """(chunk, source, target) of the pieces of one axis."""
    found = []
    for stretch in stretches(mode, bounds[-1], *span):
        at = stretch.start
        while (rest := stretch.between(at, stretch.stop)) is not None:
            chunk = bisect_right(bounds, rest.sample) - 1
            part = rest.of_samples(*bounds[chunk : chunk + 2]) or rest
            there = part.moved(-span[0], -bounds[chunk])
            found.append((chunk, there.samples, there.places))
            at = part.stop
    return found
