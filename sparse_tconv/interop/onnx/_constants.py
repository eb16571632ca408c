"""Weights that a model works out of its own constants: quantized, cast, transposed, scaled.

No result has more entries than the largest of what it is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto

from ._arithmetic import several, whole

Array = NDArray[Any]

_TYPES = {
    TensorProto.FLOAT: np.float32,
    TensorProto.DOUBLE: np.float64,
    TensorProto.FLOAT16: np.float16,
    TensorProto.INT8: np.int8,
    TensorProto.UINT8: np.uint8,
    TensorProto.INT32: np.int32,
    TensorProto.INT64: np.int64,
}


def derived(node: NodeProto, inputs: list[Array]) -> Array | None:
    """What a node gives for constants; None for what is not worked out."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(RULES[node.op_type](node, *inputs))
    except (LookupError, TypeError, ValueError):
        return None  # a damaged node, or one that this library does not know


def _cast(node: NodeProto, x: Array) -> Array:
    return x.astype(_TYPES[whole(node, "to", 0)])


def _dequantize(node: NodeProto, x: Array, scale: Array, zero: Array | None = None) -> Array:
    """(x - zero) * scale, of the whole tensor or along an axis."""
    if whole(node, "block_size", 0) or x.dtype.kind not in "iu" or scale.ndim > 1:
        raise ValueError
    along = scale
    if scale.size > 1:
        sides = [1] * x.ndim
        sides[whole(node, "axis", 1)] = scale.size
        along = scale.reshape(sides)
    shifted = x.astype(np.int64)
    if zero is not None:
        shifted -= zero.astype(np.int64).reshape(along.shape if zero.size > 1 else ())
    return shifted.astype(scale.dtype) * (along if scale.size > 1 else scale.reshape(()))


def _reshape(node: NodeProto, x: Array, shape: Array) -> Array:
    sizes = [int(size) for size in shape]
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)])


def _broadcast(function: Callable[..., Any]) -> Callable[..., Array]:
    def rule(node: NodeProto, a: Array, b: Array) -> Array:
        if np.broadcast_shapes(a.shape, b.shape) not in (a.shape, b.shape):
            raise ValueError
        return np.asarray(function(a, b))

    return rule


def _axes(node: NodeProto, axes: Array | None) -> tuple[int, ...] | None:
    found = several(node, "axes") if axes is None else axes
    return None if found is None else tuple(int(axis) for axis in found)


RULES: dict[str, Callable[..., Any]] = {
    "Add": _broadcast(np.add),
    "Cast": _cast,
    "DequantizeLinear": _dequantize,
    "Div": _broadcast(np.divide),
    "Mul": _broadcast(np.multiply),
    "Neg": lambda node, x: -x,
    "Reshape": _reshape,
    "Squeeze": lambda node, x, axes=None: np.squeeze(x, _axes(node, axes)),
    "Sub": _broadcast(np.subtract),
    "Transpose": lambda node, x: x.transpose(several(node, "perm")),
    "Unsqueeze": lambda node, x, axes=None: np.expand_dims(x, _axes(node, axes) or ()),
}
