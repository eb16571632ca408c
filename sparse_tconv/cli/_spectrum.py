"""``sparse-tconv spectrum``: the singular values of an operator, and what follows from them."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from .. import plotting
from .._files import encoded
from ..analysis import Result, Summary, summary
from ..errors import MissingExtraError
from ..spectral import METHODS
from ._errors import UsageError
from ._json import json_text
from ._operator import WEIGHT_HELP, add_operator_options, operator_of
from ._output import file_type, told
from ._parser import OK, Commands, add_command

EXAMPLES = """\
  sparse-tconv spectrum weight.npy --in-shape 3,16,16 --padding 1
  sparse-tconv spectrum weight.npy --in-shape 3,64,64 --padding 1 --stride 2 -k 3 -o spectrum.png
  sparse-tconv spectrum weight.npy --in-shape 3,512,512 --padding 1 --rtol 1e-2
  sparse-tconv spectrum weight.npy --in-shape 3,16,16 --which smallest -k 2 --json"""
EXTRA_EXAMPLES = """
  sparse-tconv spectrum model.onnx:conv1"""


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "spectrum",
        run,
        summary="singular values, rank, condition and bounds of the norm",
        description="Print rank, largest and smallest singular value, condition number, guaranteed "
        "bounds of the norm, and the method with a bound of its error. An operator too large for "
        "all values has its largest ones found, or none; the bounds of the norm are for any size.",
        examples=EXAMPLES + EXTRA_EXAMPLES,
    )
    command.add_argument("weight", metavar="WEIGHT", help=WEIGHT_HELP)
    command.add_argument("-k", type=int, metavar="N", help="find and print only so many values")
    command.add_argument(
        "--which", choices=("largest", "smallest"), default="largest", help="which of them"
    )
    command.add_argument(
        "--method",
        default="auto",
        metavar="NAME",
        help=f"how they are found: auto, {', '.join(METHODS)}; for a few also lanczos or "
        "shift-invert (largest), lu, qr, augmented or gram (smallest)",
    )
    command.add_argument(
        "--rtol",
        type=float,
        metavar="WIDTH",
        help="search until the bounds of the norm are so near each other, relative to it: 0.01, say",
    )
    command.add_argument(
        "-o",
        "--output",
        type=file_type(".png", ".svg", ".pdf"),
        metavar="FILE",
        help="draw the values: .png, .svg or .pdf (needs matplotlib)",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    add_operator_options(command)


def run(arguments: argparse.Namespace) -> int:
    """Find the numbers, draw the values, and print what was found."""
    op = operator_of(arguments)
    axes = None if arguments.output is None else _axes()
    method, rtol = arguments.method, arguments.rtol
    found = summary(op, arguments.k, arguments.which, method, rtol=rtol)
    if axes is not None:
        _draw(found.values, axes, arguments.output)
    if arguments.json:
        print(json_text(_facts(found)))
        return OK
    print(found)
    if axes is not None:
        told(arguments.output, f"wrote {arguments.output}")
    return OK


def _facts(found: Summary) -> dict[str, Any]:
    """What the table says, by name; None for what is not known."""
    values = found.values
    return {
        "operator": found.operator,
        "in_shape": found.in_shape,
        "out_shape": found.out_shape,
        "shape": found.shape,
        "rank": found.rank,
        "largest": found.largest,
        "smallest": found.smallest,
        "cond": found.cond,
        "norm_lower": found.bounds.lower,
        "norm_upper": found.bounds.upper,
        "norm_method": found.bounds.method,
        "method": None if values is None else values.method,
        "error": None if values is None else values.error,
        "complete": None if values is None else values.complete,
        "which": found.which,
        "values": None if values is None else values.value.tolist(),
    }


def _axes() -> Any:
    """Axes of a figure that no window belongs to."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "`--output` must have matplotlib; it is not installed. "
            "Run: pip install 'sparse_tconv[plot]'"
        ) from error
    return Figure(layout="constrained").subplots()


def _draw(found: Result | None, axes: Any, path: Path) -> None:
    if found is None:
        raise UsageError(
            "`--output` must have values to draw; got an operator too large for any. Leave it out."
        )
    plotting.spectrum(found, axes)
    encoded(path, partial(axes.figure.savefig, format=path.suffix[1:] or None))
