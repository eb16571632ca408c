"""The derivative of each operation of a traced model, at the values it was called with."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ...errors import DTypeError, GeometryError
from ...operators import Diagonal, Operator, as_operator
from ._linear import LINEAR, Links, matrix_product
from ._operations import (
    BY_INDICES,
    CONSTANT,
    COPIES,
    ENTRYWISE,
    EXTREMES,
    MATRIX_PRODUCTS,
    REDUCTIONS,
)


class Call:
    """One operation of the graph, with the values at the point.

    Parameters
    ----------
    node : torch.fx.Node
        The operation.
    values : dict of torch.fx.Node to value
        Of all nodes before.
    sources : sequence of torch.fx.Node
        Those of its arguments that depend on the inputs.
    dtype : numpy.dtype
        Of the operators to make.
    """

    def __init__(self, node: Any, values: dict[Any, Any], sources: Any, dtype: Any) -> None:
        self.node, self.values, self.sources, self.dtype = node, values, sources, dtype
        self.name = operation(node)

    def run(self, replaced: dict[Any, Any], args: Any = None) -> Any:
        """The operation with other values for some nodes."""
        given = (self.node.args if args is None else args), self.node.kwargs
        args, kwargs = torch.fx.node.map_arg(given, lambda n: replaced.get(n, self.values[n]))
        return self.node.target(*args, **kwargs)

    def args(self) -> list[Any]:
        """The arguments in the order of the schema, its defaults filled in."""
        found = list(torch.fx.node.map_arg(self.node.args, self.values.__getitem__))
        for argument in self.node.target._schema.arguments[len(found) :]:
            given = self.node.kwargs.get(argument.name, argument.default_value)
            found.append(torch.fx.node.map_arg(given, self.values.__getitem__))
        return found

    def argument(self, name: str, default: Any = None) -> Any:
        """One argument by its name in the schema; the default where there is none such."""
        names = [argument.name for argument in self.node.target._schema.arguments]
        return self.args()[names.index(name)] if name in names else default

    def array(self, tensor: torch.Tensor) -> NDArray[Any]:
        """A tensor in the operators' dtype, copied."""
        return np.array(tensor.detach().numpy(), self.dtype, order="C")

    def sparse(self, data: Any, rows: Any, columns: Any, shape: tuple[int, int]) -> Operator:
        """An operator between flat results, of entries at distinct places."""
        entries = np.broadcast_to(np.asarray(data, self.dtype).reshape(-1), len(rows))
        return as_operator(csr_array((entries, (rows, columns)), shape=shape))


def operation(node: Any) -> str:
    """The operation's name; a view and its copy are the same here."""
    name = node.target.overloadpacket.__name__
    return str(name if name == "_to_copy" else name.removesuffix("_copy"))


def links(call: Call) -> list[Links]:
    """For each result of an operation, what it depends on."""
    target, name = call.node.target, call.name
    value = call.values[call.node]
    results = [value] if isinstance(value, torch.Tensor) else value
    if any(each.is_complex() for each in results) or call.argument("accumulate"):
        raise unknown(target)
    if name in CONSTANT or not any(each.is_floating_point() for each in results):
        return []
    if name in LINEAR:
        return [LINEAR[name](call)]
    if name in MATRIX_PRODUCTS:
        return [matrix_product(call)]
    if name in EXTREMES:
        name = "amax" if isinstance(value, torch.Tensor) else "sort"
    if name in _CHOICES:
        return [_CHOICES[name](call)]
    contiguous = all(call.values[n].is_contiguous() for n in call.sources if name == "as_strided")
    if name in COPIES and contiguous:
        return _copied(call)
    if name in ENTRYWISE or torch.Tag.pointwise in target.tags:
        return [_entrywise(call)]
    if name in REDUCTIONS:
        return _reduced(call)
    raise unknown(target)


def unknown(target: Any) -> DTypeError:
    """The error for an operation whose derivative is not known."""
    return DTypeError(
        f"`model` must be made of operations whose derivatives are known here; got {target}. "
        f"Use torch.func.jacrev(model)(x) for its dense Jacobian."
    )


def _copied(call: Call) -> list[Links]:
    """Results whose entries are entries of the arguments, or constants: their positions tell which."""
    start, replaced = 1, dict[Any, Any]()
    for node in call.node.all_input_nodes:
        value = call.values[node]
        if node in call.sources:
            places = torch.arange(start, start + value.numel(), dtype=torch.float64)
            replaced[node] = places.reshape(value.shape)
            start += value.numel()
        elif call.name not in BY_INDICES or value.is_floating_point():
            replaced[node] = torch.zeros_like(value, dtype=torch.float64)
    args = call.node.args
    if call.name == "constant_pad_nd":
        args = args[:2]  # a constant around is no position
    found = call.run(replaced, args)
    results = [found] if isinstance(found, torch.Tensor) else found
    return [_places(call, result, replaced) for result in results]


