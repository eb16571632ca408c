"""The few numbers that say how large something is: short constants, and sums over shapes.

Exporters write the size of an image as ``Concat(Mul(Gather(Shape(x), 2), 2), ...)``. What such
nodes give is worked out here for lists of at most 64 numbers; everything else is left open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, NodeProto, TensorProto

Values = NDArray[Any]

LONGEST = 64  # numbers; no tensor has so many axes
LARGEST = 2**40  # a size beyond it is damage

_DTYPES = {
    TensorProto.FLOAT: ("<f4", "float_data"),
    TensorProto.DOUBLE: ("<f8", "double_data"),
    TensorProto.INT32: ("<i4", "int32_data"),
    TensorProto.INT64: ("<i8", "int64_data"),
}


def short(tensor: TensorProto) -> Values | None:
    """The values of a short tensor with at most one axis."""
    dims = tuple(tensor.dims)
    if len(dims) > 1 or tensor.data_type not in _DTYPES or not 0 <= sum(dims) <= LONGEST:
        return None
    if tensor.data_location == TensorProto.EXTERNAL:
        return None
    code, field = _DTYPES[tensor.data_type]
    count = dims[0] if dims else 1
    if tensor.HasField("raw_data"):
        if len(tensor.raw_data) != count * np.dtype(code).itemsize:
            return None
        return bounded(np.frombuffer(tensor.raw_data, code).reshape(dims))
    values = getattr(tensor, field)
    return bounded(np.array(values, code).reshape(dims)) if len(values) == count else None


def bounded(values: Values) -> Values | None:
    """Values that are few and of sensible size, or None."""
    few = values.ndim <= 1 and values.size <= LONGEST
    return values if few and bool((abs(values.astype(float)) <= LARGEST).all()) else None


def folded(node: NodeProto, inputs: list[Values]) -> Values | None:
    """What a node gives for short inputs, all known; None for what is not worked out here."""
    rule = _RULES.get(node.op_type)
    if rule is None or not inputs:
        return None
    try:
        with np.errstate(all="ignore"):
            return bounded(np.asarray(rule(node, *inputs)))
    except (LookupError, TypeError, ValueError):
        return None  # a damaged node; its output stays open


def whole(node: NodeProto, name: str, default: int) -> int:
    """An int attribute of a node."""
    for attribute in node.attribute:
        if attribute.name == name and attribute.type == AttributeProto.INT:
            return int(attribute.i)
    return default


def _cast(node: NodeProto, x: Values) -> Values:
    return x.astype(_DTYPES[whole(node, "to", 0)][0])


def _gather(node: NodeProto, x: Values, index: Values) -> Values:
    return np.take(x, index, axis=whole(node, "axis", 0))


def _slice(node: NodeProto, x: Values, start: Values, stop: Values, *rest: Values) -> Values:
    step = rest[1].item() if len(rest) > 1 else 1
    return x[start.item() : stop.item() : step]


def _divide(node: NodeProto, a: Values, b: Values) -> Values:
    whole_numbers = a.dtype.kind == "i" and b.dtype.kind == "i"
    return np.trunc(a / b).astype(a.dtype) if whole_numbers else a / b


_RULES: dict[str, Callable[..., Any]] = {
    "Add": lambda node, a, b: a + b,
    "Cast": _cast,
    "Ceil": lambda node, x: np.ceil(x),
    "Concat": lambda node, *parts: np.concatenate(parts),
    "Div": _divide,
    "Floor": lambda node, x: np.floor(x),
    "Gather": _gather,
    "Identity": lambda node, x: x,
    "Mul": lambda node, a, b: a * b,
    "Slice": _slice,
    "Squeeze": lambda node, x, *axes: x.reshape(()),
    "Sub": lambda node, a, b: a - b,
    "Unsqueeze": lambda node, x, *axes: x.reshape(1),
}
