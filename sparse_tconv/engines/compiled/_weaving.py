"""Residues woven into a row: lane r, column c becomes output ``lanes * c + r``.

For the usual numbers of lanes by vectors, each interleaved by one shuffle whose order the compiler
knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from ._compile import called
from ._vectors import address, half, lanes, number, put

# Columns of each residue that are computed before they are woven: they stay in the first-level
# cache.
CHUNK = 512

_LANE = ir.IntType(32)


def _weaving(count: int, unit: int) -> Callable[..., Any]:
    """Interleave `count` vectors, `unit` numbers of each at a time: one shuffle, whose order the
    compiler must know.
    """

    def weave(
        context: Any, array: Any, index: Any, rows: Any, place: Any, step: Any, like: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array_type, _, rows_type = signature.args[:3]
            data, at, source, first, distance, _ = arguments
            kind = context.get_value_type(like)
            vectors = []
            for lane in range(4):
                offset = builder.mul(distance, distance.type(min(lane, count - 1)))
                origin = address(context, builder, rows_type, source, builder.add(first, offset))
                vectors.append(builder.load(builder.bitcast(origin, kind.as_pointer())))
                vectors[-1].align = like.number.bitwidth // 8
            everything = ir.Constant(
                ir.VectorType(_LANE, 2 * like.lanes), list(range(2 * like.lanes))
            )
            left = builder.shuffle_vector(*vectors[:2], everything)
            right = builder.shuffle_vector(*vectors[2:], everything)
            order = [
                (spot // unit % count) * like.lanes + spot // (unit * count) * unit + spot % unit
                for spot in range(count * like.lanes)
            ]
            woven = builder.shuffle_vector(
                left, right, ir.Constant(ir.VectorType(_LANE, len(order)), order)
            )
            target = address(context, builder, array_type, data, at)
            stored = builder.store(woven, builder.bitcast(target, woven.type.as_pointer()))
            stored.align = like.number.bitwidth // 8
            return context.get_dummy_value()

        return types.void(array, types.intp, rows, types.intp, types.intp, like), generate

    return weave


# ``store_woven_n(array, index, rows, place, step, like)``: what starts at ``rows[place]``,
# ``rows[place + step]``, ..., interleaved, to ``array[index]`` and the places after it;
# `..._complex` keeps two numbers together.
store_woven_2, store_woven_3, store_woven_4 = (intrinsic(_weaving(count, 1)) for count in (2, 3, 4))
store_woven_2_complex, store_woven_3_complex, store_woven_4_complex = (
    intrinsic(_weaving(count, 2)) for count in (2, 3, 4)
)


@called
def weave(
    rows: Any, at: int, step: int, frame: Any, unit: int,
    y: Any, y_at: int, start: int, stop: int,
) -> None:  # fmt: skip
    """Interleave columns start .. stop - 1 of all lanes: lane r, column c becomes output ``lanes
    * c + r``.
    """
    count = frame.shape[0]
    at -= start
    done = _weave_vectors(
        rows, at, step, count, unit, y, y_at, start, min(stop, frame[count - 1, 4])
    )
    for c in range(done, stop, unit):
        for lane in range(count):
            if c < frame[lane, 4]:
                for part in range(unit):
                    value = number(rows, at + lane * step + c + part)
                    put(y, y_at + count * c + lane * unit + part, value)


@called
def _weave_vectors(
    rows: Any, at: int, step: int, count: int, unit: int,
    y: Any, y_at: int, c: int, stop: int,
) -> int:  # fmt: skip
    """Interleave as many whole vectors as there are, for the usual numbers of lanes; the column
    after them.
    """
    vector = half(rows)
    if count > 4:
        return c
    while c + lanes(vector) <= stop:
        to, place = y_at + count * c, at + c
        if unit == 1:
            if count == 2:
                store_woven_2(y, to, rows, place, step, vector)
            elif count == 3:
                store_woven_3(y, to, rows, place, step, vector)
            else:
                store_woven_4(y, to, rows, place, step, vector)
        elif count == 2:
            store_woven_2_complex(y, to, rows, place, step, vector)
        elif count == 3:
            store_woven_3_complex(y, to, rows, place, step, vector)
        else:
            store_woven_4_complex(y, to, rows, place, step, vector)
        c += lanes(vector)
    return c
