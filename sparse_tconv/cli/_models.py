"""Layers of ONNX models in place of weight files: ``model.onnx`` and ``model.onnx:node``."""

from __future__ import annotations

import argparse
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .. import interop
from ..errors import SparseTconvError
from ..operators import Affine, ConvOperator
from ._errors import UsageError
from ._values import numbers

Layer = ConvOperator | Affine
_HINT = "On the command line: --input-shape NAME=1,3,224,224."

_MODEL = re.compile(r"(?P<path>.+?\.onnx)(?::(?P<node>.+))?", re.IGNORECASE | re.DOTALL)


def split_model(source: str) -> tuple[str, str | None] | None:
    """Path and node of a model; None for another file, whatever its name has in it."""
    if Path(source).exists():
        return (source, None) if source.lower().endswith(".onnx") else None
    match = _MODEL.fullmatch(source)
    return None if match is None else (match["path"], match["node"])


def linear(layer: Layer) -> ConvOperator:
    """The layer without its bias."""
    return layer.op if isinstance(layer, Affine) else layer


def input_shape(text: str) -> tuple[str, Any]:
    """``name=1,3,224,224`` or ``1,3,224,224``: a name, or '', and a shape."""
    name, _, shape = text.rpartition("=")
    return name, numbers(shape)


def all_layers(
    source: str, arguments: argparse.Namespace
) -> tuple[dict[str, Layer], dict[str, str]]:
    """The layers of the model by name, and why others that convolve are not among them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the second answer has the reasons
        found, unread = _layers(_split(source)[0], arguments, None)
    return found, {name: _hinted(reason) for name, reason in unread.items()}


def one_layer(source: str, arguments: argparse.Namespace) -> Layer:
    """The layer that `source` names, or the only one of the model."""
    path, node = _split(source)
    wanted = _only(path) if node is None else node
    return _layers(path, arguments, [wanted])[0][wanted]


def _split(source: str) -> tuple[str, str | None]:
    return split_model(source) or (source, None)


def _only(path: str) -> str:
    """The name of the one convolution of a model."""
    names = interop.onnx.node_names(path)
    if len(names) == 1:
        return str(names[0])
    listed = ", ".join(names) or "none"
    hint = f"Write {path}:{names[0]}." if names else "It has nothing to convolve with."
    raise UsageError(
        f"`weight` must be one convolution; got {path!r}, which has {len(names)}: {listed}. {hint}"
    )


def _layers(
    path: str, arguments: argparse.Namespace, nodes: list[str] | None
) -> tuple[dict[str, Layer], dict[str, str]]:
    given = vars(arguments)
    shapes = _input_shapes(given.get("input_shape"))
    # Half precision is read by what it becomes; other types are cast, or refused, afterwards.
    dtype = given.get("dtype") if given.get("dtype") in (np.float32, np.float64) else None
    folds = given.get("fold_pads", False)
    try:
        found = interop.onnx.from_model(path, shapes, nodes=nodes, fold_pads=folds, dtype=dtype)
    except SparseTconvError as error:
        if "`input_shapes`" not in str(error):
            raise
        raise UsageError(_hinted(str(error))) from error
    return found, found.unread


def _hinted(message: str) -> str:
    """A message, in the words of the command line too where it asks for sizes."""
    return f"{message} {_HINT}" if "`input_shapes`" in message else message


def _input_shapes(given: list[tuple[str, Any]] | None) -> Any:
    """One shape for a model with one input, or shapes by name."""
    if given is None:
        return None
    if len(given) == 1 and not given[0][0]:
        return given[0][1]
    names = [name for name, _ in given]
    if "" in names or len(set(names)) < len(names):
        raise UsageError(
            "`--input-shape` must name a different input each time that it is repeated; got "
            f"{', '.join(name or 'no name' for name in names)}. Write name=1,3,224,224."
        )
    return dict(given)
