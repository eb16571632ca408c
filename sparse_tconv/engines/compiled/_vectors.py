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
from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

_FEATURES = binding.get_host_cpu_features()
REGISTER_BITS = 512 if _FEATURES.get("avx512f") else 256 if _FEATURES.get("avx2") else 128
# Registers: two of these accumulators hide the latency of multiply-adds and leave registers for
# operands.
_WIDE = 4
_HALF = 2  # for rows shorter than a wide vector

_LANE = ir.IntType(32)


class VectorType(types.Type):  # type: ignore[misc]
    """Numba's type of a vector: `lanes` numbers of one kind."""

    def __init__(self, number: Any, lanes: int) -> None:
        self.number = number
        self.lanes = lanes
        super().__init__(f"Vector({number}, {lanes})")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: VectorType) -> None:
        number = manager.lookup(kind.number).get_value_type()
        super().__init__(manager, kind, ir.VectorType(number, kind.lanes))


class MaskType(types.Type):  # type: ignore[misc]
    """Numba's type of a choice of lanes."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(f"Mask({lanes})")


@register_model(MaskType)
class _MaskModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: MaskType) -> None:
        super().__init__(manager, kind, ir.VectorType(ir.IntType(1), kind.lanes))


def address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Where ``array[index]`` is; indices are never negative, and nothing is checked."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


def spread_out(builder: Any, scalar: Any, lanes: int) -> Any:
    """A vector of equal numbers."""
    kind = ir.VectorType(scalar.type, lanes)
    undefined = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(undefined, scalar, _LANE(0))
    return builder.shuffle_vector(
        one, undefined, ir.Constant(ir.VectorType(_LANE, lanes), [0] * lanes)
    )


def _name(kind: Any) -> str:
    """LLVM's own short name of a vector type, as intrinsics carry it."""
    return f"v{kind.count}{_FLOATS[type(kind.element)]}"


_FLOATS = {ir.FloatType: "f32", ir.DoubleType: "f64"}


def _declared(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), name)


