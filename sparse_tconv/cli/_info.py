"""``sparse-tconv info``: sizes and costs; nothing is built."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from ..operators import ConvOperator
from ._json import json_text
from ._operator import WEIGHT_HELP, add_operator_options, operator_of
from ._parser import OK, Commands, add_command

EXAMPLES = """\
  sparse-tconv info weight.npy --in-shape 3,64,64 --stride 2 --padding 1
  sparse-tconv info model.npz:conv1 --in-shape 16,32,32 --transpose --stride 2 --json"""


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "info",
        run,
        summary="shapes, entries, bytes and engine of an operator",
        description="Print shapes, entries and bytes of the matrix of a convolution, and the "
        "engine that multiplies by it. The matrix is not built.",
        examples=EXAMPLES,
    )
    command.add_argument("weight", metavar="WEIGHT", help=WEIGHT_HELP)
    add_operator_options(command)
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print what the operator says of itself."""
    op = operator_of(arguments)
    print(json_text(_facts(op)) if arguments.json else op.info())
    return OK


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
