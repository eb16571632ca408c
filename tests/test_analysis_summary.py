"""Summaries, and what answers that hold arrays say of themselves."""

from __future__ import annotations

import numpy as np
import pytest
from expressions import random_expression
from spectra import EVERY, KINDS, dense, random_operator

import sparse_tconv as st
from sparse_tconv import analysis
from sparse_tconv._table import outline


def check(op, C):
    found = analysis.summary(op)
    true = np.linalg.svd(C.astype(np.result_type(C, np.float64)), compute_uv=False)
    slack = 1e-13 * max(op.shape) * true[0]
    assert found.shape == C.shape
    assert (found.in_shape, found.out_shape) == (op.in_shape, op.out_shape)
    assert abs(found.values.value - true).max() <= found.values.error + slack
    assert abs(found.largest - true[0]) <= found.values.error + slack
    assert abs(found.smallest - true[-1]) <= found.values.error + slack
    assert found.bounds.lower - slack <= true[0] <= found.bounds.upper + slack
    unsure = (abs(true - max(C.shape) * 2.3e-16 * true[0]) <= found.values.error + slack).sum()
    assert (
        abs(found.rank - np.linalg.matrix_rank(C, tol=max(C.shape) * 2.3e-16 * true[0])) <= unsure
    )
    assert repr(found).startswith(f"{op!r}\n")
    lines = repr(found)[len(repr(op)) + 1 :].splitlines()
    assert [line.split()[0] for line in lines] == [
        *("shape", "rank", "largest", "smallest", "cond", "norm", "method", "error", "complete")
    ]


def test_the_numbers_are_those_of_the_matrix(rng, settings_count):
    for _ in range(settings_count(100)):
        op = random_operator(rng, str(rng.choice(KINDS)), EVERY)
        check(op, dense(op))


def test_the_numbers_of_expressions_are_those_of_the_matrix(rng, settings_count):
    for _ in range(settings_count(50)):
        op, _ = random_expression(rng, 2, (np.float64, np.complex128))
        if max(op.shape) <= 200:
            check(op, op.toarray())


def test_a_few_values_are_shown_one_by_one(rng):
    op = st.Conv(rng.standard_normal((2, 2, 3, 3)), (2, 9, 9), padding=1)
    true = np.linalg.svd(op.toarray(), compute_uv=False)
    found = analysis.summary(op, 3, "smallest", rtol=0.1)
    assert abs(found.values.value - true[::-1][:3]).max() <= 1e-12
    assert f"value 3   {true[-3]:.9g}" in repr(found)
    assert found.bounds.upper - found.bounds.lower <= 0.1 * found.bounds.upper


def test_an_operator_too_large_for_values_has_bounds(rng):
    op = st.Conv(rng.standard_normal((3, 3)), (50_000, 50_000), padding=1, channels=False)
    found = analysis.summary(op, rtol=1e-2)
    assert found.values is found.largest is found.rank is found.cond is None
    assert found.bounds.upper - found.bounds.lower <= 1e-2 * found.bounds.upper
    assert repr(found).endswith("asked for one, the largest is looked for")
    with pytest.raises(st.GeometryError, match="`k` must be small enough for the vectors"):
        analysis.summary(op, 3)


@pytest.mark.parametrize(
    "make",
    [
        analysis.overlap,
        analysis.checkerboard,
        analysis.structure,
        analysis.singular_values,
        analysis.eigenvalues,
        analysis.diagonal,
        analysis.gram_diagonal,
        analysis.null_space,
        analysis.symbol,
        analysis.summary,
        st.spectral.spectrum,
        st.spectral.factorize,
    ],
)
def test_answers_that_hold_arrays_are_told_in_a_few_aligned_lines(make):
    """However large the arrays are."""
    for shape in ((5, 7), (40, 40)):
        op = st.Conv(np.ones((3, 3)), shape, padding=1, padding_mode="circular", channels=False)
        title, *lines = repr(make(op)).splitlines()
        assert title
        assert 2 <= len(lines) <= 9
        assert all(len(line) <= 100 for line in lines)
        starts = {len(line) - len(line.split("  ", 1)[1].lstrip()) for line in lines}
        assert len(starts) == 1


def test_what_tables_say_of_arrays_is_what_is_in_them():
    found = analysis.overlap(st.Conv(np.ones((2, 3)), (4, 9), channels=False))
    assert repr(found) == "Overlap\ninput   4 x 9 int64 1 to 6\noutput  3 x 7 int64 6 to 6"
    result = analysis.Result(np.array([3j, -1.0]), "m", 0.5)
    assert repr(result).splitlines()[1] == "value     0+3j, -1+0j"
    empty = analysis.Result(np.zeros((0, 4)), "m", 0.5)
    assert repr(empty).splitlines()[1] == "value     0 x 4 float64"
    waves = analysis.Result(np.array([[3.0 + 4j]]), "m", 0.5)
    assert repr(waves).splitlines()[1] == "value     1 x 1 complex128 of size 5 to 5"
    pairs = st.inverse.kronecker_sum(np.ones((3, 3)), 2)
    assert (
        repr(pairs).splitlines()[1] == f"value     {len(pairs)} of (2 of ({outline(pairs[0][0])}))"
    )
    number = analysis.Result(1.5, "m", 0.5)
    assert repr(number) == (
        "Result(value=1.5, method='m', error=0.5, complete='unknown', bounds=None)"
    )
