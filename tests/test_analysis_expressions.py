"""Spectra and norms of expressions: against NumPy on the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg
from expressions import random_expression

import sparse_tconv as st
from sparse_tconv.analysis import (
    cond,
    diagonal,
    eigenvalues,
    equivalent,
    gram_diagonal,
    norm,
    norm_bounds,
    null_space,
    rank,
    singular_values,
    singular_vectors,
    slogdet,
    smallest_singular_value,
    spectral_norm,
    trace,
)

DTYPES = (np.int64, np.float32, np.float64, np.complex128)


def expressions(rng, count):
    for _ in range(count):
        op, dense = random_expression(rng, int(rng.integers(1, 5)), (DTYPES[rng.integers(4)],))
        if max(op.shape) <= 150 and not isinstance(op, (st.Conv, st.ConvTranspose)):
            yield op, dense.astype(np.result_type(op.toarray(), np.float64))


def test_values_vectors_rank_and_null_space_are_numpys(rng, settings_count):
    for op, _ in expressions(rng, settings_count(300)):
        C = op.toarray().astype(np.result_type(op.dtype, np.float64))
        true = np.linalg.svd(C, compute_uv=False)
        found = singular_values(op)
        assert found.complete == "proved"
        assert abs(found.value - true).max() <= found.error
        assert abs(float(spectral_norm(op)) - true[0]) <= found.error
        assert abs(float(smallest_singular_value(op)) - true[-1]) <= found.error
        ranked = rank(op)  # of the numbers before they are rounded to single precision
        unsure = ranked.error if op.dtype == np.float32 else 0
        assert abs(int(ranked) - np.linalg.matrix_rank(C)) <= unsure
        left, values, right = singular_vectors(op, 1)
        assert (left.shape, right.shape) == ((1, *op.out_shape), (1, *op.in_shape))
        image = C @ right.reshape(-1) - values[0] * left.reshape(-1)
        assert np.linalg.norm(image) <= 10 * values.error
        basis = null_space(op)
        columns, wanted = basis.value.shape[1], scipy.linalg.null_space(C).shape[1]
        assert abs(columns - wanted) <= unsure
        assert np.linalg.norm(C @ basis.value) <= 10 * (basis.error + found.error)


def test_bounds_of_large_expressions_hold_the_norm(rng, settings_count, monkeypatch):
    monkeypatch.setattr("sparse_tconv.analysis._expressions._EXACT_WORK", 0)
    for op, _ in expressions(rng, settings_count(300)):
        true = np.linalg.norm(op.toarray().astype(np.result_type(op.dtype, np.float64)), 2)
        lower, upper = norm_bounds(op)
        slack = 1e-5 if op.dtype == np.float32 else 1e-9
        assert lower <= true * (1 + slack)
        assert upper >= true * (1 - slack)
        assert 0 <= lower <= upper


def test_few_values_of_a_large_expression_come_from_products(rng, monkeypatch):
    blur = st.inverse.blur(rng.random((3, 3)), (12, 11))
    op = st.Restriction(blur.out_shape, rng.random(blur.out_shape) < 0.5) @ blur
    true = np.linalg.svd(op.toarray(), compute_uv=False)
    for one in (op, op.T, (1 + 1j) * op):
        scale = abs(one.scalar) if one.dtype.kind == "c" else 1
        found = singular_values(one, 3, method="lanczos")
        assert (found.method, found.complete) == ("lanczos", "unknown")
        assert found.error <= 1e-6 * true[0]
        assert abs(found.value - scale * true[:3]).max() <= found.error + 1e-13
    monkeypatch.setattr("sparse_tconv.analysis._expressions._DENSE_SIDE", 10)
    assert singular_values(op, 2).method == "lanczos"
    assert singular_values(op, method="dense").method == "dense"
    with pytest.raises(st.GeometryError, match=r"must have a side of at most 10 for all.*got"):
        cond(op)


def test_bounds_are_sharp_where_the_parts_are():
    shape = (64, 64)
    blur = st.inverse.blur(st.inverse.psf.gauss(1.0), shape)
    sampled = st.Restriction(shape, (slice(None, None, 2), slice(None, None, 2)))
    three = st.vstack([sampled @ blur] * 3)
    lower, upper = norm_bounds(three)
    assert upper <= 3**0.5 * norm_bounds(blur).upper * 1.001
    assert 0.5 * upper <= lower <= upper
    assert norm_bounds(three.gram(2.0)).upper <= upper**2 + 4.001

    class Unknown(st.Operator):
        _hermitian = True

        def _multiply(self, x):
            return 2 * x

    lower, upper = norm_bounds(Unknown((5000,), (5000,)))
    assert 1.99 < lower <= 2
    assert upper == np.inf
    assert norm_bounds(Unknown((2000,), (2000,)) @ st.Diagonal(np.ones(2000))).upper < 2.01


def test_what_has_no_answer_is_refused():
    op = 2 * st.Diagonal([1.0, 2.0])
    assert float(cond(op)) == pytest.approx(2)
    wrong = st.Diagonal([1.0, np.nan]) @ op
    for call, error, message in (
        (lambda: singular_values(op, 3), st.GeometryError, "`k` must be between 1 and 2"),
        (lambda: singular_values(op, which="x"), st.GeometryError, "`which` must be"),
        (lambda: rank(op, -1), st.GeometryError, "`tol` must be a number, at least 0; got -1"),
        (
            lambda: singular_values(op, method="circular"),
            st.GeometryError,
            "Nothing is known of its structure",
        ),
        (lambda: spectral_norm(wrong), st.GeometryError, "must have finite entries; got nan"),
        (lambda: spectral_norm(op.matrix), st.DTypeError, "`op` must be a Conv or ConvTranspose"),
    ):
        with pytest.raises(error, match=message):
            call()
    large = st.Diagonal(np.full(100_000, np.nan)) @ st.Diagonal(np.ones(100_000))
    with pytest.raises(st.GeometryError, match=r"finite entries; got nan or inf.*no norm"):
        norm_bounds(large)


def test_expressions_are_compared_entry_by_entry(rng):
    op = st.ConvTranspose(rng.integers(-9, 9, (2, 3, 3)), (2, 6), stride=2)
    insertion, conv = op.as_convolution()
    found = equivalent(conv @ insertion, op)
    assert (found.value, found.method, found.error) == (True, "matrices", 0.0)
    assert equivalent(op, 2 * op).error == abs(op.weight).max()
    assert equivalent(op, 2 * op, tol=9.0)
    assert equivalent(op, op @ st.Diagonal(np.ones(op.in_shape)))
    assert equivalent(op, op.gram()).method == "shapes"
    top, below = (st.Diagonal([value]) for value in (2**63 - 1, -(2**63)))
    assert equivalent(top, below).error == 2.0**64
    with pytest.raises(st.DTypeError, match="`op` must be a Conv or ConvTranspose; got csr_array"):
        equivalent(2 * op, op.matrix)


def test_a_norm_without_an_upper_bound_is_the_largest_value_found():
    values = 1 / np.arange(1.0, 4101)  # too many for a matrix that is made of products
    products = scipy.sparse.linalg.LinearOperator(
        (values.size,) * 2, lambda x: values * x.ravel(), lambda x: values * x.ravel(), dtype=float
    )
    op = st.as_operator(products)
    assert norm_bounds(op).upper == np.inf
    found = spectral_norm(op, rtol=1e-3)
    assert found.complete == "unknown"
    assert abs(float(found) - 1) <= found.error < 1e-9
    assert found.bounds[0] <= 1 < found.bounds[1]


def test_bounds_that_no_float64_can_hold_are_refused():
    op = st.Conv(np.ones((3, 3)), (40, 40), padding=1, channels=False)
    assert np.isfinite(norm_bounds(1e306 * (op @ op)).upper)
    with pytest.raises(st.DTypeError, match="`op` must have answers that float64 can hold"):
        norm_bounds(2.5e306 * (op @ op))


def _far_parts(rng):
    """Expressions of parts of far scales, each with its matrix in wide exponents."""
    n = 5
    wide = np.longdouble
    kernel = rng.standard_normal(3)
    parts = {}
    for e in (-300, -200, -160, 0, 160, 200):
        op = st.Conv(kernel * 10.0**e, (n,), padding=1, channels=False)
        parts[e] = op, op.toarray().astype(wide)
    (tiny, t), (small, s), (low, w), (one, o), (high, h), (large, b) = parts.values()
    weights = 1e-200 * rng.standard_normal(n)
    diagonal = np.diag(weights.astype(wide))
    return [
        (tiny @ small, t @ s),  # below all numbers
        (tiny @ small @ large @ high @ high, t @ s @ b @ h @ h),  # on the way, too
        (1e300 * (small @ small), wide(1e300) * (s @ s)),
        (large @ (small @ tiny) @ high @ high, b @ (s @ t) @ h @ h),
        (st.Diagonal(weights) @ large + one, diagonal @ b + o),
        (low.gram(), w.T @ w),
        (1e250 * small.gram(1e-190), wide(1e250) * (s.T @ s + wide(1e-190) ** 2 * np.eye(n))),
        (st.vstack([low @ high, tiny]), np.vstack([w @ h, t])),
        ((low @ low - tiny).T, (w @ w - t).T),
        (st.block_diag([low @ high, one, low @ high]), _beside([w @ h, o, w @ h])),
    ]


def _beside(blocks):
    zero = np.zeros_like(blocks[0])
    return np.block([[b if i == j else zero for j in range(3)] for i, b in enumerate(blocks)])


def test_expressions_of_far_parts_have_the_numbers_of_their_exact_products(rng):
    for op, exact in _far_parts(rng):
        size = abs(exact).max()
        true = np.linalg.svd((exact / size).astype(float), compute_uv=False) * size
        slack = 1e-15 * true[0]
        found = singular_values(op)
        assert abs(found.value - true).max() <= found.error + slack
        assert found.error <= 1e-12 * true[0] + 1e-322
        lower, upper = norm_bounds(op)
        assert lower - slack <= true[0] <= upper + slack
        sums = {1: abs(exact).sum(0).max(), np.inf: abs(exact).sum(1).max()}
        sums["fro"] = np.sqrt((exact**2).sum())
        for which, number in sums.items():
            found = norm(op, which)
            assert abs(found.value - number) <= found.error <= 1e-11 * number + 1e-321
        squares = (exact**2).sum(0)
        found = gram_diagonal(op)
        assert abs(found.value.ravel() - squares).max() <= found.error
        if exact.shape[0] == exact.shape[1]:
            found = diagonal(op)
            assert abs(found.value - np.diagonal(exact)).max() <= found.error
            sign, logarithm = np.linalg.slogdet((exact / size).astype(float))
            found = slogdet(op)
            assert found.value[0] == sign
            assert abs(found.value[1] - logarithm - len(exact) * np.log(size)) <= found.error + 1e-9
            for value, residual in zip(*_eigenvalues(op), strict=True):
                shifted = (exact - value * np.eye(len(exact))) / size
                rest = np.linalg.svd(shifted.astype(complex), compute_uv=False)[-1] * size
                assert rest <= residual + slack


def _eigenvalues(op):
    found = eigenvalues(op)
    return found.value, found.residuals


def test_what_cancels_in_an_expression_is_not_known_beyond_the_rounding_of_its_parts(rng):
    one, other = (
        st.Conv(rng.standard_normal(3), (7,), padding=1, padding_mode="circular", channels=False)
        for _ in range(2)
    )
    commutator = one @ other - other @ one  # zero, up to rounding
    for found in (
        singular_values(commutator),
        norm(commutator),
        norm(commutator, 1),
        gram_diagonal(commutator),
        diagonal(commutator),
    ):
        assert np.max(abs(found.value)) <= found.error <= 1e-11
    assert norm_bounds(commutator).lower == 0
    assert slogdet(commutator).complete == "unknown"
    assert eigenvalues(commutator).residuals.min() > 1e-16
    half = one.with_weight(one.weight.astype(np.float32))
    wide = half.with_weight(half.weight.astype(np.float64)).toarray()
    squared = half @ half
    for exact in (wide @ wide, squared.toarray()):
        true = np.linalg.svd(exact.astype(float), compute_uv=False)
        found = singular_values(squared)
        assert abs(found.value - true).max() <= found.error <= 1e-3


def test_a_trace_that_no_float64_can_hold_is_refused():
    with pytest.raises(st.DTypeError, match="`op` must have a trace that float64 can hold"):
        trace(1e308 * st.Identity((9,)))
    assert float(trace(1e307 * st.Identity((9,)))) == pytest.approx(9e307)


def test_eigenvalues_of_entries_of_very_different_sizes():
    matrix = np.diag(np.ones(6)) - np.diag(np.ones(5), 1) - 1e-170 * np.diag(np.ones(5), -1)
    found = eigenvalues(st.as_operator(1e200 * matrix))
    for value, residual in zip(found.value, found.residuals, strict=True):
        rest = np.linalg.svd(matrix - value / 1e200 * np.eye(6), compute_uv=False)[-1]
        assert rest * 1e200 <= residual + 1e185


def test_the_numbers_of_integer_expressions_do_not_wrap():
    one, other = (
        st.Conv(np.array(taps, np.int8), (3,), padding=((0, 1),), channels=False)
        for taps in ([100, 100], [3, 0])
    )
    op = one @ other
    C = one.toarray().astype(float) @ other.toarray()  # 300, which int8 does not hold
    assert norm(op, 1).value == np.linalg.norm(C, 1)
    assert (diagonal(op).value == np.diagonal(C)).all()
    found = singular_values(op)
    assert abs(found.value - np.linalg.svd(C, compute_uv=False)).max() <= found.error
    sign, logarithm = slogdet(op)
    assert (sign, logarithm) == (1.0, pytest.approx(3 * np.log(300)))


@pytest.mark.parametrize("word", [np.int8, np.uint8, np.int16, np.int64, np.uint64])
def test_no_number_of_an_expression_of_integers_wraps(word):
    """Sums, multiples, negatives and products beyond their own type, and beyond machine words."""
    top = 100 if np.dtype(word).itemsize < 8 else 2**61 + 1
    tridiagonal = st.Conv(np.array([1, top, 0], word), (4,), padding=1, channels=False)
    plain = np.array([[int(entry) for entry in row] for row in tridiagonal.toarray()], object)
    cases = {
        "sum": (tridiagonal + tridiagonal, 2 * plain),
        "multiple": (3 * tridiagonal, 3 * plain),
        "negative": (-tridiagonal, -plain),
        "product": (tridiagonal @ tridiagonal, plain @ plain),
    }
    for name, (op, exact) in cases.items():
        dense = exact.astype(float)
        sign, logarithm = slogdet(op)
        wanted = sum(np.log(float(abs(entry))) for entry in np.diagonal(exact))
        assert sign == 1.0, name
        assert logarithm == pytest.approx(wanted), name
        np.testing.assert_allclose(diagonal(op).value.astype(float), np.diagonal(dense), rtol=1e-14)
        assert trace(op).value == pytest.approx(float(np.trace(exact)), rel=1e-14), name
        assert norm(op, np.inf).value == pytest.approx(float(abs(exact).sum(axis=1).max())), name
        columns = (exact**2).sum(axis=0).astype(float)
        np.testing.assert_allclose(gram_diagonal(op).value.astype(float), columns, rtol=1e-13)
        values = abs(eigenvalues(op).value)
        np.testing.assert_allclose(values, abs(float(exact[0, 0])), rtol=1e-3)
        same = st.as_operator(dense, (4,), (4,))
        assert equivalent(op, same, tol=1e-10 * float(abs(exact).max())), name


def test_integers_of_expressions_are_exact_up_to_words():
    one = st.Conv(
        np.array([2**59 + 1, 2**59 + 3], np.int64), (2,), padding=((0, 1),), channels=False
    )
    op = one + one
    assert diagonal(op).value.tolist() == [2**60 + 2] * 2
    assert trace(op).value == 2**61 + 4
    assert norm(op, 1).value == 2**61 + 8
