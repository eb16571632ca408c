"""Tensors of a model as arrays: type, dimensions and length are compared before anything is
allocated.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from ...errors import DTypeError, GeometryError, ShapeError

_MOST_AXES = 64  # as NumPy's
_DTYPES = {TensorProto.FLOAT: "<f4", TensorProto.DOUBLE: "<f8"}
# What a weight may be made of, and how its values lie in a field of their own.
_SOURCES = _DTYPES | {
    TensorProto.FLOAT16: "<f2",
    TensorProto.INT8: "<i1",
    TensorProto.UINT8: "<u1",
    TensorProto.INT32: "<i4",
    TensorProto.INT64: "<i8",
}
_FIELDS = {
    TensorProto.FLOAT: "float_data",
    TensorProto.DOUBLE: "double_data",
    TensorProto.INT64: "int64_data",
}


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """An array that nobody can write to, whose memory many operators share."""
    return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)


def tensor_array(
    tensor: TensorProto, name: str, folder: Path | None, sources: bool = False
) -> NDArray[Any]:
    """The values of a tensor, frozen; `name` is what errors call it. With `sources`, of the types
    too that a weight may be made of.
    """
    dtype = _dtype(tensor, name, _SOURCES if sources else _DTYPES)
    dims = tuple(tensor.dims)
    count = prod(dims)
    if len(dims) > _MOST_AXES:
        raise ShapeError(
            f"`model` must give tensors of at most {_MOST_AXES} axes; got {len(dims)} for {name!r}. The file is damaged."
        )
    if min(dims, default=1) < 1:
        raise ShapeError(
            f"`model` must give tensors of positive dimensions; got {dims} for {name!r}. The file is damaged."
        )
    if tensor.data_location == TensorProto.EXTERNAL:
        return _external(tensor, name, folder, dtype, count).reshape(dims)
    if tensor.HasField("raw_data"):
        _check_length(name, dims, dtype, len(tensor.raw_data), count * dtype.itemsize, "bytes")
        return np.frombuffer(tensor.raw_data, dtype).reshape(dims)
    values = getattr(tensor, _FIELDS.get(tensor.data_type, "int32_data"))
    _check_length(name, dims, dtype, len(values), count, "values")
    if tensor.data_type == TensorProto.FLOAT16:  # its bits, in integers
        return frozen(np.array(values, np.int64).astype("<u2").view(dtype).reshape(dims))
    if dtype.kind in "iu":
        return frozen(np.array(values, np.int64).astype(dtype).reshape(dims))
    return frozen(np.array(values, dtype).reshape(dims))


def _dtype(tensor: TensorProto, name: str, known: Mapping[int, str]) -> np.dtype[Any]:
    """float32 or float64, what ONNX gives a convolution and this library computes with; or what
    these are made of.
    """
    try:
        return np.dtype(known[tensor.data_type])
    except KeyError:
        named = tensor.data_type in TensorProto.DataType.values()
        found = TensorProto.DataType.Name(tensor.data_type) if named else tensor.data_type
        raise unknown_type(name, found) from None


def unknown_type(name: str, found: Any) -> DTypeError:
    """The error for weights of a type that is not computed with."""
    return DTypeError(
        f"`model` must have weights of type FLOAT or DOUBLE; got {found} for {name!r}. "
        f"Pass dtype='float32', or them converted: inputs={{{name!r}: array.astype(np.float32)}}."
    )


def _check_length(
    name: str, dims: tuple[int, ...], dtype: np.dtype[Any], found: int, wanted: int, unit: str
) -> None:
    """What the dimensions ask for against what is there."""
    if found != wanted:
        raise ShapeError(
            f"`model` must hold {wanted} {unit} for {name!r}, of dimensions {dims} and {dtype.name}; "
            f"got {found}. The file is damaged or cut off."
        )


def _external(
    tensor: TensorProto, name: str, folder: Path | None, dtype: np.dtype[Any], count: int
) -> NDArray[Any]:
    """Values in a file of their own, inside the model's folder."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    path = _inside(entries.get("location", ""), name, folder)
    size = path.stat().st_size
    offset = _whole(entries.get("offset", "0"), name)
    wanted = count * dtype.itemsize
    length = _whole(entries.get("length", str(wanted)), name)
    _check_length(name, tuple(tensor.dims), dtype, length, wanted, "bytes")
    if offset + length > size:
        raise ShapeError(
            f"`model` must have external data that reaches to byte {offset + length} for {name!r}; "
            f"got a file of {size} bytes, {path.name!r}. The file is cut off."
        )
    with path.open("rb") as file:
        file.seek(offset)
        content = file.read(wanted)
    _check_length(name, tuple(tensor.dims), dtype, len(content), wanted, "bytes")
    return np.frombuffer(content, dtype)


def _whole(text: Any, name: str) -> int:
    """A non-negative int written out."""
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    raise GeometryError(
        f"`model` must give offset and length of external data as whole numbers; got {text!r} for {name!r}. "
        f"The file is damaged."
    )


def _inside(location: Any, name: str, folder: Path | None) -> Path:
    """The regular file at a relative location that stays inside the folder, links followed."""
    if folder is None:
        raise GeometryError(
            f"`model` must be a path when weights are external data; got a model without a folder, with {name!r} in "
            f"{location!r}. Pass its path, or inputs={{{name!r}: array}}."
        )
    if isinstance(location, str) and "\0" not in location and _is_plain(location):
        root = folder.resolve()
        path = (root / location).resolve()
        if path.is_relative_to(root) and path.is_file():
            return path
    raise GeometryError(
        f"`model` must keep external data in files inside its own folder; got {location!r} for {name!r}. "
        f"Such a file does not exist there, or the path leads elsewhere; it is not read."
    )


def _is_plain(location: str) -> bool:
    """A relative path without '..', on any system."""
    kinds = PurePosixPath(location), PureWindowsPath(location)
    return bool(location) and not any(kind.anchor or ".." in kind.parts for kind in kinds)
