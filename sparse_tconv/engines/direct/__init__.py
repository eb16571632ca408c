"""Compiled loops (extra `fast`): Numba is imported at the first product, not before."""

from __future__ import annotations

from ._engine import DirectEngine

__all__ = ["DirectEngine"]
