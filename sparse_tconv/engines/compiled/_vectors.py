"""Short vectors of the machine, as values that compiled loops compute with.

LLVM turns loops over scalars into vectors as it sees fit, and leaves short rows, remainders and
edges scalar. Here a vector is a value: a few registers wide, loaded from any place of an array, and
multiplied and added in one instruction per register. LLVM splits it into whatever registers the
machine has, so nothing here depends on one processor.

Operations named `..._inside` act only in the lanes of a mask: the others read no memory and keep
their value, so a tap beyond an edge neither contributes nor spreads a NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import Parameter, Signature, signature
from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

_FEATURES = binding.get_host_cpu_features()
REGISTER_BITS = 512 if _FEATURES.get("avx512f") else 256 if _FEATURES.get("avx2") else 128
# Registers: two of these accumulators hide the latency of multiply-adds and leave registers for
# operands.
_WIDE, _HALF = 4, 2  # half for rows shorter than a wide vector

_LANE = ir.IntType(32)


class VectorType(types.Type):  # type: ignore[misc]
    """Numba's type of a vector: `lanes` numbers of one kind; a mask if they are booleans."""

    def __init__(self, number: Any, lanes: int) -> None:
        self.number = number
        self.lanes = lanes
        super().__init__(f"Vector({number}, {lanes})")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: VectorType) -> None:
        number = manager.lookup(kind.number).get_value_type()
        super().__init__(manager, kind, ir.VectorType(number, kind.lanes))


def emitted(result: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """What compiled functions call, from the function that writes its instructions: ``emit(builder,
    ...)``, which gets arrays as pointers; `result` gives the type of the answer from those of the
    arguments.
    """

    def intrinsic_of(emit: Callable[..., Any]) -> Any:
        def define(context: Any, *given: Any) -> Any:
            kinds = [types.intp if isinstance(kind, types.Integer) else kind for kind in given]

            def generate(context: Any, builder: Any, _: Any, values: Any) -> Any:
                answer = emit(builder, *map(partial(_pointer, context, builder), kinds, values))
                return context.get_dummy_value() if answer is None else answer

            return result(*kinds)(*kinds), generate

        _, *parameters = signature(emit).parameters.values()
        context = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD)
        define.__signature__ = Signature([context, *parameters])  # type: ignore[attr-defined]
        define.__name__, define.__doc__ = emit.__name__, emit.__doc__
        return intrinsic(define)

    return intrinsic_of


