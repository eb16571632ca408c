"""The compiled product: rows of the last axis as sums of shifted rows, two outputs at a time.

Everything here is real: `unit` is 2 where numbers are complex, and a and b are then the products
with the kernel's real and imaginary part. Functions with ``forceinline`` exist once per width of
vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._compile import called, compiled, inlined
from ._row_plan import STOP
from ._vectors import (
    add_turned,
    between,
    half,
    inside,
    lanes,
    load,
    load_inside,
    multiply_add,
    multiply_add_inside,
    number,
    spread,
    store,
    store_inside,
    wide,
)
from ._weaving import CHUNK, weave

_ONE, _TWO, _TURNED = range(3)  # what becomes of a and b: a alone, both, a + i b


@inlined
def _three(zero: Any, x: Any, at: int) -> Any:
    """Three neighboring shifts from two loads."""
    left, right = load(x, at, zero), load(x, at + 2, zero)
    return left, between(left, right), right


@inlined
def _add(part: int, zero: Any, vector: Any, w: Any, w_a: int, w_b: int, a: Any, b: Any) -> Any:
    """a and b with what they take of a vector: a alone, both, or b alone."""
    if part < 2:
        a = multiply_add(spread(w, w_a, zero), vector, a)
    if part > 0:
        b = multiply_add(spread(w, w_b, zero), vector, b)
    return a, b


@inlined
def _part(
    part: int, zero: Any, x: Any, at: int, w: Any, w_a: int, w_b: int, shifts: Any, e: int,
    a: Any, b: Any,
) -> Any:  # fmt: skip
    """a and b with one part of a list, which begins at e; and where the next part begins."""
    while number(shifts, e) != STOP:
        left, middle, right = _three(zero, x, at + number(shifts, e))
        a, b = _add(part, zero, left, w, w_a + e, w_b + e, a, b)
        a, b = _add(part, zero, middle, w, w_a + e + 1, w_b + e + 1, a, b)
        a, b = _add(part, zero, right, w, w_a + e + 2, w_b + e + 2, a, b)
        e += 3
    e += 1
    while number(shifts, e) != STOP:
        vector = load(x, at + number(shifts, e), zero)
        a, b = _add(part, zero, vector, w, w_a + e, w_b + e, a, b)
        e += 1
    return a, b, e + 1


@inlined
def _sums(
    zero: Any, x: Any, at: int, step: int, w: Any, w_at: int, w_step: int, gap: int, inputs: int,
    shifts: Any, begin: int,
) -> Any:  # fmt: skip
    """a and b where every shift stays inside its row: `at` is the column's place in the first
    input channel.
    """
    a, b = zero, zero
    for _ in range(inputs):
        w_b = w_at + gap
        a, b, e = _part(0, zero, x, at, w, w_at, w_b, shifts, begin, a, b)
        a, b, e = _part(1, zero, x, at, w, w_at, w_b, shifts, e, a, b)
        a, b, e = _part(2, zero, x, at, w, w_at, w_b, shifts, e, a, b)
        at += step
        w_at += w_step
    return a, b


@inlined
def _mask(zero: Any, shifts: Any, size: int, column: int, e: int) -> Any:
    """The lanes that an entry serves."""
    return inside(zero, column, number(shifts, size + e), number(shifts, 2 * size + e))


@inlined
def _sums_inside(
    zero: Any, x: Any, at: int, step: int, w: Any, w_at: int, w_step: int, gap: int, inputs: int,
    shifts: Any, begin: int, column: int,
) -> Any:  # fmt: skip
    """a and b where some shifts leave their row: those lanes are left out."""
    a, b = zero, zero
    size = shifts.size // 4
    for _ in range(inputs):
        w_b = w_at + gap
        e = begin
        for part in range(3):  # what a alone, both, b alone read
            for count in (3, 1):  # taps that come together, then single ones
                known = -1
                first = second = third = inside(zero, 0, 0, 0)
                while number(shifts, e) != STOP:
                    # The rows' entries for the same taps follow each other, so that their masks are
                    # made once.
                    if known != number(shifts, 3 * size + e):
                        known = number(shifts, 3 * size + e)
                        first = _mask(zero, shifts, size, column, e)
                        if count == 3:
                            second = _mask(zero, shifts, size, column, e + 1)
                            third = _mask(zero, shifts, size, column, e + 2)
                    for k in range(count):
                        mask = first if k == 0 else second if k == 1 else third
                        shared = load_inside(x, at + number(shifts, e), zero, mask)
                        if part < 2:
                            a = multiply_add_inside(spread(w, w_at + e, zero), shared, a, mask)
                        if part > 0:
                            b = multiply_add_inside(spread(w, w_b + e, zero), shared, b, mask)
                        e += 1
                e += 1
        at += step
        w_at += w_step
    return a, b


@called
def _fill(
    x: Any, at: int, step: int, w: Any, w_at: int, w_step: int, gap: int, inputs: int,
    shifts: Any, begin: int, y: Any, at_a: int, at_b: int, kind: int, columns: Any,
) -> None:  # fmt: skip
    """Columns start .. stop - 1 of one target, `columns` being start, stop, and start and stop of
    those in which no shift leaves its row.

    The last vector moves back to end with the row, and computes some columns twice: the same sums
    in the same order.
    """
    start, stop, first, last = columns
    zero = wide(x)
    short = half(x)
    c = start
    while c < stop:
        left = stop - c
        if stop - start >= lanes(zero) and left > lanes(short):
            c = min(c, stop - lanes(zero))
            if c >= first and c + lanes(zero) <= last:
                a, b = _sums(zero, x, at + c, step, w, w_at, w_step, gap, inputs, shifts, begin)
            else:
                a, b = _sums_inside(
                    zero, x, at + c, step, w, w_at, w_step, gap, inputs, shifts, begin, c
                )
            store(y, at_a + c, add_turned(a, b) if kind == _TURNED else a)
            if kind == _TWO:
                store(y, at_b + c, b)
            c += lanes(zero)
        else:
            c = max(start, min(c, stop - lanes(short)))
            mask = inside(short, c, start, stop - start)
            p, q = _sums_inside(
                short, x, at + c, step, w, w_at, w_step, gap, inputs, shifts, begin, c
            )
            store_inside(y, at_a + c, add_turned(p, q) if kind == _TURNED else p, mask)
            if kind == _TWO:
                store_inside(y, at_b + c, q, mask)
            c += lanes(short)


@compiled
def product(
    x: Any, w: Any, y: Any, sizes: Any, jobs: Any, begins: Any, shifts: Any, frame: Any,
    first: int, last: int, left: int, right: int,
) -> None:  # fmt: skip
    """Columns left .. right - 1 (of each target) of the outputs numbered first .. last - 1,
    counting (sample, group, job).
    """
    groups, units, together, inputs, entries, gap, x_channel, y_channel, unit = (
        sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], sizes[7], sizes[8],
    )  # fmt: skip
    count = frame.shape[0]
    step = CHUNK if count > 1 else max(right - left, 1)
    rows = np.empty(2 * count * CHUNK if count > 1 else 0, y.dtype)
    for task in range(first, last):
        group, job = divmod(task, jobs.shape[0])  # group: of a sample
        x_at = group * inputs * x_channel + jobs[job, 1]
        for u in range(0, units, together):
            w_at = (group % groups * units + u) * inputs * entries
            y_at = (group * units + u) * y_channel + jobs[job, 2]
            apart = jobs[job, 3]
            kind = _TURNED if unit > 1 else _TWO if apart and u + together <= units else _ONE
            for c in range(left, right, step):
                end = min(c + step, right)
                for r in range(count):
                    begin = begins[jobs[job, 0], r]
                    columns = (max(c, frame[r, 0]), min(end, frame[r, 1]), frame[r, 2], frame[r, 3])
                    if count > 1:
                        a = r * CHUNK - c
                        _fill(x, x_at, x_channel, w, w_at, entries, gap, inputs, shifts, begin,
                              rows, a, a + count * CHUNK, kind, columns)  # fmt: skip
                    else:
                        _fill(x, x_at, x_channel, w, w_at, entries, gap, inputs, shifts, begin,
                              y, y_at, y_at + apart, kind, columns)  # fmt: skip
                if count > 1:
                    weave(rows, 0, CHUNK, frame, unit, y, y_at, c, end)
                    if kind == _TWO:
                        weave(rows, count * CHUNK, CHUNK, frame, unit, y, y_at + apart, c, end)
