"""``sparse-tconv apply``: an array through the operator."""

from __future__ import annotations

import argparse

from ._arrays import STREAM, mapped_array, read_array
from ._chunks import apply_in_chunks
from ._errors import UsageError
from ._operator import WEIGHT_HELP, add_operator_options, layer_of
from ._output import (
    array_type,
    check_stream,
    is_standard_output,
    told,
    write_array,
    write_stream,
)
from ._parser import OK, Commands, add_command
from ._values import numbers

EXAMPLES = """\
  sparse-tconv apply weight.npy x.npy --stride 2 --padding 1 -o y.npy
  sparse-tconv apply weight.npy y.npy --stride 2 --padding 1 --transpose --output-padding 1 -o x.npy
  cat x.npy | sparse-tconv apply weight.npy | sparse-tconv apply weight.npy --transpose > z.npy"""
EXTRA_EXAMPLES = """
  sparse-tconv apply weight.npy x.npy --chunks 32,32 -o y.npy
  sparse-tconv apply model.onnx:conv1 x.npy -o y.npy"""


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "apply",
        run,
        summary="convolve an array, or with --transpose apply the transpose",
        description="Apply a convolution, or with --transpose a transposed one, to samples of "
        "shape (..., *in_shape); batch axes stand in front. --in-shape may be left out. A "
        "model's layer adds its bias. With --chunks, files larger than memory.",
        examples=EXAMPLES + EXTRA_EXAMPLES,
    )
    command.add_argument("weight", metavar="WEIGHT", help=WEIGHT_HELP)
    command.add_argument(
        "x",
        metavar="X",
        nargs="?",
        default=STREAM,
        help="the samples, in the same kinds of file (default: standard input)",
    )
    command.add_argument(
        "-o",
        "--output",
        type=array_type,
        metavar="FILE",
        help="the .npy file to write, or - (default: standard output)",
    )
    command.add_argument(
        "--chunks",
        type=numbers,
        metavar="N",
        help="from file to file, N samples per axis at a time: 1024, or 1024,2048; the sample's "
        "channels stay together, batch entries go one by one, unless all axes are given (needs Dask)",
    )
    add_operator_options(command)


def run(arguments: argparse.Namespace) -> int:
    """Read, multiply, write."""
    if arguments.chunks is not None:
        return _run_in_chunks(arguments)
    streamed = is_standard_output(arguments.output)
    if streamed:
        check_stream()
    if arguments.weight == arguments.x == STREAM:
        raise UsageError(
            "`weight` and `x` must not both come from standard input; got - for both. "
            "Name a file for one of them."
        )
    x = read_array("x", arguments.x)
    y = layer_of(arguments, x.shape).apply(x)
    if streamed:
        write_stream(y)
    else:
        write_array(y, arguments.output)
        print(f"wrote {arguments.output}: {y.shape}, {y.dtype}")
    return OK


def _run_in_chunks(arguments: argparse.Namespace) -> int:
    """The same from file to file, neither of them in memory."""
    if arguments.output is None:
        raise UsageError(
            "`--output` must be a file to be written in chunks; got standard output. Pass -o y.npy."
        )
    path, shape = mapped_array("x", arguments.x)
    y = apply_in_chunks(layer_of(arguments, shape), path, arguments.chunks, arguments.output)
    told(arguments.output, f"wrote {arguments.output}: {y.shape}, {y.dtype}")
    return OK
