"""``sparse-tconv demo``: a photograph blurred, halved and restored."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import demo
from ._output import file_type, told
from ._parser import OK, Commands, add_command

EXAMPLES = """\
  sparse-tconv demo
  sparse-tconv demo --size 300 --output picture.png"""


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "demo",
        run,
        summary="blur, halve and restore a photograph",
        description="Blur and halve the photograph that matplotlib ships with a strided "
        "convolution under symmetric boundaries; show the size of its matrix C, its assembly time "
        "and its adjoint gap; restore the photograph with lsmr; draw all of it in one PNG.",
        examples=EXAMPLES,
    )
    command.add_argument(
        "-o",
        "--output",
        type=file_type(".png"),
        default=Path("sparse-tconv-demo.png"),
        metavar="PNG",
        help="the picture to write (default: %(default)s)",
    )
    command.add_argument(
        "--size",
        type=int,
        default=demo.SIZES[1],
        metavar="N",
        help="the photograph's longer side in pixels, {} to {} (default: %(default)s)".format(
            *demo.SIZES
        ),
    )
    command.add_argument("--no-plot", action="store_true", help="print the table only")


def run(arguments: argparse.Namespace) -> int:
    """Print the table and draw the picture."""
    result = demo.run(arguments.size)
    print(result)
    if not arguments.no_plot:
        demo.draw(result, arguments.output)
        told(arguments.output, f"wrote {arguments.output}")
    return OK
