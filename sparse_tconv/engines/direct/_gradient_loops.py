"""The compiled gradient with respect to the kernel: products of rows of y with shifted rows of
x, summed.
"""

from __future__ import annotations

from typing import Any

from ._compile import compiled
from ._vectors import half, inside, lanes, load, load_inside, multiply_add, number, store

_ROWS = (
    16  # rows of y taken together: they and the rows of x they meet stay in the second-level cache
)


@compiled
def gradient(
    x: Any,
    y: Any,
    total: Any,
    scratch: Any,
    sizes: Any,
    places: Any,
    outer: Any,
    shifts: Any,
    unit_first: int,
    unit_last: int,
    first: int,
    last: int,
) -> None:
    """Add to `total`, (units, inputs, outer taps, taps), what rows first .. last - 1, counting
    (sample, row), contribute.
    """
    groups, units, inputs, x_channel, length = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    rows = places.size
    for start in range(first, last, _ROWS):
        stop = min(start + _ROWS, last)
        for unit in range(unit_first, unit_last):
            group = unit // units
            for channel in range(inputs):
                for tap in range(outer.size):
                    at = ((unit * inputs + channel) * outer.size + tap) * shifts.size
                    for t in range(0, shifts.size, 4):
                        # The shifts of a last, shorter block of four are repeated, and their sums
                        # dropped.
                        u, v, s = (
                            min(t + 1, shifts.size - 1),
                            min(t + 2, shifts.size - 1),
                            min(t + 3, shifts.size - 1),
                        )
                        zero = half(x)
                        a, b, c, d = zero, zero, zero, zero
                        for row in range(start, stop):
                            sample, line = divmod(row, rows)
                            y_at = ((sample * groups * units + unit) * rows + line) * length
                            x_at = (sample * groups + group) * inputs + channel
                            x_at = x_at * x_channel + places[line] + outer[tap]
                            p, q = x_at + number(shifts, t), x_at + number(shifts, u)
                            m, n = x_at + number(shifts, v), x_at + number(shifts, s)
                            i = 0
                            while i + lanes(zero) <= length:
                                here = load(y, y_at + i, zero)
                                a = multiply_add(here, load(x, p + i, zero), a)
                                b = multiply_add(here, load(x, q + i, zero), b)
                                c = multiply_add(here, load(x, m + i, zero), c)
                                d = multiply_add(here, load(x, n + i, zero), d)
                                i += lanes(zero)
                            if i < length:
                                mask = inside(zero, i, 0, length)
                                here = load_inside(y, y_at + i, zero, mask)
                                a = multiply_add(here, load_inside(x, p + i, zero, mask), a)
                                b = multiply_add(here, load_inside(x, q + i, zero, mask), b)
                                c = multiply_add(here, load_inside(x, m + i, zero, mask), c)
                                d = multiply_add(here, load_inside(x, n + i, zero, mask), d)
                        store(scratch, 0, a)
                        store(scratch, lanes(zero), b)
                        store(scratch, 2 * lanes(zero), c)
                        store(scratch, 3 * lanes(zero), d)
                        for k in range(min(4, shifts.size - t)):
                            for lane in range(lanes(zero)):
                                total[at + t + k] += scratch[k * lanes(zero) + lane]
