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
    is_sequence,
    names,
    padding,
    padding_modes,
    per_axis,
    shape,
)
from ._arrays import (
    boolean_array,
    constant_array,
    kernel_array,
    kernel_array_for,
    masked,
    numeric_array,
    numeric_dtype,
    optional_dtype,
)

__all__ = [
    "PADDING_MODES",
    "PADDING_WORDS",
    "Pair",
    "boolean_array",
    "constant_array",
    "flag",
    "integer",
    "is_sequence",
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
    "shape",
]
