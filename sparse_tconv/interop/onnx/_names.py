"""What a node or a name of a graph is, read off the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from onnx import AttributeProto, GraphProto, NodeProto, TensorProto

DOMAINS = ("", "ai.onnx")


def text(name: Any) -> str:
    """A name as text; protobuf gives bytes for what is not UTF-8."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs inside a node: branches of If, bodies of Loop and Scan."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == AttributeProto.GRAPHS:
            yield from attribute.graphs


def constants(node: NodeProto) -> Iterator[TensorProto]:
    """The tensor of a Constant node, if it has one that is dense."""
    for attribute in node.attribute:
        if attribute.name == "value" and attribute.type == AttributeProto.TENSOR:
            yield attribute.t
        elif attribute.name == "value_ints" and attribute.type == AttributeProto.INTS:
            yield _listed(TensorProto(int64_data=attribute.ints), len(attribute.ints))
        elif attribute.name == "value_int" and attribute.type == AttributeProto.INT:
            yield _listed(TensorProto(int64_data=[attribute.i]))
        elif attribute.name == "value_floats" and attribute.type == AttributeProto.FLOATS:
            yield _listed(TensorProto(float_data=attribute.floats), len(attribute.floats))
        elif attribute.name == "value_float" and attribute.type == AttributeProto.FLOAT:
            yield _listed(TensorProto(float_data=[attribute.f]))


def _listed(tensor: TensorProto, *dims: int) -> TensorProto:
    """Numbers written in an attribute, as a tensor."""
    tensor.dims.extend(dims)
    tensor.data_type = TensorProto.INT64 if tensor.int64_data else TensorProto.FLOAT
    return tensor
