"""Products by the fast Fourier transform."""

from __future__ import annotations

from ._engine import FftEngine

__all__ = ["FftEngine"]
