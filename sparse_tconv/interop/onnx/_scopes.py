"""The names of a graph: what is constant, what a node computes, and of which shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto

from ...errors import GeometryError
from ._names import DOMAINS, constants, subgraphs, text
from ._shapes import Shapes
from ._tensors import tensor_array

OPERATORS = ("Conv", "ConvTranspose")


@dataclass
class Scope:
    """A graph's names, and those of the graphs around it.

    Parameters
    ----------
    parent : Scope or None
        The graph around this one.
    folder : Path or None
        Where external data may be.
    given : dict
        Arrays that the caller gave by name.
    shapes : Shapes
        What is known of the shapes here.
    """

    parent: Scope | None
    folder: Path | None
    given: dict[str, NDArray[Any]]
    shapes: Shapes
    tensors: dict[Any, TensorProto] = field(default_factory=dict)
    makers: dict[Any, NodeProto] = field(default_factory=dict)
    inputs: set[Any] = field(default_factory=set)
    arrays: dict[Any, NDArray[Any]] = field(default_factory=dict)

    def convolutions(self, graph: GraphProto, trust: bool) -> Iterator[tuple[NodeProto, Scope]]:
        """Every convolution of a graph with the names it sees, depth first; with `trust`, the inner
        shapes that the file declares count.
        """
        self.tensors.update((tensor.name, tensor) for tensor in graph.initializer)
        self.inputs.update(info.name for info in graph.input)
        self.shapes.declare(graph.input)
        if trust:
            self.shapes.declare((*graph.value_info, *graph.output))
        self.shapes.hold(graph.initializer)
        for node in graph.node:
            if node.op_type in OPERATORS and node.domain in DOMAINS:
                yield node, self
            self.shapes.follow(node)
            branches = []
            for inner in subgraphs(node):
                shapes = Shapes(self.shapes)
                yield from Scope(self, self.folder, self.given, shapes).convolutions(inner, trust)
                branches.append(shapes.types(info.name for info in inner.output))
            if node.op_type == "If":
                self.shapes.join(node, branches)
            self.makers.update((name, node) for name in node.output)

    def array(self, name: Any) -> NDArray[Any]:
        """The value of a name that is constant, frozen, and read from the file once."""
        way: list[tuple[Scope, Any]] = []  # the names that stand for the same value
        seen: set[Any] = set()
        while name not in self.given:
            owner = self._owner(name)
            if name in owner.arrays:
                found = owner.arrays[name]
                break
            way.append((owner, name))
            if name in owner.tensors:
                found = tensor_array(owner.tensors[name], text(name), self.folder)
                break
            maker = owner.makers.get(name)
            if maker is None:
                raise _absent(text(name), name in owner.inputs)
            if maker.domain not in DOMAINS or maker.op_type not in ("Constant", "Identity"):
                raise _computed(text(name), maker)
            if maker.op_type == "Constant":
                found = _constant(text(name), maker, self.folder)
                break
            if name in seen or not maker.input:
                raise _computed(text(name), maker)
            seen.add(name)
            name = maker.input[0]
        else:
            found = self.given[name]
        for owner, known in way:
            owner.arrays[known] = found
        return found

    def _owner(self, name: Any) -> Scope:
        """The innermost graph that knows a name; the outermost for a name that none knows."""
        known = name in self.tensors or name in self.makers or name in self.inputs
        return self if known or self.parent is None else self.parent._owner(name)


def _constant(name: str, node: NodeProto, folder: Path | None) -> NDArray[Any]:
    """The tensor of a Constant node."""
    for tensor in constants(node):
        return tensor_array(tensor, name, folder)
    raise GeometryError(
        f"`model` must hold weights as dense tensors; got a Constant without one for {name!r}. "
        f"Pass inputs={{{name!r}: array}}."
    )


def _absent(name: str, is_input: bool) -> GeometryError:
    """Nothing in the file says what a weight is."""
    if is_input:
        return GeometryError(
            f"`inputs` must give {name!r}, a weight or bias that the model takes as an input; got nothing for it. "
            f"Pass inputs={{{name!r}: array}}."
        )
    return GeometryError(
        f"`model` must hold {name!r}, a weight or bias that one of its nodes reads; got no such initializer. "
        f"The file is incomplete; pass inputs={{{name!r}: array}}."
    )


def _computed(name: str, maker: NodeProto) -> GeometryError:
    """A weight is known only when the model runs."""
    return GeometryError(
        f"`inputs` must give {name!r}, a weight or bias that the model computes with a node of type "
        f"{text(maker.op_type)}; got nothing for it. Nothing is run: pass inputs={{{name!r}: array}}."
    )
