"""From the arguments to the exit code: every failure is one line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from .. import __version__
from ..errors import SparseTconvError
from . import _apply, _build, _check, _deblur, _demo, _info, _spectrum
from ._parser import BAD_ARGUMENT, INTERRUPTED, OK, READER_GONE, Parser

COMMANDS = (_demo, _info, _build, _apply, _check, _spectrum, _deblur)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        The exit code: 0; 1 when a check failed; 2 after an error told in one line on stderr; 130
        when interrupted; 141 when the reader of the output has gone.

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
        return _run(parser, argv)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return READER_GONE
    except (SparseTconvError, OSError, MemoryError) as error:
        print(f"{parser.prog}: error: {_line(error)}", file=sys.stderr)
        return BAD_ARGUMENT


def _run(parser: Parser, argv: Sequence[str] | None) -> int:
    """Read the arguments and run their command, with all its output delivered on return."""
    try:
        arguments = parser.parse_args(argv)
        code: int = arguments.run(arguments)
    finally:
        _deliver_output()
    return code


def _deliver_output() -> None:
    if sys.stdout is None:  # the shell closed it: prog >&-
        return
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
        raise


def _drop_output() -> None:
    """Send what is left to nowhere, else the interpreter complains once more when it exits."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _line(error: BaseException) -> str:
    """An error as one line; that of a file names the file."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.strerror}: {os.fspath(error.filename)!r}"
    return " ".join(str(error).split()) or type(error).__name__


def _parser() -> Parser:
    parser = Parser(
        prog="sparse-tconv",
        description="Convolutions as sparse matrices, transposed convolutions as their transposes.",
        epilog="sparse-tconv COMMAND --help shows a command's arguments, with examples.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")

    def show_help(_: argparse.Namespace) -> int:
        parser.print_help()
        return OK

    parser.set_defaults(run=show_help)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser
