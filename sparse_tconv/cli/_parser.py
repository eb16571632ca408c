"""How commands are declared and how arguments that cannot be read are told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from textwrap import fill
from typing import Any, NoReturn, TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # it has no public name
Run: TypeAlias = Callable[[argparse.Namespace], int]

OK = 0
FAILED_CHECK = 1
BAD_ARGUMENT = 2
INTERRUPTED = 130  # 128 + SIGINT, 128 + SIGPIPE and 128 + SIGTERM, as a shell would say
READER_GONE = 141
TERMINATED = 143


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is for ``--help``.

    Of help that does not arrive argparse says nothing, nor does its exit code.
    """

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout and file is not None:
            file.write(message)
        else:
            super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        """Exit with one line on stderr."""
        self.exit(BAD_ARGUMENT, f"{self.prog}: error: {' '.join(message.split())}\n")


def add_command(
    commands: Commands, name: str, run: Run, *, summary: str, description: str, examples: str
) -> Parser:
    """Declare a command; `run` gets the arguments and returns the exit code."""
    command = commands.add_parser(
        name,
        help=summary,
        description=fill(description, 78),  # examples keep their lines, to be copied
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(run=run)
    return command
