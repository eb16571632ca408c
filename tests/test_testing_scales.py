"""Tests of operators far from size 1 pass what is right, and find what is wrong."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from sparse_tconv import Conv
from sparse_tconv.testing import (
    Cause,
    assert_adjoint,
    check_operator,
    diagnose,
    dot_test,
    exact_test,
)

SIZES = [1e-300, 1e-160, 1e160, 1e300]
SHAPE = (6, 7)
KERNEL = np.array([[0.1, 0.2, 0.1], [0.2, 0.5, 0.15], [0.05, 0.1, 0.2]])


@pytest.fixture(autouse=True)
def loud():
    """Nothing overflows on the way, not even with a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def operator(size, dtype=np.float64):
    kernel = KERNEL * (1 + 0.5j) if np.dtype(dtype).kind == "c" else KERNEL
    return Conv((kernel * size).astype(dtype), SHAPE, padding=1, channels=False)


def with_a_wrong_entry(size):
    """The matrix, and its adjoint with one entry off by a tenth of the norm."""
    matrix = operator(size).toarray()
    wrong = matrix.T.copy()
    wrong[3, 4] += 0.1 * size
    return matrix, wrong


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("size", SIZES)
def test_right_operators_pass_at_every_scale(size, dtype):
    op = operator(size, dtype)
    at_one = dot_test(operator(1.0, dtype), rng=0)
    report = dot_test(op, rng=0)
    assert report.passed
    assert np.isclose(report.smallest_error, at_one.smallest_error, rtol=1e-6)
    assert_adjoint(op, rng=0)
    assert check_operator(op, rng=0)
    assert exact_test(op).passed
    assert not diagnose(op)


@pytest.mark.parametrize("size", [1e-35, 1e35])
def test_single_precision_passes_at_its_ends(size):
    op = operator(size, np.float32)
    assert dot_test(op, rng=0)
    assert exact_test(op)
    assert check_operator(op, rng=0)


@pytest.mark.parametrize("size", SIZES)
def test_wrong_entries_are_found_at_every_scale(size):
    matrix, wrong = with_a_wrong_entry(size)
    assert not dot_test(matrix, wrong, rng=0)
    with pytest.raises(AssertionError, match="adjoint identity violated"):
        assert_adjoint(matrix, wrong, rng=0)
    report = exact_test(matrix, wrong)
    assert report.wrong_entries == 1
    assert np.isclose(report.error, 0.1 * size, rtol=1e-6)
    assert np.isclose(report.relative_error, 0.1 * size / (np.linalg.norm(matrix / size) * size))
    (finding,) = diagnose(matrix, wrong)
    assert finding.cause is Cause.ENTRIES
    assert f"{wrong[3, 4]:.6g}, {matrix[4, 3]:.6g} is due" in finding.evidence


@pytest.mark.parametrize("size", SIZES)
def test_a_factor_is_named_at_every_scale(size):
    matrix = operator(size).toarray()
    assert "2 times the right adjoint" in diagnose(matrix, 2 * matrix.T)[0].evidence
    assert np.isclose(exact_test(matrix, 2 * matrix.T).scale, 2.0)


def test_an_adjoint_of_another_scale_is_not_taken_for_right():
    matrix = operator(1.0).toarray()
    for size in SIZES:
        assert not exact_test(matrix, size * matrix.T)
