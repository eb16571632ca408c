"""An image read at a distance, with zeros where it ends: what makes terms of it, and adds it to sums.

Images are (channels, rows, samples, *others). Where both have rows of one length a distance is one
offset into rows that lie one after another, and what wraps around is cleared.
"""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import Any

from numpy.typing import NDArray

from ..correlations import Part, Place, Range

Slices = tuple[slice, ...]


def placed(part: Part, strides: Place, target: NDArray[Any], rows: Range) -> NDArray[Any]:
    """Where a range of rows of a part lies in the target."""
    lows, highs = (rows[0], *(0 for _ in strides[1:])), (rows[1], *part.counts[1:])
    first, *others = (
        slice(start + step * low, start + step * (high - 1) + 1, step)
        for start, step, low, high in zip(part.starts, strides, lows, highs, strict=True)
    )
    return target[(slice(None), first, slice(None), *others)]


def read_at(
    target: NDArray[Any], source: NDArray[Any], at: Place, steps: Place, add: bool = False
) -> None:
    """``target[p] = source[at + steps p]``, zero outside; what is added may be cleared on its edges."""
    same = target.shape[2:] == source.shape[2:] and max(steps) == 1
    if not (same and is_flat(target) and is_flat(source)):
        _read(target, source, at, steps, add)
        return
    ends = [(axis, distance) for axis, distance in enumerate(at[1:], 2) if distance]
    for axis, distance in ends if add else ():
        _clear(source, axis, distance)
    offset = reduce(
        lambda sum_, axis: sum_ * axis[1] + axis[0], zip(at, source.shape[1:], strict=True), 0
    )
    lines = target.reshape(len(target), -1), source.reshape(len(source), -1)
    _read(lines[0], lines[1], (offset,), (1,), add)
    for axis, distance in () if add else ends:
        _clear(target, axis, -distance)


def is_flat(image: NDArray[Any]) -> bool:
    """Whether the rows of each channel lie one after another."""
    return bool(image[:1].flags.c_contiguous)


def _read(target: NDArray[Any], source: NDArray[Any], at: Place, steps: Place, add: bool) -> None:
    into, found = _overlaps(at, steps, target.shape[1:], source.shape[1:])
    if add:
        target[(slice(None), *into)] += source[(slice(None), *found)]
        return
    for axis, part in enumerate(into, 1):
        for end in (slice(0, part.start), slice(part.stop, None)):
            target[(slice(None),) * axis + (end,)] = 0
    target[(slice(None), *into)] = source[(slice(None), *found)]


def _clear(image: NDArray[Any], axis: int, count: int) -> None:
    """Zeros for as many numbers at one end of an axis, the far one if negative."""
    end = slice(0, count) if count > 0 else slice(count, None)
    image[(slice(None),) * axis + (end,)] = 0


@lru_cache(maxsize=1 << 12)
def _overlaps(at: Place, steps: Place, counts: Place, sizes: Place) -> tuple[Slices, Slices]:
    """Of each axis: which of `counts` samples, that read ``at, at + step, ...``, find one of `sizes`
    others; and those that they find.
    """
    into, found = [], []
    for start, step, count, size in zip(at, steps, counts, sizes, strict=True):
        first = min(max(0, -(start // step)), count)
        last = max(first, min(count, (size - 1 - start) // step + 1))
        ends = start + step * first, start + step * (last - 1) + 1
        into.append(slice(first, last))
        found.append(slice(*ends, step) if last > first else slice(0, 0))
    return tuple(into), tuple(found)