def multiplied_and_added(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, in one rounding where the machine can."""
    kind = a.type
    return builder.call(
        _declared(builder, f"llvm.fmuladd.{_name(kind)}", kind, [kind] * 3), [a, b, c]
    )


def _zeros(registers: int) -> Callable[..., Any]:
    def zeros(context: Any, array: Any) -> Any:
        kind = VectorType(array.dtype, registers * REGISTER_BITS // array.dtype.bitwidth)
        return kind(array), lambda context, builder, signature, arguments: ir.Constant(
            context.get_value_type(kind), None
        )

    return zeros


wide = intrinsic(_zeros(_WIDE))
wide.__doc__ = """``wide(array)``: a wide vector of zeros, of the array's numbers."""
half = intrinsic(_zeros(_HALF))
half.__doc__ = """``half(array)``: a vector of zeros half as wide."""
single = intrinsic(_zeros(1))
single.__doc__ = """``single(array)``: one register of zeros."""


@intrinsic
def lanes(context: Any, vector: Any) -> Any:
    """How many numbers a vector holds."""
    return types.intp(vector), lambda context, builder, signature, arguments: ir.Constant(
        context.get_value_type(types.intp), vector.lanes
    )


@intrinsic
def number(context: Any, array: Any, index: Any) -> Any:
    """``array[index]`` without the test for a negative index."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(address(context, builder, array, *arguments))

    return array.dtype(array, types.intp), generate


@intrinsic
def spread(context: Any, array: Any, index: Any, like: Any) -> Any:
    """A vector of copies of ``array[index]``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return spread_out(
            builder, builder.load(address(context, builder, array, *arguments[:2])), like.lanes
        )

    return like(array, types.intp, like), generate


@intrinsic
def load(context: Any, array: Any, index: Any, like: Any) -> Any:
    """The numbers from ``array[index]`` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(like)
        place = address(context, builder, array, *arguments[:2])
        loaded = builder.load(builder.bitcast(place, kind.as_pointer()))
        loaded.align = like.number.bitwidth // 8
        return loaded

    return like(array, types.intp, like), generate


@intrinsic
def inside(context: Any, like: Any, column: Any, low: Any, span: Any) -> Any:
    """The lanes with ``low <= column + lane < low + span``; rows are shorter than 2**31."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, column, low, span = arguments
        start = builder.trunc(builder.sub(column, low), _LANE)
        counting = ir.Constant(ir.VectorType(_LANE, like.lanes), list(range(like.lanes)))
        place = builder.add(counting, spread_out(builder, start, like.lanes))
        return builder.icmp_unsigned(
            "<", place, spread_out(builder, builder.trunc(span, _LANE), like.lanes)
        )

    return MaskType(like.lanes)(like, types.intp, types.intp, types.intp), generate


@intrinsic
def load_inside(context: Any, array: Any, index: Any, like: Any, mask: Any) -> Any:
    """The numbers from ``array[index]`` on in the mask's lanes, zero in the others."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(like)
        pointer = kind.as_pointer()
        place = builder.bitcast(address(context, builder, array, *arguments[:2]), pointer)
        chosen = arguments[3]
        function = _declared(
            builder, f"llvm.masked.load.{_name(kind)}.p0", kind, [pointer, _LANE, chosen.type, kind]
        )
        size = _LANE(like.number.bitwidth // 8)
        return builder.call(function, [place, size, chosen, ir.Constant(kind, None)])

    return like(array, types.intp, like, mask), generate


@intrinsic
def between(context: Any, first: Any, last: Any) -> Any:
    """The vector one place after `first` and one before `last`, both loaded from one array, two
    places apart.

    A shuffle inside each 16 bytes, the cheapest there is, instead of a third load that straddles
    cache lines.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        size = first.lanes
        together = max(128 // first.number.bitwidth, 2)
        mask = [
            lane + 1 if lane % together < together // 2 else size + lane - 1 for lane in range(size)
        ]
        return builder.shuffle_vector(*arguments, ir.Constant(ir.VectorType(_LANE, size), mask))

    return first(first, first), generate


@intrinsic
def store(context: Any, array: Any, index: Any, vector: Any) -> Any:
    """Write a vector to ``array[index]`` and the places after it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = address(context, builder, array, *arguments[:2])
        stored = builder.store(arguments[2], builder.bitcast(place, arguments[2].type.as_pointer()))
        stored.align = vector.number.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@intrinsic
def store_inside(context: Any, array: Any, index: Any, vector: Any, mask: Any) -> Any:
    """Write the mask's lanes; the places of the others are left alone."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, chosen = arguments[2].type, arguments[3]
        pointer = kind.as_pointer()
        place = builder.bitcast(address(context, builder, array, *arguments[:2]), pointer)
        name = f"llvm.masked.store.{_name(kind)}.p0"
        function = _declared(builder, name, ir.VoidType(), [kind, pointer, _LANE, chosen.type])
        builder.call(function, [arguments[2], place, _LANE(vector.number.bitwidth // 8), chosen])
        return context.get_dummy_value()

    return types.void(array, types.intp, vector, mask), generate


@intrinsic
def multiply_add(context: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c."""
    return c(c, c, c), lambda context, builder, signature, arguments: multiplied_and_added(
        builder, *arguments
    )


@intrinsic
def multiply_add_inside(context: Any, a: Any, b: Any, c: Any, mask: Any) -> Any:
    """a * b + c in the mask's lanes, c in the others."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(
            arguments[3], multiplied_and_added(builder, *arguments[:3]), arguments[2]
        )

    return c(c, c, c, mask), generate


@intrinsic
def add_turned(context: Any, a: Any, b: Any) -> Any:
    """a + i b, both (real, imaginary) alternating."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first, second = arguments
        exchanged = [lane ^ 1 for lane in range(a.lanes)]
        turned = builder.shuffle_vector(
            second, second, ir.Constant(ir.VectorType(_LANE, a.lanes), exchanged)
        )
        alternating = [lane % 2 * 2.0 - 1.0 for lane in range(a.lanes)]
        return multiplied_and_added(builder, turned, ir.Constant(first.type, alternating), first)

    return a(a, a), generate


@intrinsic
def put(context: Any, array: Any, index: Any, value: Any) -> Any:
    """``array[index] = value`` without the test for a negative index; `value` is of the array's
    type.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], address(context, builder, array, *arguments[:2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), generate
