"""Arrays in ``.npz`` archives that may hold anything."""

from __future__ import annotations

import errno
import zipfile
from typing import Any, BinaryIO

from numpy.typing import NDArray

from ..errors import GeometryError, SparseTconvError
from ._npy import read_npy

MAGIC = b"PK"
_HARMLESS = 1 << 28  # bytes that any archive may expand to
_RATIO = 64  # of an array to its archive beyond that: numbers seldom reach ten
_LISTED = 20


def read_npz(
    name: str, source: str, file: BinaryIO, member: str | None, nbytes: int
) -> NDArray[Any]:
    """The array of that name, or the only one, in an archive of `nbytes`."""
    try:
        with zipfile.ZipFile(file) as archive:
            found = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            entry = found[_chosen(name, source, list(found), member)]
            _check_expansion(name, source, entry, nbytes)
            with archive.open(entry) as inner:
                array = read_npy(name, source, inner, entry.file_size)
                inner.read(1)  # at its end the checksum is compared
                return array
    except (SparseTconvError, MemoryError):
        raise
    except Exception as error:  # zipfile and zlib each have their own for a damaged archive
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise GeometryError(
            f"`{name}` must be an array in .npz format; got {source!r}: {str(error).rstrip('.')}. "
            "The file is damaged, or cut off."
        ) from error


def _chosen(name: str, source: str, members: list[str], wanted: str | None) -> str:
    """The member asked for, or the only one."""
    listed = ", ".join(members[:_LISTED]) + ", ..." * (len(members) > _LISTED) or "none"
    if wanted is None and len(members) == 1:
        return members[0]
    if wanted in members:
        return str(wanted)
    if wanted is not None:
        raise GeometryError(
            f"`{name}` must be in the file; got {source!r}. Its arrays are: {listed}."
        )
    hint = f"Write {source}:{members[0]}." if members else "Put one in with numpy.savez."
    raise GeometryError(
        f"`{name}` must be one array; got {source!r}, which has {len(members)}: {listed}. {hint}"
    )


def _check_expansion(name: str, source: str, entry: zipfile.ZipInfo, nbytes: int) -> None:
    """Refuse an array that is out of proportion to its archive."""
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise GeometryError(
            f"`{name}` must be compressed as numpy.savez_compressed does; got {source!r}, "
            f"method {entry.compress_type}. Save it with NumPy."
        )
    if entry.file_size > _HARMLESS + _RATIO * nbytes:
        raise GeometryError(
            f"`{name}` must not expand to {entry.file_size:,} bytes; got {source!r}, "
            f"an archive of {nbytes:,} bytes. Save such an array with numpy.save."
        )
