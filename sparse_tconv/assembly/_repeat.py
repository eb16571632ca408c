"""Writing a stretch of an array again and again, as few and as long copies."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Ints = NDArray[np.int64]

# A stretch that repeats is copied in runs of at least this many entries, where it can be: a short
# inner loop costs more than the entries it moves.
_RUN = 1 << 12
_GROWTH = 32  # how many copies at once until there is such a run


def repeat(target: NDArray[Any], count: int, shift: int) -> None:
    """Of `count` equal parts along the last of two axes the first is written; write the others,
    each plus `shift`.
    """
    size = target.shape[1] // count
    if count == 1 or not size:
        return
    done = 1
    while 2 * done <= count:
        length = done * size
        large = length * len(target) >= _RUN
        times = count // done if large else min(count // done, _GROWTH)
        strides = (target.strides[0], length * target.itemsize, target.itemsize)
        runs = as_strided(target, (len(target), times, length), strides)
        moves = np.arange(done, times * done, done)[:, None]
        # Source and target interleave in several rows taken together, and NumPy would copy as much
        # as the target holds.
        if large or len(target) == 1:
            for rows in runs:
                place(rows[:1], moves, shift, rows[1:])
        else:
            rows = runs.swapaxes(0, 1)
            place(rows[:1].copy(), moves[..., None], shift, rows[1:])
        done *= times
    length = done * size
    first, rest = target[:, : target.shape[1] - length], target[:, length:]
    for source, copy in zip(first, rest, strict=True) if rest.size >= _RUN else [(first, rest)]:
        place(source, done, shift, copy)


def place(part: NDArray[Any], number: Ints | int, shift: int, target: NDArray[Any]) -> None:
    """Write `part` plus number * shift into `target`, the three broadcast against each other."""
    if shift:
        np.add(part, np.asarray(number * shift).astype(target.dtype), out=target)
    else:
        target[...] = part


def cut(length: int, parts: int) -> list[tuple[int, int]]:
    """range(length) cut into this many parts, or into single numbers."""
    parts = max(1, min(parts, length))
    return list(pairwise(length * number // parts for number in range(parts + 1)))
