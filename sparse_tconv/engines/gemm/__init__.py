"""Products by BLAS."""

from __future__ import annotations

from ._engine import GemmEngine

__all__ = ["GemmEngine"]
