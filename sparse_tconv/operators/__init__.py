"""Operators: C and C^T in SciPy's protocol."""

from __future__ import annotations

from ._base import ConvOperator
from ._conv import Conv, ConvTranspose

__all__ = ["Conv", "ConvOperator", "ConvTranspose"]
