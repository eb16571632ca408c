"""The matrix of a convolution, its transpose, and everything that can be asked of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .assembly import conv_matrix, conv_transpose_matrix
from .errors import (
    DTypeError,
    GeometryError,
    MatrixTooLargeError,
    MissingExtraError,
    ShapeError,
    SparseTconvError,
)
from .geometry import ConvGeometry
from .operators import Conv, ConvTranspose
from .threads import num_threads, set_num_threads, threads

__version__ = "0.1.0"

__all__ = [
    "Conv",
    "ConvGeometry",
    "ConvTranspose",
    "DTypeError",
    "GeometryError",
    "MatrixTooLargeError",
    "MissingExtraError",
    "ShapeError",
    "SparseTconvError",
    "conv_matrix",
    "conv_transpose_matrix",
    "num_threads",
    "set_num_threads",
    "threads",
]

_SUBPACKAGES = ("analysis", "chunked", "interop", "inverse", "plotting", "testing")


def __getattr__(name: str) -> Any:
    """Sub-packages load on first use."""
    if name in _SUBPACKAGES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBPACKAGES])
