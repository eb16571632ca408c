"""The few numbers that say how large something is: short constants, and what is worked out of them.

Exporters write the size of an image as ``Concat(Mul(Gather(Shape(x), 2), 2), ...)``, and its pads as
``Reshape(Transpose(Slice(Reshape(Concat(...)))))``. What such nodes give is worked out here for at
most 64 numbers; everything else is left open.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, NodeProto, TensorProto

Values = NDArray[Any]

LONGEST = 64  # numbers; no tensor has so many axes
LARGEST = 2**40  # a size beyond it is damage

_MOST_AXES = 8
_TO_THE_END = (
    2**63 - 1
)  # what a Slice without an end has; cut to LARGEST, as far as anything reaches

_DTYPES = {
    TensorProto.FLOAT: ("<f4", "float_data"),
    TensorProto.DOUBLE: ("<f8", "double_data"),
    TensorProto.INT32: ("<i4", "int32_data"),
    TensorProto.INT64: ("<i8", "int64_data"),
    TensorProto.BOOL: ("|b1", "int32_data"),
}


def short(tensor: TensorProto) -> Values | None:
    """The values of a short tensor."""
    dims = tuple(tensor.dims)
    if len(dims) > _MOST_AXES or tensor.data_type not in _DTYPES:
        return None
    if min(dims, default=0) < 0 or prod(dims) > LONGEST:
        return None
    if tensor.data_location == TensorProto.EXTERNAL:
        return None
    code, field = _DTYPES[tensor.data_type]
    count = prod(dims)
    if tensor.HasField("raw_data"):
        if len(tensor.raw_data) != count * np.dtype(code).itemsize:
            return None
        return bounded(_cut(np.frombuffer(tensor.raw_data, code).reshape(dims)))
    values = getattr(tensor, field)
    return bounded(_cut(np.array(values, code).reshape(dims))) if len(values) == count else None


def _cut(values: Values) -> Values:
    """Values whose largest integers, which say "to the end", are sensible."""
    if values.dtype.kind != "i" or not np.isin(values, (_TO_THE_END, -_TO_THE_END)).any():
        return values
    return np.clip(values, -LARGEST, LARGEST)


def bounded(values: Values) -> Values | None:
    """Values that are few and of sensible size, or None."""
    few = values.ndim <= _MOST_AXES and values.size <= LONGEST
    return values if few and bool((abs(values.astype(float)) <= LARGEST).all()) else None


def folded(node: NodeProto, inputs: list[Values | None]) -> Values | None:
    """What a node gives for short inputs, all known, None for one left out; None for what is not
    worked out here.
    """
    rule = _RULES.get(node.op_type)
    if rule is None or not inputs or len(inputs) > LONGEST:
        return None
    try:
        with np.errstate(all="ignore"):
            return bounded(np.asarray(rule(node, *inputs)))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # a damaged node; its output stays open


def whole(node: NodeProto, name: str, default: int) -> int:
    """An int attribute of a node."""
    for attribute in node.attribute:
        if attribute.name == name and attribute.type == AttributeProto.INT:
            return int(attribute.i)
    return default


def several(node: NodeProto, name: str) -> list[int] | None:
    """A short attribute of ints, if the node has it."""
    for attribute in node.attribute:
        if attribute.name == name and attribute.type == AttributeProto.INTS:
            return [int(number) for number in attribute.ints[: LONGEST + 1]]
    return None


def _cast(node: NodeProto, x: Values) -> Values:
    return x.astype(_DTYPES[whole(node, "to", 0)][0])


def _constant_of_shape(node: NodeProto, shape: Values) -> Values:
    sizes = _sizes(shape)
    for attribute in node.attribute:
        if attribute.name == "value":
            value = short(attribute.t)
            return np.full(sizes, value.item(), value.dtype)  # type: ignore[union-attr]
    return np.zeros(sizes, np.float32)


def _expand(node: NodeProto, x: Values, shape: Values) -> Values:
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, _sizes(shape)))


def _sizes(shape: Values) -> tuple[int, ...]:
    """A shape of few entries."""
    sizes = tuple(int(size) for size in shape)
    if len(sizes) > _MOST_AXES or min(sizes, default=0) < 0 or prod(sizes) > LONGEST:
        raise ValueError
    return sizes


def _gather(node: NodeProto, x: Values, index: Values) -> Values:
    return np.take(x, index, axis=whole(node, "axis", 0))


def _concat(node: NodeProto, *parts: Values) -> Values:
    return np.concatenate(parts, whole(node, "axis", 0))


def slices(node: NodeProto, inputs: list[Values | None], ndim: int) -> tuple[slice, ...]:
    """What a Slice takes of each axis; its arguments are attributes up to version 9."""
    starts, ends = (several(node, name) for name in ("starts", "ends"))
    axes, steps = several(node, "axes"), None
    if starts is None or ends is None:
        given = [None if values is None else [int(v) for v in values] for values in inputs]
        starts, ends, axes, steps = (*given, None, None)[:4]
    taken = [slice(None)] * ndim
    for place, axis in enumerate(range(len(starts or ())) if axes is None else axes):
        step = 1 if steps is None else steps[place]
        end: int | None = (ends or ())[place]
        # Counting down, an end before the first entry is none; -1 would be the last one.
        if step < 0 and end is not None and end <= -LARGEST // 2:
            end = None
        taken[axis] = slice((starts or ())[place], end, step)
    return tuple(taken)


def _slice(node: NodeProto, x: Values, *inputs: Values | None) -> Values:
    return x[slices(node, list(inputs), x.ndim)]


def _reshape(node: NodeProto, x: Values, shape: Values) -> Values:
    sizes = [int(size) for size in shape]
    if not whole(node, "allowzero", 0):
        sizes = [x.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    return x.reshape(sizes)


def _transpose(node: NodeProto, x: Values) -> Values:
    return x.transpose(several(node, "perm"))


def _axes(node: NodeProto, axes: Values | None) -> tuple[int, ...] | None:
    """The axes of a node, an attribute or an input."""
    found = several(node, "axes") if axes is None else axes
    return None if found is None else tuple(int(axis) for axis in found)


def _squeeze(node: NodeProto, x: Values, axes: Values | None = None) -> Values:
    return np.squeeze(x, _axes(node, axes))


def _unsqueeze(node: NodeProto, x: Values, axes: Values | None = None) -> Values:
    return np.expand_dims(x, _axes(node, axes) or ())


def _range(node: NodeProto, start: Values, stop: Values, step: Values) -> Values:
    count = max(0, int(np.ceil((stop - start) / step)))
    if count > LONGEST:
        raise ValueError
    return start + np.arange(count, dtype=start.dtype) * step


def _reduced(function: Callable[..., Any]) -> Callable[..., Values]:
    def rule(node: NodeProto, x: Values, axes: Values | None = None) -> Values:
        kept = bool(whole(node, "keepdims", 1))
        return np.asarray(function(x, axis=_axes(node, axes), keepdims=kept, dtype=x.dtype))

    return rule


def _divide(node: NodeProto, a: Values, b: Values) -> Values:
    whole_numbers = a.dtype.kind == "i" and b.dtype.kind == "i"
    return np.trunc(a / b).astype(a.dtype) if whole_numbers else a / b


def _modulo(node: NodeProto, a: Values, b: Values) -> Values:
    return np.fmod(a, b) if whole(node, "fmod", 0) else np.mod(a, b)


def _elementwise(function: Callable[..., Any]) -> Callable[..., Values]:
    return lambda node, *inputs: function(*inputs)


_RULES: dict[str, Callable[..., Any]] = {
    "Abs": _elementwise(np.abs),
    "Add": _elementwise(np.add),
    "And": _elementwise(np.logical_and),
    "Cast": _cast,
    "Ceil": _elementwise(np.ceil),
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Div": _divide,
    "Equal": _elementwise(np.equal),
    "Expand": _expand,
    "Floor": _elementwise(np.floor),
    "Gather": _gather,
    "Greater": _elementwise(np.greater),
    "GreaterOrEqual": _elementwise(np.greater_equal),
    "Identity": lambda node, x: x,
    "Less": _elementwise(np.less),
    "LessOrEqual": _elementwise(np.less_equal),
    "Max": lambda node, *parts: reduce(np.maximum, parts),
    "Min": lambda node, *parts: reduce(np.minimum, parts),
    "Mod": _modulo,
    "Mul": _elementwise(np.multiply),
    "Neg": _elementwise(np.negative),
    "Not": _elementwise(np.logical_not),
    "Or": _elementwise(np.logical_or),
    "Range": _range,
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "Reshape": _reshape,
    "Round": _elementwise(np.round),
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": _elementwise(np.subtract),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _elementwise(np.where),
}
