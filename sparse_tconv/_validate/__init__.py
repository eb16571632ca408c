"""Arguments in, clean values out: the checks that every entry point shares.

Everything here is about one argument at a time and raises the error that names it; what depends on
several arguments together (output sizes, channel counts) is checked where the geometry is made.
"""

from ._arguments import (
    PADDING_MODES,
    PADDING_WORDS,
    Pair,
    flag,
    integer,
    names,
    padding,
    padding_modes,
    per_axis,
    shape,
)
from ._arrays import (
    array,
    boolean_array,
    constant_array,
    kernel_array,
    kernel_array_for,
    masked,
    numeric_array,
    numeric_dtype,
    optional_dtype,
)
from ._foreign import entries, has, is_sequence, is_word, real, written
from ._tensors import check_tensor, tensor_values

__all__ = [
    "PADDING_MODES",
    "PADDING_WORDS",
    "Pair",
    "array",
    "boolean_array",
    "check_tensor",
    "constant_array",
    "entries",
    "flag",
    "has",
    "integer",
    "is_sequence",
    "is_word",
    "kernel_array",
    "kernel_array_for",
    "masked",
    "names",
    "numeric_array",
    "numeric_dtype",
    "optional_dtype",
    "padding",
    "padding_modes",
    "per_axis",
    "real",
    "shape",
    "tensor_values",
    "written",
]
