"""``sparse-tconv info``: sizes and costs; nothing is built."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from ..operators import Affine, ConvOperator
from ._json import json_text
from ._models import Layer, all_layers, linear, split_model
from ._operator import WEIGHT_HELP, add_operator_options, check_model, converted, layer_of
from ._parser import OK, Commands, add_command

EXAMPLES = """\
  sparse-tconv info weight.npy --in-shape 3,64,64 --stride 2 --padding 1
  sparse-tconv info model.npz:conv1 --in-shape 16,32,32 --transpose --stride 2 --json"""
EXTRA_EXAMPLES = """
  sparse-tconv info model.onnx --input-shape 1,3,64,64
  sparse-tconv info model.onnx:conv1"""


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "info",
        run,
        summary="shapes, entries, bytes and engine of an operator",
        description="Print shapes, entries and bytes of the matrix of a convolution, and the "
        "engine that multiplies by it; of an ONNX model without a node, a list of its convolutions, "
        "and of those that are not read. The matrix is not built.",
        examples=EXAMPLES + EXTRA_EXAMPLES,
    )
    command.add_argument("weight", metavar="WEIGHT", help=WEIGHT_HELP)
    add_operator_options(command)
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print what the operator says of itself."""
    model = split_model(arguments.weight)
    if model is not None and model[1] is None:
        return _run_model(arguments)
    layer = layer_of(arguments)
    if arguments.json:
        print(json_text(_layer_facts(layer) if model else _facts(linear(layer))))
    else:
        print(linear(layer).info())
    return OK


def _run_model(arguments: argparse.Namespace) -> int:
    """List the convolutions of a model."""
    check_model(arguments)
    found, unread = all_layers(arguments.weight, arguments)
    layers = {name: converted(layer, arguments) for name, layer in found.items()}
    if arguments.json:
        nodes = {name: _layer_facts(layer) for name, layer in layers.items()}
        print(json_text({"nodes": nodes, "unread": unread}))
        return OK
    width = max(map(len, (*layers, *unread)), default=0)
    for name, layer in layers.items():
        print(f"{name:<{width}}  {linear(layer)!r}{' + bias' * isinstance(layer, Affine)}")
    for name, reason in unread.items():
        print(f"{name:<{width}}  not read: {reason}")
    return OK


def _layer_facts(layer: Layer) -> dict[str, Any]:
    return {**_facts(linear(layer)), "bias": isinstance(layer, Affine)}


def _facts(op: ConvOperator) -> dict[str, Any]:
    """What the table says, by name."""
    info = asdict(op.info())
    return {
        **info,
        "in_shape": op.in_shape,
        "out_shape": op.out_shape,
        "dtype": str(op.dtype),
        "estimates": dict(info["estimates"]),
        "refusals": dict(info["refusals"]),
    }
