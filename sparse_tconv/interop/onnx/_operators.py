"""The operators that can be had of a model's nodes, and why there are no others."""

from __future__ import annotations

from onnx import NodeProto

from ...errors import SparseTconvError
from ...operators import Affine, ConvOperator
from ._nodes import node_operator
from ._scopes import Scope

_LISTED = 5  # refused nodes that a warning has with their reasons


class Operators(dict[str, ConvOperator | Affine]):
    """The operators of a model by name, and what else convolves in it.

    Parameters
    ----------
    found : dict
        The operators.
    unread : dict of str to str
        Names of the nodes that are not read: with the reason for a Conv or ConvTranspose, with
        the type of its operator for any other.
    """

    def __init__(self, found: dict[str, ConvOperator | Affine], unread: dict[str, str]) -> None:
        super().__init__(found)
        self.unread = unread


def readable(
    places: dict[str, tuple[NodeProto, Scope]], fold_pads: bool
) -> tuple[dict[str, ConvOperator | Affine], dict[str, str]]:
    """The operators that can be had, and why there are no others; an error where there is none, and
    where a file asks for too much work.
    """
    found: dict[str, ConvOperator | Affine] = {}
    refused: dict[str, str] = {}
    first: SparseTconvError | None = None
    for name, (node, scope) in places.items():
        try:
            found[name] = named_operator(name, node, scope, fold_pads)
        except SparseTconvError as error:
            if scope.ledger.is_spent():
                raise
            first = first or error
            refused[name] = str(error.__cause__)
    if first is not None and not found:
        raise first
    return found, refused


def listed(refused: dict[str, str]) -> str:
    """The first refused nodes with their reasons, and how many more there are."""
    parts = [f"node {name!r}: {reason}" for name, reason in [*refused.items()][:_LISTED]]
    more = len(refused) - len(parts)
    return "; ".join([*parts, f"and {more} more"] if more else parts)


def named_operator(
    name: str, node: NodeProto, scope: Scope, fold_pads: bool
) -> ConvOperator | Affine:
    """The operator of a node; errors name the node."""
    try:
        return node_operator(node, scope, fold_pads)
    except SparseTconvError as error:
        raise type(error)(f"node {name!r}: {error}") from error
