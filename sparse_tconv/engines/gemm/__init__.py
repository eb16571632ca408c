"""Products by BLAS."""

from __future__ import annotations

from . import cost
from ._engine import GemmEngine
from ._products import Order

__all__ = ["GemmEngine", "Order", "cost"]
