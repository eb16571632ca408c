"""Hypothesis strategies for convolutions, leaning to where bugs live.

Sizes are drawn unsorted, kernels have sides 1, 2 and even ones, axes have length 1, padding is
wider than the axis or negative, strides exceed kernels. Weights and inputs are small whole numbers,
so that right answers are exact in every dtype, and examples shrink to something that can be read.
"""

from ._arrays import inputs, weights
from ._geometries import conv_arguments, conv_transpose_arguments, geometries
from ._operators import conv_transposes, convs

__all__ = [
    "conv_arguments",
    "conv_transpose_arguments",
    "conv_transposes",
    "convs",
    "geometries",
    "inputs",
    "weights",
]
