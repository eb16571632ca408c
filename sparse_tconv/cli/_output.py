"""Files out: the place is looked at before anything is computed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .._files import is_special, replaced, reserve
from ._arrays import STREAM
from ._errors import UsageError


def file_type(*suffixes: str) -> Callable[[str], Path]:
    """The argparse type of a path that a file with one of the suffixes can be written to, or that
    is no file but a pipe or a device.
    """

    def checked(text: str) -> Path:
        path = Path(text)
        try:
            if is_special(path):
                return path
            if not path.parent.is_dir():
                raise argparse.ArgumentTypeError(
                    f"must be in a directory that exists; got {text!r}: "
                    f"the directory {str(path.parent)!r} does not exist. Make it first."
                )
        except IsADirectoryError:
            raise argparse.ArgumentTypeError(
                f"must be a file; got {text!r}, which is a directory. Name a file in it."
            ) from None
        except (OSError, ValueError) as error:  # a loop of links, a name too long, a NUL in it
            reason = error.strerror if isinstance(error, OSError) else error
            raise argparse.ArgumentTypeError(f"must be a file; got {text!r}: {reason}.") from None
        if path.suffix.lower() not in suffixes:
            raise argparse.ArgumentTypeError(
                f"must end in {' or '.join(suffixes)}; got {text!r}. Write {path.stem}{suffixes[0]}."
            )
        return path

    return checked


def is_standard_output(path: Path | None) -> bool:
    """Whether a path leads to where this process prints: /dev/stdout, say; None does."""
    if path is None:
        return True
    try:
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    except (AttributeError, OSError, ValueError):  # no such file, or no standard output
        return False


def told(path: Path | None, text: str) -> None:
    """Say what was written, beside it and not into it."""
    print(text, file=sys.stderr if is_standard_output(path) else sys.stdout)


def told_aside(line: str) -> None:
    """Say it on standard error, if anyone listens."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(line, file=sys.stderr)


def write_array(array: NDArray[Any], path: Path) -> None:
    """Write a .npy file."""
    with replaced(path) as draft:
        if draft != path:
            reserve(draft, array.nbytes)
        with draft.open("r+b" if draft != path else "wb") as file:
            _save(file, array)


def check_stream() -> None:
    """Refuse to write an array to a terminal."""
    if sys.stdout is None or sys.stdout.isatty():
        found = "a terminal" if sys.stdout else "standard output that is closed"
        raise UsageError(
            f"`--output` must be a file or a pipe; got {found}. Pass -o y.npy, or pipe it on."
        )


def write_stream(array: NDArray[Any]) -> None:
    """Write an array to standard output in .npy format."""
    _save(sys.stdout.buffer, array)


def _save(file: BinaryIO, array: NDArray[Any]) -> None:
    """Write .npy format to a file that may be a pipe."""
    # Behind a bare `write` NumPy asks for no file position, and a full disk keeps its own error.
    np.save(SimpleNamespace(write=file.write), array, allow_pickle=False)


def array_type(text: str) -> Path | None:
    """The argparse type of where an array goes: a .npy file, or None for standard output."""
    return None if text == STREAM else file_type(".npy")(text)
