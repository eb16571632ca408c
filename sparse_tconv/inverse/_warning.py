"""Warnings that point at the caller's line, however many functions of the package are between."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from ..solution import ConvergenceWarning, Solution, Status

_PACKAGE = str(Path(__file__).parents[1])


def warn_unless_converged(solution: Solution) -> Solution:
    """The solution, after a warning if it is not as exact as was asked for."""
    if not solution.converged and solution.status is not Status.STOPPED:
        message = f"{solution.method}: {solution.status.value}"
        warnings.warn(message, ConvergenceWarning, stacklevel=_caller())
    return solution


def _caller() -> int:
    """The `stacklevel`, for the function that asks, of the first frame outside the package."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level
