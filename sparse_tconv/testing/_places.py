"""Where entries stand in n-d arrays, and how near to the border."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._space import Shape, Space

__all__ = ["Places", "depths", "places_of", "position"]

SHOWN = 4
SPATIAL = 5  # an axis shorter than this is taken for channels, unless all are


@dataclass(frozen=True)
class Places:
    """Some entries of one side.

    Attributes
    ----------
    positions : tuple of tuple of int
        Their n-d positions, in order, with the array's number in front for a tuple of arrays.
    of : int
        Entries of the side.
    depth : int or None
        Largest distance of one of them from the border, 0 on the border itself; None when there
        are none, or when they reach the middle.
    """

    positions: tuple[tuple[int, ...], ...]
    of: int
    depth: int | None

    @property
    def at_border(self) -> bool:
        """Whether all stand near the border."""
        return self.depth is not None

    def __len__(self) -> int:
        return len(self.positions)

    def __repr__(self) -> str:
        if not self.positions:
            return "none"
        shown = ", ".join(map(str, self.positions[:SHOWN]))
        more = ", ..." if len(self.positions) > SHOWN else ""
        border = "" if self.depth is None else f"; all within {self.depth + 1} of the border"
        return f"{len(self.positions)} of {self.of}: {shown}{more}{border}"


def places_of(space: Space, entries: NDArray[Any]) -> Places:
    """Return the distinct places of flat entries of a space."""
    unique = np.unique(entries)
    depth = depths(space)
    reach = int(depth[unique].max()) if unique.size else None
    # Where a single pixel is the whole depth, "near the border" says nothing.
    inside = reach is None or space.size < SPATIAL or reach >= int(depth.max())
    positions = tuple(position(space, int(entry)) for entry in unique)
    return Places(positions, space.size, None if inside else reach)


def position(space: Space, entry: int) -> tuple[int, ...]:
    """Return the n-d position of a flat entry."""
    at = entry // 2 if space.doubled else entry
    for leaf, (shape, where) in enumerate(space.leaves()):
        if at < where.stop:
            place = (
                tuple(int(i) for i in np.unravel_index(at - where.start, shape)) if shape else ()
            )
            return place if space.single else (leaf, *place)
    return (at,)


def depths(space: Space) -> NDArray[np.int64]:
    """Return every coordinate's distance from the border of its array."""
    flat = np.concatenate([_depths(shape).ravel() for shape in space.shapes])
    return np.repeat(flat, 2 if space.doubled else 1)


def _depths(shape: Shape) -> NDArray[np.int64]:
    """Distance to the nearer end, the least over the spatial axes."""
    depth = np.full(shape, np.iinfo(np.int64).max)
    long = [axis for axis, n in enumerate(shape) if n >= SPATIAL] or list(range(len(shape)))
    for axis in long:
        n = shape[axis]
        one = np.minimum(np.arange(n), np.arange(n)[::-1])
        depth = np.minimum(depth, one.reshape([-1 if a == axis else 1 for a in range(len(shape))]))
    return depth
