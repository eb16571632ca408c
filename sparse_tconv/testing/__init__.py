"""Test anybody's forward and adjoint, and learn what is wrong with them.

For tests of one's own: `dot_test`, `assert_adjoint`, `exact_test` and `diagnose` take matrices,
linear operators of SciPy, PyLops and this library, and pairs of functions on NumPy arrays or torch
tensors; `check_operator` takes linear operators. `reference_cases`, `oracles`, `strategies` (with
hypothesis, imported on first use) give convolutions with known answers.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import MissingExtraError
from . import oracles
from ._assert import assert_adjoint
from ._cases import ReferenceCase, reference_cases
from ._check import LawResult, OperatorReport, check_operator
from ._diagnosis import diagnose
from ._dot_test import dot_test
from ._exact import ExactReport, exact_test
from ._finding import Cause, Diagnosis, Finding
from ._report import AdjointReport

if TYPE_CHECKING:
    from . import strategies

__all__ = [
    "AdjointReport",
    "Cause",
    "Diagnosis",
    "ExactReport",
    "Finding",
    "LawResult",
    "OperatorReport",
    "ReferenceCase",
    "assert_adjoint",
    "check_operator",
    "diagnose",
    "dot_test",
    "exact_test",
    "oracles",
    "reference_cases",
    "strategies",
]


if not TYPE_CHECKING:  # who checks types knows all names, and a wrong one

    def __getattr__(name: str) -> ModuleType:
        """Import `strategies`, and with it hypothesis, when it is first asked for."""
        if name != "strategies":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            return importlib.import_module(f"{__name__}.strategies")
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "hypothesis":
                raise
            raise MissingExtraError(
                "`sparse_tconv.testing.strategies` needs hypothesis; it is not installed. "
                "Run: pip install 'sparse_tconv[test]'"
            ) from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
