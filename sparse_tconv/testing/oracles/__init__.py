"""Convolution and its transpose the slow and obvious way, to test faster ways against.

Everything here is one sample without a batch axis, nested loops, ``numpy.pad`` and
``numpy.add.at``. Nothing of the library's own geometry, patterns or engines is imported, so a
mistake there cannot hide here.

Padding is given resolved: an int, one int per axis, or one ``(before, after)`` pair per axis,
negative values included. The words 'same', 'valid' and 'full' and the argument ``output_size`` are
conveniences of the operators and are not understood here; a test that wants them states the pads
they must resolve to.
"""

from __future__ import annotations

from ._loops import conv, conv_transpose
from ._matrices import matrix, transpose_matrix
from ._parts import extension_matrix
from ._zero_insertion import conv_transpose_zero_insertion

__all__ = [
    "conv",
    "conv_transpose",
    "conv_transpose_zero_insertion",
    "extension_matrix",
    "matrix",
    "transpose_matrix",
]
