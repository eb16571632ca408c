"""Sums of many channels in registers: several output channels times several vectors of neighboring
outputs, over all taps and input channels, with nothing written in between.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from ._vectors import (
    REGISTER_BITS,
    emitted,
    load_vector,
    multiplied_and_added,
    place,
    spread_number,
    store_vector,
    zeros_of,
)

_SIZE = ir.IntType(64)
# Channels and vectors of a block: as many sums as leave registers for their operands, of 32 with
# the widest vectors and of 16 otherwise. Any of them keeps the multipliers busy; the smaller ones
# are for what is left of the channels.
SHAPES = ((8, 3), (4, 6), (3, 8)) if REGISTER_BITS == 512 else ((4, 3), (2, 6), (1, 12))


def _sums(channels: int, vectors: int) -> Any:
    """``sums(x, at, taps, tap, count, inputs, step, w, w_at, y, y_at, y_step)`` for one shape.

    Vector v of channel m is the sum of ``w[w_at + m + channels * n] * x[at + taps[tap + t] + step *
    i]`` over input channels i and taps t, n counting them; it goes to ``y[y_at + y_step * m]`` and
    the places after it.
    """
    # The fewer operands wait in registers, so that none is spilled to memory.
    pairs = list(product(range(channels), range(vectors)))
    if channels <= vectors:
        pairs.sort(key=lambda pair: pair[1])

    def sums(
        builder: Any, x: Any, at: Any, taps: Any, tap: Any, count: Any, inputs: Any, step: Any,
        w: Any, w_at: Any, y: Any, y_at: Any, y_step: Any,
    ) -> None:  # fmt: skip
        zero = zeros_of(x)
        width = zero.type.count
        shifts = place(builder, taps, tap)
        totals = {pair: cgutils.alloca_once(builder, zero.type) for pair in pairs}
        source, weight = (cgutils.alloca_once(builder, array.type) for array in (x, w))
        for total in totals.values():
            builder.store(zero, total)
        builder.store(place(builder, x, at), source)
        builder.store(place(builder, w, w_at), weight)
        with cgutils.for_range(builder, inputs):
            here = builder.load(source)
            with cgutils.for_range(builder, count) as loop:
                near = place(builder, here, builder.load(place(builder, shifts, loop.index)))
                weights = builder.load(weight)

                @cache
                def operand(v: int) -> Any:
                    return load_vector(builder, near, _SIZE(v * width), zero)

                @cache
                def factor(m: int) -> Any:
                    return spread_number(builder, weights, _SIZE(m), zero)

                for m, v in pairs:
                    total = totals[m, v]
                    terms = factor(m), operand(v), builder.load(total)
                    builder.store(multiplied_and_added(builder, *terms), total)
                builder.store(place(builder, weights, _SIZE(channels)), weight)
            builder.store(place(builder, here, step), source)
        for (m, v), total in totals.items():
            line = place(builder, place(builder, y, y_at), builder.mul(_SIZE(m), y_step))
            store_vector(builder, line, _SIZE(v * width), builder.load(total))

    return emitted(lambda *kinds: types.void)(sums)


sums_of_most, sums_of_some, sums_of_few = (_sums(*shape) for shape in SHAPES)
# For the end of a line, one and two vectors of the largest blocks.
one_of_most, two_of_most = (_sums(SHAPES[0][0], vectors) for vectors in (1, 2))
