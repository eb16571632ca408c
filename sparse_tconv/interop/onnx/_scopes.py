"""The names of a graph: what is constant, what a node computes, and of which shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto

from ...errors import DTypeError, GeometryError
from ._constants import RULES, derived
from ._names import DOMAINS, constants, subgraphs, text
from ._shapes import Shapes
from ._tensors import frozen, tensor_array, unknown_type

OPERATORS = ("Conv", "ConvTranspose")
_DEEPEST = 32  # nodes one behind the other that make a weight
_MOST_FOLLOWED = 2**21  # names, far more than models have nodes


@dataclass
class Ledger:
    """Bytes of constants that were read, and of what was made of them: a small file cannot ask for
    many copies of its largest tensor.
    """

    read: int = 0
    made: int = 0
    followed: int = 0  # names; those of constants count once, those of others each time

    def is_spent(self) -> bool:
        """Whether one more node that cannot be read is too many."""
        return self.is_exceeded() or self.followed > _MOST_FOLLOWED

    def is_exceeded(self) -> bool:
        """Whether far more was made than read."""
        return self.made > 64 * self.read + 2**20


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
    dtype : numpy.dtype or None
        What weights are converted to.
    """

    parent: Scope | None
    folder: Path | None
    given: dict[str, NDArray[Any]]
    shapes: Shapes
    dtype: np.dtype[Any] | None = None
    ledger: Ledger = field(default_factory=Ledger)
    tensors: dict[Any, TensorProto] = field(default_factory=dict)
    makers: dict[Any, NodeProto] = field(default_factory=dict)
    inputs: set[Any] = field(default_factory=set)
    arrays: dict[Any, NDArray[Any]] = field(default_factory=dict)

    def convolutions(self, graph: GraphProto, trust: bool) -> Iterator[tuple[NodeProto, Scope]]:
        """Every convolution of a graph with the names it sees, depth first, those too that are not
        read; with `trust`, the inner shapes that the file declares count.
        """
        self.tensors.update((tensor.name, tensor) for tensor in graph.initializer)
        self.inputs.update(info.name for info in graph.input)
        self.shapes.declare(graph.input)
        if trust:
            self.shapes.declare((*graph.value_info, *graph.output))
        self.shapes.hold(graph.initializer)
        for node in graph.node:
            if "conv" in text(node.op_type).lower():
                yield node, self
            self.shapes.follow(node)
            branches = []
            for inner in subgraphs(node):
                shapes = Shapes(self.shapes)
                scope = Scope(self, self.folder, self.given, shapes, self.dtype, self.ledger)
                yield from scope.convolutions(inner, trust)
                branches.append(shapes.types(info.name for info in inner.output))
            if node.op_type == "If":
                self.shapes.join(node, branches)
            self.makers.update((name, node) for name in node.output)

    def maker(self, name: Any) -> NodeProto | None:
        """The node that gives a value, if one does."""
        return self._owner(name).makers.get(name)

    def array(self, name: Any) -> NDArray[Any]:
        """The value of a name that is constant, frozen, in the dtype asked for or a float type."""
        found = self._constant(name, 0)
        if self.dtype is None:
            if found.dtype not in (np.float32, np.float64) and name not in self.given:
                raise unknown_type(text(name), found.dtype.name.upper())
            return found
        if found.dtype != self.dtype:
            found = self._owner(name).arrays[name] = self._made(name, found.astype(self.dtype))
        return found

    def _constant(self, name: Any, depth: int) -> NDArray[Any]:
        """The value of a constant, read from the file or worked out once."""
        way: list[tuple[Scope, Any]] = []  # the names that stand for the same value
        seen: set[Any] = set()
        while name not in self.given:
            owner = self._owner(name)
            self.ledger.followed += 1
            if name in owner.arrays:
                found = owner.arrays[name]
                break
            way.append((owner, name))
            maker = owner.makers.get(name)
            tensors = [owner.tensors[name]] if name in owner.tensors else []
            if not tensors and maker is None:
                raise _absent(text(name), name in owner.inputs)
            if maker is not None and not tensors:
                if maker.domain not in DOMAINS or maker.op_type not in (
                    "Constant",
                    "Identity",
                    *RULES,
                ):
                    raise _computed(text(name), maker)
                if maker.op_type in RULES:
                    found = owner._worked_out(name, maker, depth)
                    break
                if maker.op_type == "Identity":
                    if name in seen or not maker.input:
                        raise _computed(text(name), maker)
                    seen.add(name)
                    name = maker.input[0]
                    continue
                tensors = _held(text(name), maker)
            loose = depth > 0 or self.dtype is not None
            found = tensor_array(tensors[0], text(name), self.folder, loose)
            self.ledger.read += found.nbytes
            break
        else:
            found = self.given[name]
            self.ledger.read += found.nbytes
        for owner, known in way:
            owner.arrays[known] = found
        return found

    def _worked_out(self, name: Any, maker: NodeProto, depth: int) -> NDArray[Any]:
        """What a node makes of constants."""
        if depth >= _DEEPEST:
            raise _computed(text(name), maker)
        try:
            inputs = [self._constant(n, depth + 1) for n in maker.input if n]
        except (GeometryError, DTypeError) as error:
            raise _computed(text(name), maker) from error
        found = derived(maker, inputs)
        if found is None:
            raise _computed(text(name), maker)
        return self._made(name, found)

    def _made(self, name: Any, array: NDArray[Any]) -> NDArray[Any]:
        """An array that was worked out, frozen, as long as they are not too many."""
        self.ledger.made += array.nbytes
        if self.ledger.is_exceeded():
            raise GeometryError(
                f"`model` must not make more than 64 times its constants of them; got {self.ledger.made} bytes of "
                f"{self.ledger.read} by {text(name)!r}. The file is damaged; pass inputs={{name: array}}."
            )
        return frozen(array)

    def _owner(self, name: Any) -> Scope:
        """The innermost graph that knows a name; the outermost for a name that none knows."""
        known = name in self.tensors or name in self.makers or name in self.inputs
        return self if known or self.parent is None else self.parent._owner(name)


def _held(name: str, node: NodeProto) -> list[TensorProto]:
    """The tensor of a Constant node."""
    found = list(constants(node))
    if found:
        return found
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
