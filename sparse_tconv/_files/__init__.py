"""Files in and out: written whole or not at all, and read without trust."""

from __future__ import annotations

from ._npy import MAGIC as NPY
from ._npy import Header, Readable, read_npy, read_npy_header
from ._npz import MAGIC as NPZ
from ._npz import read_npz
from ._replaced import encoded, is_special, replaced, reserve

__all__ = [
    "NPY",
    "NPZ",
    "Header",
    "Readable",
    "encoded",
    "is_special",
    "read_npy",
    "read_npy_header",
    "read_npz",
    "replaced",
    "reserve",
]
