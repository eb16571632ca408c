"""Pictures of operators and results: matplotlib axes in, matplotlib axes out (extra ``plot``); and a
page to explore one, which needs no extra.
"""

from __future__ import annotations

from ._explorer import Explorer, explorer
from ._overlap import overlap
from ._solution import discrepancy, gcv, lcurve, picard
from ._spectrum import spectrum
from ._spy import spy
from ._steps import steps

__all__ = [
    "Explorer",
    "discrepancy",
    "explorer",
    "gcv",
    "lcurve",
    "overlap",
    "picard",
    "spectrum",
    "spy",
    "steps",
]
