"""PyLops operators are accepted as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sparse_tconv.testing import Cause, check_operator, diagnose, dot_test, exact_test

pylops = pytest.importorskip("pylops")

OPERATORS = {
    "matrix": lambda: pylops.MatrixMult(np.arange(12.0).reshape(3, 4)),
    "complex matrix": lambda: pylops.MatrixMult(
        np.arange(12.0).reshape(3, 4) * (1 + 2j), dtype="complex128"
    ),
    "single precision": lambda: pylops.MatrixMult(
        np.arange(12, dtype=np.float32).reshape(3, 4), dtype="float32"
    ),
    "first derivative": lambda: pylops.FirstDerivative((7, 8), axis=1),
    "gradient": lambda: pylops.Gradient((7, 8)),
    "Laplacian": lambda: pylops.Laplacian((7, 8)),
    "restriction": lambda: pylops.Restriction(10, [1, 4, 7]),
    "pad": lambda: pylops.Pad((4, 5), ((1, 2), (0, 3))),
    "convolution": lambda: pylops.signalprocessing.Convolve2D((7, 8), np.ones((3, 2)), (1, 0)),
    "Fourier": lambda: pylops.signalprocessing.FFT(12, dtype="complex128"),
    "real Fourier": lambda: pylops.signalprocessing.FFT(12, real=True),
    "stacked": lambda: pylops.VStack([pylops.Identity(5), pylops.Diagonal(np.arange(5.0))]),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_a_right_operator_passes(name: str) -> None:
    operator = OPERATORS[name]()
    report = dot_test(operator, rng=0)
    assert report, repr(report)
    assert exact_test(operator)
    assert diagnose(operator) == ()


@pytest.mark.parametrize("name", ["matrix", "gradient", "restriction"])
def test_a_right_operator_obeys_the_laws(name: str) -> None:
    report = check_operator(OPERATORS[name](), rng=0)
    assert report, repr(report)


def test_shapes_are_those_that_the_operator_states() -> None:
    report = dot_test(pylops.Gradient((7, 8)), rng=0)
    assert report.domain == "(7, 8) float64"
    assert report.codomain == "(2, 7, 8) float64"


def test_the_functions_of_an_operator_work_as_a_pair() -> None:
    operator = pylops.FirstDerivative(9)
    assert dot_test(operator.matvec, operator.rmatvec, in_shape=9, rng=0)


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda y: -y, Cause.SIGN),
        (lambda y: 0.5 * y, Cause.FACTOR),
        (lambda y: np.roll(y.reshape(7, 8), 1, 1).ravel(), None),
    ],
)
def test_a_spoilt_adjoint_is_seen_and_named(make: Any, cause: Cause | None) -> None:
    operator = pylops.Laplacian((7, 8))
    flat = {"in_shape": 56}
    report = dot_test(operator.matvec, lambda y: make(operator.rmatvec(y)), **flat, rng=0)
    assert not report
    found = diagnose(operator.matvec, lambda y: make(operator.rmatvec(y)), **flat)
    assert found
    assert cause is None or cause in found.causes
