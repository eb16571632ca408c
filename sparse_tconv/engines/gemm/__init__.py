"""Products by BLAS."""

from __future__ import annotations

from . import cost
from ._engine import GemmEngine
from .cost import Order

__all__ = ["GemmEngine", "Order", "cost"]
