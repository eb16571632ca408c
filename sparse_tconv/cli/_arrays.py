"""Arrays in: .npy and .npz files and standard input, never a pickle."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ._errors import UsageError

STREAM = "-"
_MEMBER = re.compile(r"(?P<path>.+\.npz):(?P<member>.+)", re.IGNORECASE | re.DOTALL)
_NPY, _ZIP = b"\x93NUMPY", b"PK"


def read_array(name: str, source: str) -> NDArray[Any]:
    """The array in ``file.npy``, ``file.npz``, ``file.npz:member`` or ``-``; `name` is what errors
    call it.
    """
    path, member = _split(source)
    if path == STREAM:
        return _loaded(name, source, io.BytesIO(_standard_input(name)), member)
    with Path(path).open("rb") as file:
        return _loaded(name, source, file, member)


def mapped_array(name: str, source: str) -> NDArray[Any]:
    """The array in ``file.npy``, left where it is: pages are read when they are used."""
    path, member = _split(source)
    if path == STREAM or member is not None or not _starts_with(path, _NPY):
        raise UsageError(
            f"`{name}` must be a .npy file to be read in chunks; got {source!r}. "
            "Save it with numpy.save."
        )
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (OSError, MemoryError):
        raise
    except Exception as error:
        raise _unreadable(name, source, error) from error


def _starts_with(path: str, start: bytes) -> bool:
    if Path(path).is_fifo():
        return False
    with Path(path).open("rb") as file:
        return file.read(len(start)) == start


def _split(source: str) -> tuple[str, str | None]:
    """Path and member; a file whose own name has the colon in it is that file."""
    match = _MEMBER.fullmatch(source)
    if match is None or Path(source).exists():
        return source, None
    return match["path"], match["member"]


def _standard_input(name: str) -> bytes:
    """All of standard input; a terminal has no array in it."""
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            f"`{name}` must come from a file or a pipe; got a terminal. "
            "Name a .npy file, or pipe one in: < x.npy"
        )
    return sys.stdin.buffer.read()


def _loaded(name: str, source: str, file: BinaryIO, member: str | None) -> NDArray[Any]:
    """The array in an open file; whatever is wrong with the file is told in one line."""
    start = file.read(len(_NPY))
    file.seek(0)
    if not start.startswith((_NPY, _ZIP)):
        raise UsageError(
            f"`{name}` must be a .npy or .npz file; got {source!r}, which is neither. "
            "Save it with numpy.save."
        )
    try:
        found = np.load(file, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            return np.asarray(found[_member(name, source, found.files, member)])
    except (UsageError, OSError, MemoryError):
        raise
    except Exception as error:  # NumPy, zipfile and zlib each have their own for a damaged file
        raise _unreadable(name, source, error) from error


def _unreadable(name: str, source: str, error: Exception) -> UsageError:
    return UsageError(
        f"`{name}` must be an array that numpy.load reads without pickle; got {source!r}: "
        f"{str(error).rstrip('.')}. Save it again with numpy.save, as numbers."
    )


def _member(name: str, source: str, members: list[str], wanted: str | None) -> str:
    """The member asked for, or the only one."""
    listed = ", ".join(members) or "none"
    if wanted is None and len(members) == 1:
        return members[0]
    if wanted in members:
        return str(wanted)
    if wanted is not None:
        raise UsageError(f"`{name}` must be in the file; got {source!r}. Its arrays are: {listed}.")
    hint = f"Write {source}:{members[0]}." if members else "Put one in with numpy.savez."
    raise UsageError(
        f"`{name}` must be one array; got {source!r}, which has {len(members)}: {listed}. {hint}"
    )
