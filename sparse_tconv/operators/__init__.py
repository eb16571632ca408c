"""Operators: C and C^T in SciPy's protocol, and what can be derived from them."""

from __future__ import annotations

from ._affine import Affine, add_bias, cast_bias, checked_bias
from ._base import ConvOperator
from ._conv import Conv, ConvTranspose
from ._gram import GramOperator
from ._info import Info
from ._kernel_operator import KernelOperator
from ._samples import SampleOperator
from ._state import State

__all__ = [
    "Affine",
    "Conv",
    "ConvOperator",
    "ConvTranspose",
    "GramOperator",
    "Info",
    "KernelOperator",
    "SampleOperator",
    "State",
    "add_bias",
    "cast_bias",
    "checked_bias",
]