def _places(call: Call, result: torch.Tensor, replaced: dict[Any, Any]) -> Links:
    """The part of each argument in a result of positions."""
    taken = result.numpy().reshape(-1).astype(np.int64)
    parts: Links = []
    for node in call.sources:
        first, count = int(replaced[node].reshape(-1)[0]), replaced[node].numel()
        columns = taken - first
        rows = np.flatnonzero((columns >= 0) & (columns < count))
        if len(rows) == count == len(taken) and np.array_equal(columns, np.arange(count)):
            parts.append((node, None))
        elif len(rows):
            parts.append((node, call.sparse(1, rows, columns[rows], (len(taken), count))))
    return parts


def _entrywise(call: Call) -> Links:
    """Each entry of the result depends on one entry of each argument."""
    shape = call.values[call.node].shape
    parts: Links = []
    for node in call.sources:
        value = call.values[node]
        (slopes,) = _slopes(call, node, value.expand(shape))
        if slopes is None or not slopes.any():
            continue
        ones = bool((slopes == 1).all())
        if value.shape.numel() == slopes.size:
            parts.append((node, None if ones else Diagonal(slopes.reshape(-1))))
            continue
        columns = torch.arange(value.numel()).reshape(value.shape).expand(shape).reshape(-1)
        rows = np.arange(slopes.size)
        size = slopes.size, value.numel()
        parts.append((node, call.sparse(slopes, rows, columns.numpy(), size)))
    return parts


def _reduced(call: Call) -> list[Links]:
    """Each entry of the argument acts on one entry of each result."""
    (node,) = call.sources
    value, results = call.values[node], call.values[call.node]
    kept = list(value.shape)
    dims = call.argument("dim")
    chosen = range(value.ndim) if dims is None or dims == [] else dims
    for axis in [chosen] if isinstance(chosen, int) else chosen:
        kept[axis] = 1
    rows = torch.arange(prod(kept)).reshape(kept).expand(value.shape).reshape(-1).numpy()
    several = isinstance(results, tuple)
    found: list[Links] = []
    for slopes in _slopes(call, node, value, len(results) if several else 1):
        size = prod(kept), value.numel()
        places = np.arange(value.numel())
        found.append([] if slopes is None else [(node, call.sparse(slopes, rows, places, size))])
    return found


def _slopes(call: Call, node: Any, value: torch.Tensor, results: int = 1) -> list[Any]:
    """The derivative of the sum of each result with respect to one argument, None where it has none."""
    with torch.enable_grad():
        leaf = value.detach().clone().requires_grad_()
        outcome = call.run({node: leaf})
        outcomes = [outcome] if isinstance(outcome, torch.Tensor) else list(outcome[:results])
        found: list[Any] = []
        for each in outcomes:
            (slope,) = (
                torch.autograd.grad(each.sum(), leaf, retain_graph=True, allow_unused=True)
                if each.requires_grad
                else (None,)
            )
            found.append(None if slope is None else call.array(slope))
    for slope in found:
        if slope is not None and not np.isfinite(slope).all():
            raise GeometryError(
                f"`inputs` must be a point where the model has a derivative; got nan or inf for that of "
                f"{call.node.target}. Move the point."
            )
    return found


def _pooled(call: Call) -> Links:
    """The largest entries of windows, by the places that PyTorch gives with them."""
    (node,) = call.sources
    shape = call.values[node].shape
    places = call.values[call.node][1]
    axes = 3 if "3d" in call.name else 2
    plane = prod(shape[-axes:])
    offset = torch.arange(prod(shape[:-axes])).reshape(*shape[:-axes], *(1,) * axes) * plane
    return _taken(call, node, places + offset)


def _along(call: Call) -> Links:
    """Entries chosen along an axis, by the places that PyTorch gives with them."""
    (node,) = call.sources
    places = call.values[call.node][1]
    value = call.values[node]
    axis = call.argument("dim", -1)
    if places.ndim < value.ndim:
        places = places.unsqueeze(axis)
    positions = torch.arange(value.numel()).reshape(value.shape)
    return _taken(call, node, torch.gather(positions, axis, places))


def _taken(call: Call, node: Any, places: torch.Tensor) -> Links:
    """One entry of the argument for each of the result."""
    size = places.numel(), call.values[node].numel()
    rows = np.arange(size[0])
    return [(node, call.sparse(1, rows, places.reshape(-1).numpy(), size))]


_CHOICES: dict[str, Callable[[Call], Links]] = {
    "max_pool2d_with_indices": _pooled,
    "max_pool3d_with_indices": _pooled,
    "adaptive_max_pool2d": _pooled,
    "adaptive_max_pool3d": _pooled,
    "sort": _along,
    "topk": _along,
}
