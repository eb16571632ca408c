"""Pictures of results: matplotlib axes in, matplotlib axes out (extra ``plot``)."""

from __future__ import annotations

from ._solution import discrepancy, gcv, lcurve, picard

__all__ = ["discrepancy", "gcv", "lcurve", "picard"]
