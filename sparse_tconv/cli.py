"""The command line: arguments in, lines out; whatever it shows is computed elsewhere."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from . import __version__, demo
from .errors import SparseTconvError

__all__ = ["main"]

NOT_READ = 1
BAD_ARGUMENT = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        The exit code: 0, or 2 after an error told in one line on stderr, or 130 when interrupted.

    Raises
    ------
    SystemExit
        From argparse, after ``--help``, ``--version`` and arguments that cannot be read.

    Examples
    --------
    >>> from sparse_tconv.cli import main
    >>> main(["demo", "--size", "64", "--no-plot"])  # doctest: +ELLIPSIS
    photograph     64 x 55
    ...
    0
    >>> main(["demo", "--size", "8"])  # the error goes to stderr
    2
    """
    parser = _parser()
    try:
        _run(parser, argv)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; without this the interpreter complains once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_READ
    except (SparseTconvError, OSError) as error:
        print(f"{parser.prog}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_ARGUMENT
    return 0


def _run(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> None:
    """Read the arguments and run their command, with all its output delivered on return."""
    try:
        arguments = parser.parse_args(argv)
        arguments.command(arguments)
    finally:
        sys.stdout.flush()


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is for ``--help``."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_ARGUMENT, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sparse-tconv",
        description="Convolutions as sparse matrices, transposed convolutions as their transposes.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.set_defaults(command=lambda arguments: parser.print_help())
    _add_demo(parser.add_subparsers(title="commands", metavar="COMMAND"))
    return parser


def _add_demo(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = commands.add_parser(
        "demo",
        help="blur, halve and restore a photograph",
        description=(
            "Blur and halve the photograph that matplotlib ships with a strided convolution under "
            "symmetric boundaries; show the size of its matrix C, its assembly time and its "
            "adjoint gap; restore the photograph with lsmr; draw all of it in one PNG."
        ),
        epilog="example: sparse-tconv demo --size 300 --output picture.png",
    )
    command.add_argument(
        "--output",
        type=_png,
        default=Path("sparse-tconv-demo.png"),
        metavar="PNG",
        help="the picture to write (default: %(default)s)",
    )
    command.add_argument(
        "--size",
        type=int,
        default=demo.SIZES[1],
        help="the photograph's longer side in pixels, {} to {} (default: %(default)s)".format(
            *demo.SIZES
        ),
    )
    command.add_argument("--no-plot", action="store_true", help="print the table only")
    command.set_defaults(command=_demo)


def _demo(arguments: argparse.Namespace) -> None:
    result = demo.run(arguments.size)
    print(result)
    if not arguments.no_plot:
        demo.draw(result, arguments.output)
        print(f"wrote {arguments.output}")


def _png(text: str) -> Path:
    """A path that a PNG can be written to, found out before anything is computed."""
    path = Path(text)
    if path.suffix.lower() != ".png":
        raise argparse.ArgumentTypeError(f"must end in .png; got {text!r}")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"must be a file; {text!r} is a directory")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"the directory {str(path.parent)!r} does not exist")
    return path
