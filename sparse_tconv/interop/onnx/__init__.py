"""ONNX: the operators of a model file's convolutions."""

from __future__ import annotations

from .._extras import missing

try:
    from ._models import from_model, node_names
except ModuleNotFoundError as error:
    raise missing("onnx", error) from error

__all__ = ["from_model", "node_names"]
