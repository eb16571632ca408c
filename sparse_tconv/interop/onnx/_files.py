"""From a path, bytes or a ModelProto to a model that at least looks like one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from onnx import ModelProto

from ...errors import DTypeError, GeometryError

_LARGEST = 2**31 - 1  # what protobuf reads


def load(model: Any) -> tuple[ModelProto, Path | None]:
    """The model, and the folder that its external data must be in, if it has one."""
    folder = None
    if isinstance(model, ModelProto):
        proto = model
    elif isinstance(model, (bytes, bytearray, memoryview)):
        proto = _parsed(bytes(model), "bytes")
    elif isinstance(model, (str, os.PathLike)):
        path = Path(os.fsdecode(model))
        proto, folder = _parsed(_content(path), repr(path.name)), path.parent
    else:
        raise DTypeError(
            f"`model` must be a path, bytes or an onnx.ModelProto; got {type(model).__name__}. "
            f"Pass the path of the model's file."
        )
    if not (proto.HasField("graph") and proto.ir_version and proto.opset_import):
        raise GeometryError(
            "`model` must be an ONNX model; got one without a graph, an IR version or an operator set. "
            "The file is no ONNX model, or it is cut off."
        )
    return proto, folder


def _content(path: Path) -> bytes:
    """The bytes of a regular file that protobuf could read."""
    if "\0" in str(path):
        raise GeometryError(
            f"`model` must be the path of a file; got {str(path)!r}. No name has a NUL."
        )
    size = path.stat().st_size
    if not path.is_file() or size > _LARGEST:
        raise GeometryError(
            f"`model` must be a regular file of at most {_LARGEST} bytes; got {path.name!r}, of {size} bytes. "
            f"Keep large weights as external data beside the model."
        )
    return path.read_bytes()


def _parsed(content: bytes, origin: str) -> ModelProto:
    proto = ModelProto()
    try:
        proto.ParseFromString(content)
    except DecodeError as error:
        raise GeometryError(
            f"`model` must be an ONNX model; got {origin}, {len(content)} bytes that protobuf cannot read. "
            f"The file is no ONNX model, or it is cut off."
        ) from error
    return proto
