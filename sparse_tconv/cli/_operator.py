"""The one place where a weight and its parameters become an operator."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engines import engine_names
from ..errors import DTypeError, GeometryError
from ..operators import Conv, ConvOperator, ConvTranspose
from ._arrays import read_array
from ._errors import UsageError
from ._parser import Parser
from ._values import dtype, numbers, word_or_numbers, words

WEIGHT_HELP = "the kernel: FILE.npy, FILE.npz with one array, FILE.npz:NAME, or - for stdin"

# Spelt as in the functions; what is not given is left to them.
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
        help="zeros, circular, reflect, symmetric or replicate; or one per axis: zeros,circular",
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


def operator_of(
    arguments: argparse.Namespace, sample_shape: tuple[int, ...] | None = None
) -> ConvOperator:
    """The operator that the arguments describe; where they leave `in_shape` out, `sample_shape`
    ends in it.
    """
    given = vars(arguments)
    weight = _weight(arguments)
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


def _weight(arguments: argparse.Namespace) -> NDArray[Any]:
    """The kernel, in the dtype asked for."""
    weight = read_array("weight", arguments.weight)
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
