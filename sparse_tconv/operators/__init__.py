"""Operators: C and C^T in SciPy's protocol, what composes with them, and what can be derived."""

from __future__ import annotations

from ._affine import Affine, add_bias, cast_bias, checked_bias
from ._algebra import product
from ._base import ConvOperator
from ._conv import Conv, ConvTranspose
from ._diagonal import Diagonal, Identity
from ._gram import GramOperator
from ._info import Info
from ._joins import block_diag, hstack, vstack
from ._kernel_operator import KernelOperator
from ._local_conv import LocalConv, LocalConvTranspose
from ._local_kernel import LocalKernelOperator
from ._operator import Operator
from ._powers import LARGEST_ROOT, power_of_two
from ._restriction import Restriction
from ._state import State
from ._terms import Terms, terms_of
from ._wrapped import as_operator, is_foreign

__all__ = [
    "LARGEST_ROOT",
    "Affine",
    "Conv",
    "ConvOperator",
    "ConvTranspose",
    "Diagonal",
    "GramOperator",
    "Identity",
    "Info",
    "KernelOperator",
    "LocalConv",
    "LocalConvTranspose",
    "LocalKernelOperator",
    "Operator",
    "Restriction",
    "State",
    "Terms",
    "add_bias",
    "as_operator",
    "block_diag",
    "cast_bias",
    "checked_bias",
    "hstack",
    "is_foreign",
    "power_of_two",
    "product",
    "terms_of",
    "vstack",
]
