"""Sums of many channels in registers: several output channels times several vectors of neighboring
outputs, over all taps and input channels, with nothing written in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from ._vectors import (
    REGISTER_BITS,
    emitted,
    load_vector,
    multiplied_and_added,
    place,
    register_of,
    spread_out,
    store_vector,
)

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

    def sums(
        builder: Any, x: Any, at: Any, taps: Any, tap: Any, count: Any, inputs: Any, step: Any,
        w: Any, w_at: Any, y: Any, y_at: Any, y_step: Any,
    ) -> None:  # fmt: skip
        kind = register_of(x)
        shifts = place(builder, taps, tap)
        zero = ir.Constant(kind, None)
        totals = [cgutils.alloca_once_value(builder, zero) for _ in range(channels * vectors)]
        first = place(builder, x, at)
        first_weight = place(builder, w, w_at)
        source = cgutils.alloca_once_value(builder, first)
        weight = cgutils.alloca_once_value(builder, first_weight)
        for total in totals:  # the function may come by here again
            builder.store(zero, total)
        builder.store(first, source)
        builder.store(first_weight, weight)
        with cgutils.for_range(builder, inputs):
            here = builder.load(source)
            with cgutils.for_range(builder, count) as loop:
                near = builder.gep(here, [builder.load(builder.gep(shifts, [loop.index]))])
                weights = builder.load(weight)
                # The fewer operands wait in registers, so that none is spilled to memory.
                operands = (
                    load_vector(builder, pointer, kind)
                    for pointer in _places(builder, near, vectors, kind.count)
                )
                factors = (
                    spread_out(builder, builder.load(pointer), kind.count)
                    for pointer in _places(builder, weights, channels, 1)
                )
                for m, v, factor, operand in _pairs(factors, operands, channels > vectors):
                    total = totals[m * vectors + v]
                    added = multiplied_and_added(builder, factor, operand, builder.load(total))
                    builder.store(added, total)
                builder.store(builder.gep(weights, [_integer(channels)]), weight)
            builder.store(builder.gep(here, [step]), source)
        line = place(builder, y, y_at)
        for m in range(channels):
            for v, pointer in enumerate(_places(builder, line, vectors, kind.count)):
                store_vector(builder, builder.load(totals[m * vectors + v]), pointer)
            line = builder.gep(line, [y_step])

    return emitted(lambda *kinds: types.void)(sums)


def _pairs(
    factors: Iterable[Any], operands: Iterable[Any], operands_wait: bool
) -> Iterator[tuple[int, int, Any, Any]]:
    """Every factor with every operand, and their numbers; those that wait are made first."""
    if operands_wait:
        waiting = list(operands)
        for m, factor in enumerate(factors):
            for v, operand in enumerate(waiting):
                yield m, v, factor, operand
    else:
        waiting = list(factors)
        for v, operand in enumerate(operands):
            for m, factor in enumerate(waiting):
                yield m, v, factor, operand


def _integer(value: int) -> Any:
    return ir.Constant(ir.IntType(64), value)


def _places(builder: Any, pointer: Any, count: int, distance: int) -> Iterator[Any]:
    """`count` places from a pointer on, so many numbers apart."""
    for number in range(count):
        yield builder.gep(pointer, [_integer(number * distance)])


sums_of_most, sums_of_some, sums_of_few = (_sums(*shape) for shape in SHAPES)
# For the end of a line, one and two vectors of the largest blocks.
one_of_most, two_of_most = (_sums(SHAPES[0][0], vectors) for vectors in (1, 2))
