"""The layers, models and operators that other libraries already have: torch, onnx and pylops.

Each submodule needs the package of its name, which is imported on first use only:
``sparse_tconv.interop.torch`` for modules, models and autograd, ``sparse_tconv.interop.onnx`` for
model files, ``sparse_tconv.interop.pylops`` for operators in both directions.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import onnx, pylops, torch

__all__ = ["onnx", "pylops", "torch"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import a submodule, and with it its package, when it is first asked for."""
        if name in __all__:
            return import_module(f".{name}", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
