"""Arrays in ``.npy`` format, from files that may say anything.

NumPy's own reader takes a header at its word: a file of a few bytes that speaks of 10^10 numbers has
them allocated. Here what is said is compared with what is there, before anything is allocated.
"""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .._memory import check_fits
from ..errors import DTypeError, GeometryError

MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000  # bytes, NumPy's own limit
_MOST_AXES = 64
_LARGEST = int(np.iinfo(np.intp).max)
_AT_ONCE = 1 << 24


class Readable(Protocol):
    """What bytes are read from, one after the other."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


@dataclass(frozen=True)
class Header:
    """What a ``.npy`` file says of its array, and the byte at which that begins."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return prod(self.shape) * self.dtype.itemsize


def read_header(name: str, source: str, file: Readable) -> Header:
    """The header at the place where a file stands; `name` and `source` are what errors call it.

    Reads no further than the header, and never more than NumPy would write.
    """
    start = file.read(len(MAGIC) + 2)
    if not start.startswith(MAGIC):
        raise GeometryError(
            f"`{name}` must be an array in .npy format; got {source!r}, which is not. "
            "Save it with numpy.save."
        )
    version = start[len(MAGIC) :]
    width = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}.get(version)
    if width is None:
        raise _damaged(name, source, f"a format of version {tuple(version)}")
    size = file.read(width)
    length = int.from_bytes(size, "little")
    if len(size) < width or length > _LONGEST_HEADER:
        raise _damaged(name, source, f"a header of {length} bytes")
    text = file.read(length)
    shape, fortran_order, dtype = _parsed(name, source, size + text, width)
    _check_numbers(name, source, dtype)
    header = Header(shape, fortran_order, dtype, len(start) + width + length)
    # NumPy counts in machine words, axes of length zero left out.
    if prod(size or 1 for size in shape) * dtype.itemsize > _LARGEST:
        raise _damaged(name, source, f"a header that says {shape} of {dtype}")
    return header


def read_npy_header(name: str, path: str | os.PathLike[str]) -> Header:
    """The header of a regular file that holds all that its header speaks of."""
    source = os.fspath(path)
    if not stat.S_ISREG(Path(path).stat().st_mode):  # opening a pipe would wait for its writer
        raise GeometryError(
            f"`{name}` must be a regular file in .npy format; got {source!r}, which is none. "
            "Save the array with numpy.save."
        )
    with Path(path).open("rb") as file:
        header = read_header(name, source, file)
        _check_length(name, source, header, os.fstat(file.fileno()).st_size - header.offset)
    return header


def read_npy(name: str, source: str, file: Readable, available: int | None = None) -> NDArray[Any]:
    """The array at the place where a file or a pipe stands; nothing beyond its end is read.

    `available` is how many bytes there are from here, where that is known.
    """
    header = read_header(name, source, file)
    if available is not None:
        _check_length(name, source, header, available - header.offset)
    check_fits(name, f"{source!r} of shape {header.shape}", header.nbytes, "Read it in chunks.")
    array = np.empty(prod(header.shape), header.dtype)
    _fill(name, source, file, array.view(np.uint8))
    if header.fortran_order:
        return array.reshape(header.shape[::-1]).T
    return array.reshape(header.shape)


def _fill(name: str, source: str, file: Readable, target: NDArray[np.uint8]) -> None:
    """Read into all of a block of memory, a piece at a time: only what came is touched."""
    done = 0
    while done < len(target):
        piece = file.read(min(_AT_ONCE, len(target) - done))
        if not piece:
            raise _damaged(name, source, f"{done} bytes of {len(target)}, cut off")
        target[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)


def _parsed(
    name: str, source: str, header: bytes, width: int
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and dtype of a header, length field included."""
    reader = (
        np.lib.format.read_array_header_1_0 if width == 2 else np.lib.format.read_array_header_2_0
    )
    try:
        shape, fortran_order, dtype = reader(io.BytesIO(header))
    except Exception as error:  # a header is parsed as Python, which has many ways to fail
        raise _damaged(name, source, f"a header that is none: {error}") from error
    if len(shape) > _MOST_AXES or any(isinstance(size, bool) or size < 0 for size in shape):
        raise _damaged(name, source, f"a header that says {shape}")
    return tuple(shape), fortran_order, dtype


def _check_numbers(name: str, source: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "iufcb" or dtype.hasobject:
        what = "Python objects" if dtype.hasobject else str(dtype)
        raise DTypeError(
            f"`{name}` must hold numbers; got {what} in {source!r}. Save a numeric array."
        )


def _check_length(name: str, source: str, header: Header, available: int) -> None:
    if header.nbytes > available:
        raise _damaged(
            name, source, f"{available:,} bytes where its header speaks of {header.nbytes:,}"
        )


def _damaged(name: str, source: str, what: str) -> GeometryError:
    return GeometryError(
        f"`{name}` must be a whole array in .npy format; got {source!r} with {what}. "
        "The file is damaged, or cut off."
    )
