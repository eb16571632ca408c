"""The matrix of a convolution, its transpose, and everything that can be asked of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .assembly import conv_matrix, conv_transpose_matrix
from .cache import CacheInfo, cache_clear, cache_info, set_cache_limit
from .choice import set_compiled
from .errors import (
    DTypeError,
    GeometryError,
    MatrixTooLargeError,
    MissingExtraError,
    ShapeError,
    SparseTconvError,
)
from .functional import (
    conv,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from .geometry import ConvGeometry
from .operators import (
    Affine,
    Conv,
    ConvTranspose,
    Diagonal,
    Identity,
    LocalConv,
    LocalConvTranspose,
    Operator,
    Restriction,
    as_operator,
    block_diag,
    hstack,
    vstack,
)
from .threads import num_threads, set_num_threads, threads

if TYPE_CHECKING:
    # At run time these load on first use.
    from . import analysis as analysis
    from . import chunked as chunked
    from . import interop as interop
    from . import inverse as inverse
    from . import layers as layers
    from . import plotting as plotting
    from . import testing as testing

__version__ = "0.1.0"

__all__ = [
    "Affine",
    "CacheInfo",
    "Conv",
    "ConvGeometry",
    "ConvTranspose",
    "DTypeError",
    "Diagonal",
    "GeometryError",
    "Identity",
    "LocalConv",
    "LocalConvTranspose",
    "MatrixTooLargeError",
    "MissingExtraError",
    "Operator",
    "Restriction",
    "ShapeError",
    "SparseTconvError",
    "as_operator",
    "block_diag",
    "cache_clear",
    "cache_info",
    "conv",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_matrix",
    "conv_transpose",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "conv_transpose_matrix",
    "hstack",
    "num_threads",
    "set_cache_limit",
    "set_compiled",
    "set_num_threads",
    "threads",
    "vstack",
]

_SUBPACKAGES = ("analysis", "chunked", "interop", "inverse", "layers", "plotting", "testing")


if not TYPE_CHECKING:  # who checks types knows all names, and a wrong one

    def __getattr__(name: str) -> Any:
        """Sub-packages load on first use."""
        if name in _SUBPACKAGES:
            return import_module(f".{name}", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBPACKAGES])
