"""The fixed grid of reference cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv.testing import dot_test, reference_cases

CASES = reference_cases()


def test_names_are_distinct_and_the_grid_is_fixed() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 35
    for case, again in zip(CASES, reference_cases(), strict=True):
        np.testing.assert_array_equal(case.weight, again.weight)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_forward_adjoint_and_matrix_are_one_operator(case: Any, rng: np.random.Generator) -> None:
    report = dot_test(
        case.forward, case.adjoint, in_shape=case.in_shape, dtype=case.weight.dtype, rng=0
    )
    assert report, repr(report)
    x = rng.integers(-4, 5, case.in_shape)
    np.testing.assert_array_equal(case.matrix @ x.ravel(), case.forward(x).ravel())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_library_agrees_with_the_grid(case: Any) -> None:
    operator = st.Conv(case.weight, case.in_shape, **case.options)
    np.testing.assert_array_equal(operator.matrix.toarray(), case.matrix)
    back = st.ConvTranspose(case.weight, case.out_shape, **case.transpose_options)
    np.testing.assert_array_equal(back.matrix.toarray(), case.matrix.T)


def test_repr_says_how_to_build_it() -> None:
    case = next(case for case in CASES if case.name == "depthwise")
    assert repr(case) == (
        "<depthwise: weight (3, 1, 3, 3), in_shape (3, 4, 5), groups=3, padding=1>"
    )
