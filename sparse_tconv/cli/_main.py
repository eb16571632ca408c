"""From the arguments to the exit code: every failure is one line."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from .. import __version__
from ..errors import SparseTconvError
from ..threads import in_main_thread
from . import _apply, _build, _check, _compile, _deblur, _demo, _info, _spectrum
from ._errors import Terminated
from ._importing import prints_aside_at_exit
from ._output import told_aside
from ._parser import BAD_ARGUMENT, INTERRUPTED, OK, READER_GONE, TERMINATED, Parser

COMMANDS = (_demo, _info, _build, _apply, _check, _spectrum, _deblur, _compile)


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
        when interrupted; 141 when the reader of the output has gone; 143 when terminated.

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
        with _terminable(), _any_name_printable():
            return _run(parser, argv)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Terminated:
        return TERMINATED
    except BrokenPipeError:
        _drop_output()
        return READER_GONE
    except (SparseTconvError, OSError, MemoryError) as error:
        told_aside(f"{parser.prog}: error: {_line(error)}")
        return BAD_ARGUMENT


def _run(parser: Parser, argv: Sequence[str] | None) -> int:
    """Read the arguments and run their command, with all its output delivered on return."""
    try:
        arguments = parser.parse_args(argv, argparse.Namespace(alone=argv is None))
        code: int = arguments.run(arguments)
    finally:
        _deliver_output()
        if argv is None:  # the process is this command, and ends with it
            prints_aside_at_exit()
    return code


def _deliver_output() -> None:
    if sys.stdout is None:  # the shell closed it: prog >&-
        return
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
        raise
    except ValueError:  # a user's code has closed it
        return


def _drop_output() -> None:
    """Send what is left to nowhere, else the interpreter complains once more when it exits."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that no draft is left; once, then it is ignored.

    Signals of a program that calls `main` and has its own handler, or is not in its main thread, are
    its business.
    """
    if not in_main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    try:
        signal.signal(signal.SIGTERM, end)
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def _any_name_printable() -> Iterator[None]:
    """Names that standard output's encoding lacks are printed as escapes."""
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper):
        yield
        return
    errors = stream.errors
    stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        with suppress(OSError, ValueError):  # reconfiguring delivers what is left
            stream.reconfigure(errors=errors)


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