def _pointer(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Where an array's numbers begin; other values as they are."""
    is_array = isinstance(kind, types.Array)
    return context.make_array(kind)(context, builder, value).data if is_array else value


def _nothing(*kinds: Any) -> Any:
    return types.void


def place(builder: Any, array: Any, index: Any) -> Any:
    """Where ``array[index]`` is; indices are never negative, and nothing is checked."""
    return builder.gep(array, [index])


def zeros_of(array: Any, registers: int = 1) -> Any:
    """So many registers of zeros, of an array's numbers."""
    number = array.type.pointee
    bits = 32 if isinstance(number, ir.FloatType) else 64
    return ir.Constant(ir.VectorType(number, registers * REGISTER_BITS // bits), None)


def _size(kind: Any) -> int:
    """Bytes of one number of a vector."""
    return 4 if isinstance(kind.element, ir.FloatType) else 8


def _spread_out(builder: Any, scalar: Any, lanes: int) -> Any:
    """A vector of equal numbers."""
    kind = ir.VectorType(scalar.type, lanes)
    undefined = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(undefined, scalar, _LANE(0))
    return builder.shuffle_vector(
        one, undefined, ir.Constant(ir.VectorType(_LANE, lanes), [0] * lanes)
    )


def _call(builder: Any, name: str, result: Any, *values: Any) -> Any:
    """One of LLVM's own functions."""
    kind = ir.FunctionType(result, [value.type for value in values])
    return builder.call(
        cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}"), values
    )


def _name(kind: Any) -> str:
    """LLVM's own short name of a type of vectors, which its functions carry."""
    return f"v{kind.count}f{8 * _size(kind)}"


def multiplied_and_added(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, in one rounding where the machine can."""
    return _call(builder, f"fmuladd.{_name(c.type)}", c.type, a, b, c)


def spread_number(builder: Any, array: Any, index: Any, like: Any) -> Any:
    """A vector of copies of ``array[index]``."""
    return _spread_out(builder, builder.load(place(builder, array, index)), like.type.count)


def load_vector(builder: Any, array: Any, index: Any, like: Any) -> Any:
    """The numbers from ``array[index]`` on."""
    pointer = builder.bitcast(place(builder, array, index), like.type.as_pointer())
    loaded = builder.load(pointer)
    loaded.align = _size(like.type)  # which is what is known of the place
    return loaded


def store_vector(builder: Any, array: Any, index: Any, vector: Any) -> None:
    """Write a vector to ``array[index]`` and the places after it."""
    pointer = builder.bitcast(place(builder, array, index), vector.type.as_pointer())
    builder.store(vector, pointer).align = _size(vector.type)


def _zeros(registers: int) -> Any:
    """``(array)``: a vector of zeros, of the array's numbers."""

    def kind_of(array: Any) -> Any:
        return VectorType(array.dtype, registers * REGISTER_BITS // array.dtype.bitwidth)

    return emitted(kind_of)(lambda builder, array: zeros_of(array, registers))


wide, half, single = _zeros(_WIDE), _zeros(_HALF), _zeros(1)
spread = emitted(lambda array, index, like: like)(spread_number)
load = emitted(lambda array, index, like: like)(load_vector)
store = emitted(_nothing)(store_vector)
multiply_add = emitted(lambda a, b, c: c)(multiplied_and_added)


@emitted(lambda vector: types.intp)
def lanes(builder: Any, vector: Any) -> Any:
    """How many numbers a vector holds."""
    return ir.IntType(64)(vector.type.count)


@emitted(lambda array, index: array.dtype)
def number(builder: Any, array: Any, index: Any) -> Any:
    """``array[index]`` without the test for a negative index."""
    return builder.load(place(builder, array, index))


@emitted(_nothing)
def put(builder: Any, array: Any, index: Any, value: Any) -> None:
    """``array[index] = value``, likewise; `value` is of the array's type."""
    builder.store(value, place(builder, array, index))


@emitted(lambda like, column, low, span: VectorType(types.boolean, like.lanes))
def inside(builder: Any, like: Any, column: Any, low: Any, span: Any) -> Any:
    """The lanes with ``low <= column + lane < low + span``; rows are shorter than 2**31."""
    count = like.type.count
    start = builder.trunc(builder.sub(column, low), _LANE)
    counting = ir.Constant(ir.VectorType(_LANE, count), list(range(count)))
    position = builder.add(counting, _spread_out(builder, start, count))
    return builder.icmp_unsigned(
        "<", position, _spread_out(builder, builder.trunc(span, _LANE), count)
    )


@emitted(lambda array, index, like, mask: like)
def load_inside(builder: Any, array: Any, index: Any, like: Any, mask: Any) -> Any:
    """The numbers from ``array[index]`` on in the mask's lanes, zero in the others."""
    kind = like.type
    pointer = builder.bitcast(place(builder, array, index), kind.as_pointer())
    size, nothing = _LANE(_size(kind)), ir.Constant(kind, None)
    return _call(builder, f"masked.load.{_name(kind)}.p0", kind, pointer, size, mask, nothing)


@emitted(_nothing)
def store_inside(builder: Any, array: Any, index: Any, vector: Any, mask: Any) -> None:
    """Write the mask's lanes; the places of the others are left alone."""
    kind = vector.type
    pointer = builder.bitcast(place(builder, array, index), kind.as_pointer())
    name, size = f"masked.store.{_name(kind)}.p0", _LANE(_size(kind))
    _call(builder, name, ir.VoidType(), vector, pointer, size, mask)


@emitted(lambda first, last: first)
def between(builder: Any, first: Any, last: Any) -> Any:
    """The vector one place after `first` and one before `last`, both loaded from one array, two
    places apart.

    A shuffle inside each 16 bytes, the cheapest there is, instead of a third load that straddles
    cache lines.
    """
    size = first.type.count
    together = 16 // _size(first.type)
    mask = [
        lane + 1 if lane % together < together // 2 else size + lane - 1 for lane in range(size)
    ]
    return builder.shuffle_vector(first, last, ir.Constant(ir.VectorType(_LANE, size), mask))


@emitted(lambda a, b, c, mask: c)
def multiply_add_inside(builder: Any, a: Any, b: Any, c: Any, mask: Any) -> Any:
    """a * b + c in the mask's lanes, c in the others."""
    return builder.select(mask, multiplied_and_added(builder, a, b, c), c)


@emitted(lambda a, b: a)
def add_turned(builder: Any, a: Any, b: Any) -> Any:
    """a + i b, both (real, imaginary) alternating."""
    size = a.type.count
    exchanged = ir.Constant(ir.VectorType(_LANE, size), [lane ^ 1 for lane in range(size)])
    alternating = ir.Constant(a.type, [lane % 2 * 2.0 - 1.0 for lane in range(size)])
    return multiplied_and_added(builder, builder.shuffle_vector(b, b, exchanged), alternating, a)
