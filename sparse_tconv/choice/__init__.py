"""Which engine computes, and when compiled loops take over: engines say what they cost, the choice
compares.
"""

from __future__ import annotations

from ._ahead import compile_ahead
from ._estimates import choose, estimates, refusals
from ._readiness import has_compiler, readiness, set_compiled
from ._selection import Selection

__all__ = [
    "Selection",
    "choose",
    "compile_ahead",
    "estimates",
    "has_compiler",
    "readiness",
    "refusals",
    "set_compiled",
]
