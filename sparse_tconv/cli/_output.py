"""Files out: the place is looked at before anything is computed, and a file is written whole or
not at all.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ._arrays import STREAM
from ._errors import UsageError


def file_type(*suffixes: str) -> Callable[[str], Path]:
    """The argparse type of a path that a file with one of the suffixes can be written to."""

    def checked(text: str) -> Path:
        path = Path(text)
        if path.suffix.lower() not in suffixes:
            raise argparse.ArgumentTypeError(
                f"must end in {' or '.join(suffixes)}; got {text!r}. Write {path.stem}{suffixes[0]}."
            )
        if path.is_dir():
            raise argparse.ArgumentTypeError(
                f"must be a file; got {text!r}, which is a directory. Name a file in it."
            )
        if not path.parent.is_dir():
            raise argparse.ArgumentTypeError(
                f"must be in a directory that exists; got {text!r}: "
                f"the directory {str(path.parent)!r} does not exist. Make it first."
            )
        return path

    return checked


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A path to write to, beside the real one; it takes its place when the block ends well.

    After an error or an interrupt the old file, if there was one, is as it was.
    """
    target = path.resolve()  # a link goes on pointing where it points
    if target.exists() and not target.is_file():
        yield target  # a named pipe or a device cannot be replaced
        return
    draft = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    try:
        draft.touch(exist_ok=False)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error
    try:
        yield draft
        if target.exists():
            shutil.copymode(target, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def write_array(array: NDArray[Any], path: Path) -> None:
    """Write a .npy file."""
    with replaced(path) as draft, draft.open("wb") as file:
        _save(file, array)


def check_stream() -> None:
    """Refuse to write an array to a terminal."""
    if sys.stdout is None or sys.stdout.isatty():
        raise UsageError(
            "`--output` must be a file or a pipe; got a terminal. Pass -o y.npy, or pipe it on."
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
