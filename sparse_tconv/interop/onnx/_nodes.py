"""One node: its attributes, weights and shapes as an operator."""

from __future__ import annotations

from math import prod
from typing import Any

from onnx import AttributeProto, NodeProto

from ...errors import GeometryError, ShapeError
from ...geometry import ConvGeometry
from ...operators import Affine, Conv, ConvOperator, ConvTranspose
from ._folding import fold
from ._inputs import listed_dims
from ._names import text
from ._pads import Axis, conv_pads, conv_transpose_pads
from ._scopes import Scope

_LARGEST = 2**31 - 1  # of a stride or a pad, and of the entries of one sample
_AUTO_PADS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
_CONV = {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"}
_KNOWN = {"Conv": _CONV, "ConvTranspose": _CONV | {"output_padding", "output_shape"}}


def node_operator(node: NodeProto, scope: Scope, fold_pads: bool) -> ConvOperator | Affine:
    """The operator of a Conv or ConvTranspose node, with the padding nodes before it on demand."""
    if not 2 <= len(node.input) <= 3:
        raise GeometryError(
            f"`model` must give a convolution 2 or 3 inputs; got {len(node.input)}. The file is damaged."
        )
    attributes = _Attributes(node)
    weight = scope.array(node.input[1])
    if weight.ndim < 3:
        raise ShapeError(
            f"`model` must give a weight of at least 3 axes; got {weight.shape} for {text(node.input[1])!r}. "
            f"The file is damaged."
        )
    transposed = node.op_type == "ConvTranspose"
    group = attributes.integer("group", 1)
    channels = weight.shape[0] if transposed else weight.shape[1] * group
    in_shape = _in_shape(node.input[0], scope, channels, weight.ndim)
    kernel_size = list(weight.shape[2:])
    n_axes = len(kernel_size)
    if attributes.integers("kernel_shape", n_axes, kernel_size, 1) != kernel_size:
        raise GeometryError(
            f"`model` must give a kernel_shape that is the weight's, {kernel_size}; "
            f"got {attributes.integers('kernel_shape', n_axes, kernel_size, 1)}. The file is damaged."
        )
    stride = attributes.integers("strides", n_axes, [1] * n_axes, 1)
    dilation = attributes.integers("dilations", n_axes, [1] * n_axes, 1)
    axes = [Axis(*a) for a in zip(in_shape[1:], kernel_size, stride, dilation, strict=True)]
    options: dict[str, Any] = {"stride": stride, "dilation": dilation, "groups": group}
    if transposed:
        options["padding"] = _conv_transpose_pads(attributes, axes)
    else:
        options["padding"] = conv_pads(attributes.auto_pad(), axes, attributes.pads(n_axes))
    joined = None
    if fold_pads and not transposed:
        joined = fold(node.input[0], in_shape[1:], options["padding"], scope)
    if joined is not None:
        in_shape = (in_shape[0], *joined.size)
        options |= {"padding": joined.pads, "padding_mode": joined.modes}
    _check_size(weight.shape, in_shape, transposed, options)
    op = (ConvTranspose if transposed else Conv)(weight, in_shape, **options)
    if len(node.input) < 3 or not node.input[2]:
        return op
    return Affine(op, scope.array(node.input[2]))


def _check_size(
    weight_shape: tuple[int, ...], in_shape: tuple[int, ...], transposed: bool, options: Any
) -> None:
    """Refuse samples of absurd sizes, before an engine is chosen for them."""
    if prod(in_shape) > _LARGEST:
        raise _too_large(in_shape)
    make = ConvGeometry.from_conv_transpose if transposed else ConvGeometry.from_conv
    g = make(weight_shape, in_shape, **options)
    if max(g.shape) > _LARGEST:
        raise _too_large(g.x_shape, g.y_shape)


def _too_large(*shapes: tuple[int, ...]) -> ShapeError:
    return ShapeError(
        f"`model` must have samples of at most {_LARGEST} entries; got {' and '.join(map(str, shapes))}. "
        f"The file is damaged, or `input_shapes` is too large."
    )


def _conv_transpose_pads(attributes: _Attributes, axes: list[Axis]) -> Any:
    """The pads of a ConvTranspose."""
    n_axes = len(axes)
    extra = attributes.integers("output_padding", n_axes, [0] * n_axes, 0)
    for amount, axis in zip(extra, axes, strict=True):
        if amount >= max(axis.s, axis.d):
            raise GeometryError(
                f"`model` must give output_padding less than stride or dilation, {max(axis.s, axis.d)}; got {amount}. "
                f"The file is damaged."
            )
    size = attributes.integers("output_shape", n_axes, [], 1) or None
    # Given pads are ignored where output_shape says the size.
    pads = [(0, 0)] * n_axes if size else attributes.pads(n_axes)
    return conv_transpose_pads(attributes.auto_pad(), axes, pads, extra, size)


def _in_shape(name: Any, scope: Scope, channels: int, n_dims: int) -> tuple[int, ...]:
    """Shape of one sample; an open channel count is the weight's."""
    shape = scope.shapes.shape(name)
    if shape is None:
        shape = (None,) * n_dims
    if len(shape) != n_dims:
        raise ShapeError(
            f"`model` must give {text(name)!r} {n_dims} dimensions, as many as its weight; got {listed_dims(shape)}. "
            f"Batch and channel axes are among them."
        )
    size = shape[2:]
    if None in size:
        raise ShapeError(
            f"`input_shapes` must say the size of {text(name)!r}, which the model leaves open: {listed_dims(shape)}; got too "
            f"little for it. Pass input_shapes={{name: shape}} for the model's inputs, or for {text(name)!r}."
        )
    return (channels if shape[1] is None else shape[1], *(dim for dim in size if dim is not None))


class _Attributes:
    """The attributes of a node, each checked when it is read."""

    def __init__(self, node: NodeProto) -> None:
        self._found: dict[str, AttributeProto] = {}
        for attribute in node.attribute:
            name = text(attribute.name)
            if name not in _KNOWN[node.op_type]:
                raise GeometryError(
                    f"`model` must give a {node.op_type} attributes that ONNX defines; got {name!r}. "
                    f"The file is damaged, or of a version yet to come."
                )
            self._found[name] = attribute

    def integer(self, name: str, default: int) -> int:
        """An attribute that is one int."""
        if name not in self._found:
            return default
        return int(self._of_type(name, AttributeProto.INT).i)

    def integers(self, name: str, count: int, default: list[int], minimum: int) -> list[int]:
        """An attribute that is a list of ints, one per entry."""
        if name not in self._found:
            return default
        values = list(self._of_type(name, AttributeProto.INTS).ints)
        if len(values) != count or min(values) < minimum or max(values) > _LARGEST:
            raise GeometryError(
                f"`model` must give {name} as {count} ints, {minimum} to {_LARGEST}; got {values[:20]}. The file is damaged."
            )
        return values

    def pads(self, n_axes: int) -> list[tuple[int, int]]:
        """The explicit pads; ONNX lists all the beginnings, then all the ends."""
        values = self.integers("pads", 2 * n_axes, [0] * (2 * n_axes), 0)
        if any(values) and self.auto_pad() != "NOTSET":
            raise GeometryError(
                f"`model` must not give pads together with auto_pad={self.auto_pad()}; got {values}. "
                f"Leave one of them out."
            )
        return list(zip(values[:n_axes], values[n_axes:], strict=True))

    def auto_pad(self) -> str:
        """The rule that the pads follow."""
        if "auto_pad" not in self._found:
            return "NOTSET"
        word = text(self._of_type("auto_pad", AttributeProto.STRING).s) or "NOTSET"
        if word not in _AUTO_PADS:
            raise GeometryError(
                f"`model` must give auto_pad as one of {', '.join(_AUTO_PADS)}; got {word!r}. The file is damaged."
            )
        return word

    def _of_type(self, name: str, kind: int) -> AttributeProto:
        attribute = self._found[name]
        if attribute.type != kind:
            wanted = AttributeProto.AttributeType.Name(kind)
            raise GeometryError(
                f"`model` must give {name} as {wanted}; got type {attribute.type}. The file is damaged."
            )
        return attribute
