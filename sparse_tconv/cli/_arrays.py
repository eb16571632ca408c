"""Arrays in: .npy and .npz files, pipes and standard input, never a pickle."""

from __future__ import annotations

import io
import os
import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from .. import _validate as validate
from .._files import NPY, NPZ, Readable, read_npy, read_npy_header, read_npz
from .._memory import available_memory
from ._errors import UsageError

STREAM = "-"
_ARRAY = re.compile(r".+\.(npy|npz|npz:.+)", re.IGNORECASE | re.DOTALL)
_MEMBER = re.compile(r"(?P<path>.+\.npz):(?P<member>.+)", re.IGNORECASE | re.DOTALL)
_LARGEST_ARCHIVE = 1 << 30  # bytes of one from a pipe, which has to be held whole


def names_array(source: str) -> bool:
    """Whether a text ends as the name of a file of arrays does, or of an array in one."""
    return _ARRAY.fullmatch(source) is not None


def read_array(name: str, source: str) -> NDArray[Any]:
    """The array in ``file.npy``, ``file.npz``, ``file.npz:member``, a pipe or ``-``; `name` is what
    errors call it.
    """
    path, member = _split(name, source)
    if path == STREAM:
        return _loaded(name, source, _standard_input(name), member, None)
    with Path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        nbytes = status.st_size if stat.S_ISREG(status.st_mode) else None
        return _loaded(name, source, file, member, nbytes)


def mapped_array(name: str, source: str) -> tuple[str, tuple[int, ...]]:
    """The path of a ``.npy`` file, and the shape of its array, which is not read."""
    path, member = _split(name, source)
    if path == STREAM or member is not None or Path(path).is_fifo() or not _is_npy(path):
        raise UsageError(
            f"`{name}` must be a .npy file to be read in chunks; got {source!r}. "
            "Save it with numpy.save."
        )
    header = read_npy_header(name, path)
    validate.numeric_dtype(name, header.dtype)
    return path, header.shape


def _is_npy(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(len(NPY)) == NPY


def _split(name: str, source: str) -> tuple[str, str | None]:
    """Path and member; a file whose own name has the colon in it is that file."""
    if "\0" in source:
        raise UsageError(f"`{name}` must be the name of a file; got {source!r}. No name has a NUL.")
    match = _MEMBER.fullmatch(source)
    if match is None or Path(source).exists():
        return source, None
    return match["path"], match["member"]


def _standard_input(name: str) -> BinaryIO:
    """Standard input; a terminal has no array in it."""
    if sys.stdin is None or sys.stdin.isatty():
        found = "a terminal" if sys.stdin else "standard input that is closed"
        raise UsageError(
            f"`{name}` must come from a file or a pipe; got {found}. "
            "Name a .npy file, or pipe one in: < x.npy"
        )
    return sys.stdin.buffer


def _loaded(
    name: str, source: str, file: BinaryIO, member: str | None, nbytes: int | None
) -> NDArray[Any]:
    """The array in a file of so many bytes, or in a pipe, of which no more is read than it takes;
    whatever is wrong with it is told in one line.
    """
    start = file.read(len(NPY))
    if start == NPY:
        return read_npy(name, source, _Resumed(start, file), nbytes)
    if not start.startswith(NPZ):
        raise UsageError(
            f"`{name}` must be a .npy or .npz file; got {source!r}, which is neither. "
            "Save it with numpy.save."
        )
    if nbytes is None:
        file, nbytes = held(name, source, _Resumed(start, file), _LARGEST_ARCHIVE)
    return read_npz(name, source, file, member, nbytes)


@dataclass
class _Resumed:
    """A stream from its beginning, some of which was read already."""

    start: bytes
    stream: BinaryIO

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, at least as many as were read already."""
        start, self.start = self.start, b""
        return start + self.stream.read(size - len(start))


def held(name: str, source: str, stream: Readable, limit: int) -> tuple[io.BytesIO, int]:
    """All of a pipe, and its length: archives and images are not read in one pass."""
    limit = min(limit, available_memory() // 4)
    whole = io.BytesIO()
    while whole.tell() <= limit and (piece := stream.read(1 << 20)):
        whole.write(piece)
    if whole.tell() > limit:
        raise UsageError(
            f"`{name}` must be of at most {limit:,} bytes to come from a pipe; "
            f"got more in {source!r}. Name the file."
        )
    return whole, whole.tell()
