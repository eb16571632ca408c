"""A graph followed at a point: values, and what depends on the inputs by which operators."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import torch

from ...errors import DTypeError
from ._derivatives import Call, links, unknown
from ._tape import Edge


class Steps:
    """The steps of a tape, as a graph is followed at the point.

    Parameters
    ----------
    samples : sequence of torch.Tensor
        The point.
    dtype : numpy.dtype
        Of the operators.
    """

    def __init__(self, samples: Sequence[torch.Tensor], dtype: Any) -> None:
        self._samples, self._dtype = samples, dtype
        self._sizes = [x.numel() for x in samples]
        self._edges: list[list[Edge]] = [[] for _ in samples]
        self._values: dict[Any, Any] = {}
        # The number of a node's step, None for a constant; a list where there are several results.
        self._numbers: dict[Any, Any] = {}

    def followed(self, module: Any) -> tuple[torch.Tensor, int | None]:
        """The result, and the number of the step that gives it, None if it is constant."""
        samples = iter(enumerate(self._samples))
        *nodes, output = module.graph.nodes
        for node in nodes:
            if node.op == "placeholder":
                self._numbers[node], self._values[node] = next(samples)
            elif node.op == "get_attr":
                self._values[node] = getattr(module, node.target).detach()
            elif node.target is operator.getitem:
                source, place = node.args
                self._values[node] = self._values[source][place]
                numbers = self._numbers.get(source)
                self._numbers[node] = None if numbers is None else numbers[place]
            else:
                self._follow(node)
        (given,) = output.all_input_nodes
        return self._values[given], self._numbers.get(given)

    def _follow(self, node: Any) -> None:
        """One operation: its value, and its step if it depends on the inputs."""
        if torch.Tag.nondeterministic_seeded in node.target.tags:
            raise DTypeError(
                f"`model` must not draw random numbers; got {node.target}, as of a dropout in training mode. "
                f"Pass training=False there."
            )
        if node.target._schema.is_mutable:
            if node.users:
                raise unknown(node.target)
            return  # what the model does to its input, after the result is there
        sources = [n for n in node.all_input_nodes if self._numbers.get(n) is not None]
        call = Call(node, self._values, sources, self._dtype)
        value = self._values[node] = call.run({})
        if sources:
            results = [value] if isinstance(value, torch.Tensor) else value
            numbers = [self._step(*pair) for pair in zip_longest(results, links(call))]
            self._numbers[node] = numbers[0] if isinstance(value, torch.Tensor) else numbers

    def _step(self, value: torch.Tensor, parts: Any) -> int | None:
        """The number of a new step; of an old one where the result is the same."""
        edges = [Edge(self._numbers[node], op) for node, op in parts or ()]
        if not edges:
            return None
        if len(edges) == 1 and edges[0].op is None:
            return edges[0].source
        self._sizes.append(value.numel())
        self._edges.append(edges)
        return len(self._sizes) - 1

    def ended(self, last: int | None, size: int) -> tuple[list[int], list[list[Edge]]]:
        """Sizes and edges of the steps that the result needs, which is the last one."""
        self._sizes.append(size)
        self._edges.append([] if last is None else [Edge(last, None)])
        inputs, end = len(self._samples), len(self._sizes) - 1
        needed = {*range(inputs), end}
        for number in range(end, inputs - 1, -1):
            if number in needed:
                needed.update(edge.source for edge in self._edges[number])
        kept = sorted(needed)
        place = {number: k for k, number in enumerate(kept)}
        edges = [[Edge(place[s], op) for s, op in self._edges[number]] for number in kept]
        return [self._sizes[number] for number in kept], edges
