"""The compiled walk through single entries."""

from __future__ import annotations

from typing import Any

from ._compile import compiled, inlined
from ._vectors import number, put


@compiled
def walk(
    x: Any,
    w: Any,
    y: Any,
    sizes: Any,
    owner: Any,
    place: Any,
    starts: Any,
    reads: Any,
    positions: Any,
    ptr: Any,
    cols: Any,
    first: int,
    last: int,
) -> None:
    """The outputs at `positions` of the rows numbered first .. last - 1, counting (sample,
    group, row).
    """
    groups, units, inputs, x_rows, x_length, y_length = (
        sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5],
    )  # fmt: skip
    for task in range(first, last):
        block, row = divmod(task, owner.size)
        begin, end = starts[owner[row]], starts[owner[row] + 1]
        for u in range(units):
            w_unit = (block % groups * units + u) * inputs
            y_at = ((block * units + u) * owner.size + row) * y_length
            for n in range(positions.size):
                total = x.dtype.type(0)
                for channel in range(inputs):
                    for r in range(begin, end):
                        x_at = (
                            (block * inputs + channel) * x_rows + place[row] + reads[r]
                        ) * x_length
                        w_at = ((w_unit + channel) * reads.size + r) * cols.size
                        for q in range(ptr[n], ptr[n + 1]):
                            total += w[w_at + q] * x[x_at + cols[q]]
                y[y_at + positions[n]] = total


@inlined
def take_every(step: int, x: Any, x_at: int, y: Any, y_at: int, count: int) -> None:
    """Every `step`-th number from a place on, side by side."""
    if step == 2:  # a step that the compiler knows becomes a shuffle of vectors
        for c in range(count):
            put(y, y_at + c, number(x, x_at + 2 * c))
    else:
        for c in range(count):
            put(y, y_at + c, number(x, x_at + step * c))


@compiled
def sort(
    x: Any, y: Any, kept: Any, modulus: int, x_length: int, length: int, first: int, last: int
) -> None:
    """Rows first .. last - 1 with the samples of each residue in `kept` side by side, `length`
    places for each.
    """
    for row in range(first, last):
        for n in range(kept.size):
            count = (x_length - kept[n] + modulus - 1) // modulus
            to = (row * kept.size + n) * length
            take_every(modulus, x, row * x_length + kept[n], y, to, count)
