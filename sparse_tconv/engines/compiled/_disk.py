"""What Numba has kept on disk of the loops, seen without importing Numba."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

_HERE = Path(__file__).parent


class Loop(NamedTuple):
    """A compiled function for one type of numbers."""

    module: str
    function: str
    dtype: str


@lru_cache(maxsize=1)
def stamp() -> str:
    """A digest of all that the compiled code depends on.

    To tell whether what it kept on disk is stale, Numba looks at the file of the function itself. The
    functions that it calls stand in other files: so the digest of all is part of its name.
    """
    sources = b"".join(path.read_bytes() for path in sorted(_HERE.glob("*.py")))
    try:
        numba = version("numba")
    except PackageNotFoundError:
        numba = ""
    return f"{crc32(sources + numba.encode()):x}"


def name_of(function: str, dtype: str) -> str:
    """What the compiled function is called, on disk too."""
    return f"{function}_{dtype}_{stamp()}"


def on_disk(loop: Loop) -> bool:
    """Whether another process can load the loop instead of compiling it."""
    source = _HERE / f"{loop.module}.py"
    tag = f"py{sys.version_info.major}{sys.version_info.minor}"
    name = f"{loop.module}.{name_of(loop.function, loop.dtype)}-*.{tag}*"
    # Numba takes an index for stale by the content of the source, or by its time before 0.62.
    marks = sha256(source.read_bytes()).digest(), struct.pack(">d", source.stat().st_mtime)
    try:
        return any(
            any(mark in index.read_bytes() for mark in marks)
            and any(index.parent.glob(f"{name}.nbc"))
            for folder in _folders()
            for index in folder.glob(f"{name}.nbi")
        )
    except OSError:
        return False


def _folders() -> Iterator[Path]:
    """Where Numba keeps what it compiled of this room."""
    own = os.environ.get("NUMBA_CACHE_DIR")
    if own:
        yield from Path(own).glob(f"{_HERE.name}_*")
        return
    yield _HERE / "__pycache__"
    home = Path.home()
    for user in (
        os.environ.get("XDG_CACHE_HOME") or home / ".cache",
        home / "Library" / "Caches",
        os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local",
    ):
        yield from (Path(user) / "numba").glob(f"**/{_HERE.name}_*")
