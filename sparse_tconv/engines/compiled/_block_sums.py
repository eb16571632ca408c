"""Sums of many channels in registers: several output channels times several vectors of neighboring
outputs, over all taps and input channels, with nothing written in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from ._vectors import REGISTER_BITS, address, multiplied_and_added, spread_out

# Channels and vectors of a block: as many sums as leave registers for their operands, of 32 with
# the widest vectors and of 16 otherwise. Any of them keeps the multipliers busy; the smaller ones
# are for what is left of the channels.
SHAPES = ((8, 3), (4, 6), (3, 8)) if REGISTER_BITS == 512 else ((4, 3), (2, 6), (1, 12))


def _sums(channels: int, vectors: int) -> Callable[..., Any]:
    """``sums(x, at, taps, tap, count, inputs, step, w, w_at, y, y_at, y_step)`` for one shape.

    Vector v of channel m is the sum of ``w[w_at + m + channels * n] * x[at + taps[tap + t] + step *
    i]`` over input channels i and taps t, n counting them; it goes to ``y[y_at + y_step * m]`` and
    the places after it.
    """

    def sums(
        context: Any, x: Any, at: Any, taps: Any, tap: Any, count: Any, inputs: Any, step: Any,
        w: Any, w_at: Any, y: Any, y_at: Any, y_step: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            x_data, first, t_data, t_first, n_taps, n_inputs, distance = arguments[:7]
            w_data, w_first, y_data, y_first, y_distance = arguments[7:]
            kind = ir.VectorType(context.get_value_type(x.dtype), REGISTER_BITS // x.dtype.bitwidth)
            shifts = address(context, builder, taps, t_data, t_first)
            zero = ir.Constant(kind, None)
            totals = [cgutils.alloca_once_value(builder, zero) for _ in range(channels * vectors)]
            source = cgutils.alloca_once_value(builder, address(context, builder, x, x_data, first))
            weight = cgutils.alloca_once_value(
                builder, address(context, builder, w, w_data, w_first)
            )
            for total in totals:  # the function may come by here again
                builder.store(zero, total)
            builder.store(address(context, builder, x, x_data, first), source)
            builder.store(address(context, builder, w, w_data, w_first), weight)
            with cgutils.for_range(builder, n_inputs):
                here = builder.load(source)
                with cgutils.for_range(builder, n_taps) as loop:
                    place = builder.gep(here, [builder.load(builder.gep(shifts, [loop.index]))])
                    weights = builder.load(weight)
                    # The fewer operands wait in registers, so that none is spilled to memory.
                    operands = (
                        _loaded(builder, pointer, kind, x)
                        for pointer in _places(builder, place, vectors, kind)
                    )
                    factors = (
                        spread_out(builder, builder.load(pointer), kind.count)
                        for pointer in _places(builder, weights, channels, None)
                    )
                    for m, v, factor, operand in _pairs(factors, operands, channels > vectors):
                        total = totals[m * vectors + v]
                        added = multiplied_and_added(builder, factor, operand, builder.load(total))
                        builder.store(added, total)
                    builder.store(builder.gep(weights, [_integer(channels)]), weight)
                builder.store(builder.gep(here, [distance]), source)
            line = address(context, builder, y, y_data, y_first)
            for m in range(channels):
                for v, pointer in enumerate(_places(builder, line, vectors, kind)):
                    stored = builder.store(
                        builder.load(totals[m * vectors + v]),
                        builder.bitcast(pointer, kind.as_pointer()),
                    )
                    stored.align = y.dtype.bitwidth // 8
                line = builder.gep(line, [y_distance])
            return context.get_dummy_value()

        n = types.intp
        return types.void(x, n, taps, n, n, n, n, w, n, y, n, n), generate

    return sums


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


def _places(builder: Any, pointer: Any, count: int, kind: Any) -> Iterator[Any]:
    """`count` places from a pointer on, a vector or a number apart."""
    width = 1 if kind is None else kind.count
    for number in range(count):
        yield builder.gep(pointer, [_integer(number * width)])


def _loaded(builder: Any, pointer: Any, kind: Any, array: Any) -> Any:
    loaded = builder.load(builder.bitcast(pointer, kind.as_pointer()))
    loaded.align = array.dtype.bitwidth // 8
    return loaded


sums_of_most, sums_of_some, sums_of_few = (intrinsic(_sums(*shape)) for shape in SHAPES)
# For the end of a line, one and two vectors of the largest blocks.
one_of_most, two_of_most = (intrinsic(_sums(SHAPES[0][0], vectors)) for vectors in (1, 2))
