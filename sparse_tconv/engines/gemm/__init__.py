"""The engine `gemm`: C as a sum of small dense matrices on shifted images, multiplied by BLAS."""

from __future__ import annotations

from .engine import GemmEngine

__all__ = ["GemmEngine"]
