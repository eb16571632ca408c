"""The shapes of all values, node by node, by the inference of the onnx package.

The package's inference of whole models allocates what a damaged file asks for: an ``Expand`` to a
shape of 2^60 entries has 2^60 axes. Asked one node at a time, with few axes and sensible sizes, it
cannot.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import Error as ProtobufError
from onnx import NodeProto, TensorProto, TypeProto, ValueInfoProto, numpy_helper

from ._arithmetic import LARGEST, LONGEST, Values, bounded, folded, short, whole
from ._names import DOMAINS, constants, subgraphs, text

Dims = tuple[int | None, ...]
_MOST = 2**16
_FAILURES = (
    onnx.checker.ValidationError,
    onnx.defs.SchemaError,
    onnx.shape_inference.InferenceError,
    ProtobufError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Shapes:
    """Types, shapes and short values by name, those of the graphs around included.

    Parameters
    ----------
    around : Shapes or None
        Those of the graph around.
    opset : int
        Version of ONNX's operators.
    given : dict
        Shapes that the caller gave; they win over all others.
    """

    def __init__(
        self,
        around: Shapes | None = None,
        opset: int = 0,
        given: Mapping[Any, tuple[int, ...]] | None = None,
    ) -> None:
        self.opset: int = around.opset if around else opset
        self.given: Mapping[Any, tuple[int, ...]] = around.given if around else given or {}
        self._types: ChainMap[Any, TypeProto] = around._types.new_child() if around else ChainMap()
        self._values: ChainMap[Any, Values] = around._values.new_child() if around else ChainMap()

    def shape(self, name: Any) -> Dims | None:
        """Dimensions of a value, None for each that is open; None if nothing is known."""
        if name in self.given:
            return self.given[name]
        return dimensions(self._types[name]) if name in self._types else None

    def value(self, name: Any) -> Values | None:
        """The short value of a name, if it is known."""
        return self._values.get(name)

    def declare(self, infos: Iterable[ValueInfoProto]) -> None:
        """Take what the file says of values."""
        for info in infos:
            shape = self.given.get(info.name, dimensions(info.type))
            self._set(info.name, info.type.tensor_type.elem_type, shape)

    def hold(self, tensors: Iterable[TensorProto]) -> None:
        """Take the tensors of the file."""
        for tensor in tensors:
            self._hold(tensor.name, tensor)

    def follow(self, node: NodeProto) -> None:
        """Work out what a node gives, as far as its inputs are known."""
        if node.domain not in DOMAINS or any(subgraphs(node)) or not node.output:
            return
        if node.op_type == "Constant":
            self._hold(node.output[0], *constants(node))
            return
        for name, found in self._inferred(node).items():
            # What the file declares stays where inference leaves a size open.
            known = self.shape(name) or ()
            dims = dimensions(found)
            if dims is not None and len(known) == len(dims):
                dims = tuple(b if a is None else a for a, b in zip(dims, known, strict=True))
            self._set(
                name, found.tensor_type.elem_type, self.given.get(name, dims or known or None)
            )
        values = self._folded(node)
        if values is not None:
            self._values[node.output[0]] = values

    def join(self, node: NodeProto, branches: list[list[TypeProto | None]]) -> None:
        """Give the outputs of an If the type that all its branches agree on."""
        for name, *kinds in zip(node.output, *branches, strict=False):
            kind = kinds[0] if kinds else None
            if kind is not None and all(other == kind for other in kinds):
                self._types[name] = kind

    def types(self, names: Iterable[Any]) -> list[TypeProto | None]:
        """What is known of each name."""
        return [self._types.get(name) for name in names]

    def _hold(self, name: Any, *tensors: TensorProto) -> None:
        """Take a tensor of the file, if there is one."""
        for tensor in tensors:
            self._set(name, tensor.data_type, tuple(tensor.dims))
            values = short(tensor)
            if values is not None:
                self._values[name] = values

    def _set(self, name: Any, elem_type: int, shape: Dims | None) -> None:
        """Note a type, without more axes or larger sizes than a tensor can have."""
        kind = TypeProto()
        kind.tensor_type.elem_type = elem_type
        # A list of integers may be the shape of something: it must not be long.
        listing = elem_type in (TensorProto.INT32, TensorProto.INT64) and len(shape or ()) == 1
        limit = LONGEST if listing else LARGEST
        if shape is not None and len(shape) <= LONGEST:
            kind.tensor_type.shape.SetInParent()
            for size in shape:
                dim = kind.tensor_type.shape.dim.add()
                if size is not None and 0 < size <= limit:
                    dim.dim_value = size
        self._types[name] = kind

    def _inferred(self, node: NodeProto) -> dict[Any, TypeProto]:
        """The types of a node's outputs; nothing for an input unknown or an attribute absurd."""
        if node.op_type != "Slice" and _is_absurd(node):
            return {}
        names = [name for name in node.input if name]
        try:
            schema = onnx.defs.get_schema(text(node.op_type), self.opset, "")
            found: dict[Any, TypeProto] = onnx.shape_inference.infer_node_outputs(
                schema,
                node,
                {name: self._types[name] for name in names},
                {n: numpy_helper.from_array(self._values[n]) for n in names if n in self._values},
                opset_imports=[onnx.helper.make_opsetid("", self.opset)],
            )
        except _FAILURES:
            return {}
        return found

    def _folded(self, node: NodeProto) -> Values | None:
        """The short value that a node gives."""
        if node.op_type != "Shape":
            if any(name and name not in self._values for name in node.input):
                return None
            return folded(node, [self._values[name] if name else None for name in node.input])
        shape = self.shape(node.input[0]) if node.input else None
        if shape is None or None in shape:
            return None
        part = slice(whole(node, "start", 0), whole(node, "end", len(shape)))
        return bounded(np.array(shape, np.int64)[part])


def _is_absurd(node: NodeProto) -> bool:
    """Whether an attribute counts further than a stride, pad or number of outputs does; only an old
    Slice says "to the end" with the largest integer.
    """
    return any(abs(number) > _MOST for a in node.attribute for number in (a.i, *a.ints))


def dimensions(kind: TypeProto) -> Dims | None:
    """The dimensions that a type states; None for each that is open."""
    if not kind.tensor_type.HasField("shape"):
        return None
    dims = kind.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.dim_value > 0 else None for dim in dims)
