"""Pictures of operators and results: matplotlib axes in, matplotlib axes out (extra ``plot``)."""

from __future__ import annotations

from ._overlap import overlap
from ._solution import discrepancy, gcv, lcurve, picard
from ._spectrum import spectrum
from ._spy import spy
from ._steps import steps

__all__ = ["discrepancy", "gcv", "lcurve", "overlap", "picard", "spectrum", "spy", "steps"]
