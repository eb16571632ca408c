"""The one place where a weight and its parameters become an operator."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engines import engine_names
from ..errors import DTypeError, GeometryError
from ..operators import Affine, Conv, ConvOperator, ConvTranspose
from ._arrays import read_array
from ._errors import UsageError
from ._models import Layer, input_shape, linear, one_layer, split_model
from ._parser import Parser
from ._values import PADDING_MODES, dtype, numbers, word_or_numbers, words

WEIGHT_HELP = (
    "the kernel: FILE.npy, FILE.npz with one array, FILE.npz:NAME, or - for stdin; "
    "or a layer of an ONNX model with all its parameters: FILE.onnx, FILE.onnx:NODE"
)

# Spelled as in the functions; what is not given is left to them.
SHARED = (
    "stride",
    "padding",
    "dilation",
    "groups",
    "padding_mode",
    "flip",
    "channels",
    "engine",
)
TRANSPOSED = ("output_padding", "output_size")


def add_operator_options(command: Parser) -> None:
    """Declare the parameters of an operator; those not given are absent from the namespace."""
    options = command.add_argument_group("the operator", argument_default=argparse.SUPPRESS)
    add = options.add_argument
    add("--in-shape", type=numbers, metavar="SHAPE", help="one sample without batch axis: 3,64,64")
    add("--transpose", action="store_true", help="a transposed convolution, C^T (ConvTranspose)")
    add("--stride", type=numbers, metavar="N", help="2, or one per axis: 2,1")
    add(
        "--padding",
        type=word_or_numbers,
        metavar="N",
        help="1; one per axis: 1,2; before and after each axis: '(1,2),(0,1)', "
        "in one dimension '(1,2),'; same, valid or full; with a minus in front: --padding=-1,2",
    )
    add("--dilation", type=numbers, metavar="N", help="2, or one per axis: 2,1")
    add("--groups", type=int, metavar="N", help="divides both channel counts")
    add(
        "--padding-mode",
        type=words,
        metavar="MODE",
        help=f"{PADDING_MODES}; or one per axis: zeros,circular",
    )
    add("--output-padding", type=numbers, metavar="N", help="with --transpose: 1, or 1,0")
    add("--output-size", type=numbers, metavar="N", help="with --transpose: the size wanted, 64,64")
    add("--flip", action="store_true", help="a true convolution, as in SciPy and imaging")
    add(
        "--no-channels",
        action="store_false",
        dest="channels",
        help="a bare kernel on a bare image (channels=False)",
    )
    add("--engine", metavar="NAME", help=f"what computes: {', '.join(engine_names())}")
    add("--dtype", type=dtype, metavar="DTYPE", help="convert the weight first: float32")
    add(
        "--input-shape",
        type=input_shape,
        action="append",
        metavar="[NAME=]SHAPE",
        help="of a model's input, batch axis included, where the file leaves it open: 1,3,224,224; "
        "one for each input: x=1,3,224,224",
    )
    add(
        "--fold-pads",
        action="store_true",
        help="of a model: nodes that pad the input of a convolution become its own padding",
    )


def given_options(arguments: argparse.Namespace) -> list[str]:
    """The options of an operator that were typed, as they are typed."""
    names = ("in_shape", "transpose", *SHARED, *TRANSPOSED)
    typed = ("no-channels" if name == "channels" else name for name in names if name in arguments)
    return [f"--{name.replace('_', '-')}" for name in typed]


def operator_of(
    arguments: argparse.Namespace, sample_shape: tuple[int, ...] | None = None
) -> ConvOperator:
    """The operator that the arguments describe, without the bias that a model's layer may have."""
    return linear(layer_of(arguments, sample_shape))


def layer_of(arguments: argparse.Namespace, sample_shape: tuple[int, ...] | None = None) -> Layer:
    """The operator that the arguments describe, with its bias if a model gives one; where they
    leave `in_shape` out, `sample_shape` ends in it.
    """
    if split_model(arguments.weight) is not None:
        check_model(arguments)
        return converted(one_layer(arguments.weight, arguments), arguments)
    if "input_shape" in arguments:
        raise UsageError(
            f"`--input-shape` must go with an ONNX model; got {arguments.weight!r}. "
            "Pass --in-shape, the shape of one sample."
        )
    if "fold_pads" in arguments:
        raise UsageError(
            f"`--fold-pads` must go with an ONNX model; got {arguments.weight!r}. Leave it out."
        )
    return _operator(arguments, sample_shape)


def check_model(arguments: argparse.Namespace) -> None:
    """Refuse parameters beside a model, whose layers have their own."""
    for option in given_options(arguments):
        raise UsageError(
            f"`{option}` must go with a weight; got {arguments.weight!r}, and the model has it. "
            "Leave it out."
        )


def converted(layer: Layer, arguments: argparse.Namespace) -> Layer:
    """A model's layer in the dtype asked for."""
    if "dtype" not in arguments:
        return layer
    if isinstance(layer, Affine):
        return Affine(layer.op.with_weight(_cast(layer.op.weight, arguments)), layer.bias)
    return layer.with_weight(_cast(layer.weight, arguments))


def _operator(arguments: argparse.Namespace, sample_shape: tuple[int, ...] | None) -> ConvOperator:
    """The operator of a kernel and its parameters."""
    given = vars(arguments)
    weight = _cast(read_array("weight", arguments.weight), arguments)
    in_shape = given.get("in_shape")
    if in_shape is None:
        in_shape = _end(sample_shape, weight.ndim - given.get("channels", True))
    options = {name: given[name] for name in SHARED if name in given}
    transposed = {name: given[name] for name in TRANSPOSED if name in given}
    if given.get("transpose", False):
        return ConvTranspose(weight, in_shape, **options, **transposed)
    for name, value in transposed.items():
        raise GeometryError(
            f"`{name}` must go with a transposed convolution; got {value!r}. "
            "Add --transpose, or leave it out."
        )
    return Conv(weight, in_shape, **options)


def _cast(weight: NDArray[Any], arguments: argparse.Namespace) -> NDArray[Any]:
    """The kernel, in the dtype asked for."""
    wanted = vars(arguments).get("dtype", weight.dtype)
    if not np.can_cast(weight.dtype, wanted, "same_kind"):
        raise DTypeError(
            f"`dtype` must hold the weight, which is {weight.dtype}; got {wanted}. "
            "Convert the file itself, if that is meant."
        )
    return weight.astype(wanted, copy=False)


def _end(sample_shape: tuple[int, ...] | None, n_axes: int) -> tuple[int, ...]:
    """The last axes of a sample, which may have batch axes in front."""
    if sample_shape is None:
        raise UsageError(
            "`--in-shape` must be given; got none. Pass the shape of one sample, such as 3,64,64."
        )
    return sample_shape[max(len(sample_shape) - n_axes, 0) :]
