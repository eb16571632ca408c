"""What answers look like: the numbers, how they were found, and whether to trust them."""

from __future__ import annotations

from ._convergence import backward_error
from ._result import Complete, NormBounds, Result
from ._solution import ConvergenceWarning, Solution, Status

__all__ = [
    "Complete",
    "ConvergenceWarning",
    "NormBounds",
    "Result",
    "Solution",
    "Status",
    "backward_error",
]
