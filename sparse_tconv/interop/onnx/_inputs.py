"""Shapes by name from what the caller gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from onnx import ModelProto

from ... import _validate as validate
from ...errors import DTypeError, GeometryError, ShapeError
from ._names import text
from ._shapes import Dims, dimensions
from ._tensors import frozen


def given_arrays(inputs: Any) -> dict[str, NDArray[Any]]:
    """Arrays by name, each held once, however many nodes read it."""
    if not isinstance(inputs, Mapping | None):
        raise DTypeError(
            f"`inputs` must map names to arrays; got {type(inputs).__name__}. Pass {{name: array}}."
        )
    named = {_name("inputs", name): array for name, array in (inputs or {}).items()}
    return {n: frozen(validate.numeric_array(f"inputs[{n!r}]", a)) for n, a in named.items()}


def _name(argument: str, name: Any) -> str:
    if not isinstance(name, str):
        raise GeometryError(f"`{argument}` must have names as keys; got {name!r}. Pass a str.")
    return name


def given_shapes(model: ModelProto, input_shapes: Any) -> dict[Any, tuple[int, ...]]:
    """Shapes by name from a mapping, or from one shape for the only input."""
    if input_shapes is None:
        return {}
    inputs = _inputs(model)
    if not isinstance(input_shapes, Mapping):
        if len(inputs) != 1:
            listed = ", ".join(repr(text(name)) for name in inputs)
            raise GeometryError(
                f"`input_shapes` must map names to shapes for a model with {len(inputs)} inputs; got "
                f"{input_shapes!r}. The names are: {listed or 'none'}."
            )
        input_shapes = {next(iter(inputs)): input_shapes}
    shapes = {
        _name("input_shapes", name) if name not in inputs else name: validate.shape(
            "input_shapes", shape
        )
        for name, shape in input_shapes.items()
    }
    for name, shape in shapes.items():
        wanted = inputs.get(name)
        if wanted is not None and len(wanted) != len(shape):
            raise ShapeError(
                f"`input_shapes` must have {len(wanted)} entries for {name!r}, batch axis included, as in the model; "
                f"got {shape}. The model says {listed_dims(wanted)}."
            )
    return shapes


def contradicts(model: ModelProto, shapes: dict[Any, tuple[int, ...]]) -> bool:
    """Whether a given shape differs from the declared one, so that inner ones are out of date."""
    inputs = _inputs(model)
    return any(
        known is not None and known != size
        for name, shape in shapes.items()
        for known, size in zip(inputs.get(name) or (), shape, strict=False)
    )


def listed_dims(dims: Dims) -> str:
    """Dimensions in writing, '?' for each that is open."""
    return "(" + ", ".join("?" if dim is None else str(dim) for dim in dims) + ")"


def _inputs(model: ModelProto) -> dict[Any, Dims | None]:
    """The declared shapes of the inputs that are no weights."""
    held = {tensor.name for tensor in model.graph.initializer}
    return {i.name: dimensions(i.type) for i in model.graph.input if i.name not in held}
