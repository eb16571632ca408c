"""Singular values and what is made of them: right to the stated error, whatever the method."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence
from spectra import (
    EVERY,
    KINDS,
    random_operator,
    rounding_of,
    second_difference_cond,
    true_values,
)

import sparse_tconv as st
from sparse_tconv import analysis
from sparse_tconv.analysis import _extremes

KERNEL = [[2, 7, -1], [1, 3, -8], [5, -3, 1]]


def circular(kernel, *size):
    return st.Conv(kernel, size, padding=1, padding_mode="circular", channels=False)


@pytest.mark.parametrize(
    ("op", "largest", "smallest", "digits"),
    [
        (circular([2, 7, -1], 20), 8.00563364, 6.0, 9),
        (circular(KERNEL, 20, 20), 22.9122134817, 0.1548414175, 9),
        (st.Conv(KERNEL, (20, 20), padding=1, channels=False), 22.7275330200, 9.747062e-4, 7),
    ],
)
def test_golden_values(op, largest, smallest, digits):
    assert abs(analysis.spectral_norm(op) / largest - 1) <= 0.5e-9
    assert abs(analysis.smallest_singular_value(op) / smallest - 1) <= 0.5 * 10.0**-digits


LARGEST = ("auto", "lanczos", "shift-invert")
SMALLEST = ("auto", "lu", "qr", "augmented", "gram")


@pytest.mark.parametrize("kind", KINDS)
def test_the_error_stated_is_at_least_the_true_one_in_every_method(kind, settings_count, rng):
    drawn, full = settings_count(500), 500
    for _ in range(drawn):
        op = random_operator(rng, kind, EVERY)
        true = true_values(op)
        most = max(1e-6, 1000 * rounding_of(op)) * max(true[0], 1.0)
        k = int(rng.integers(1, min(3, true.size) + 1))
        for which, methods in (("largest", LARGEST), ("smallest", SMALLEST)):
            wanted = true[:k] if which == "largest" else true[::-1][:k]
            fitting = [m for m in methods if m != "lu" or op.shape[0] == op.shape[1]]
            # A sweep asks every method of every operator, else each is asked one that is drawn.
            for method in fitting if drawn == full else rng.choice(fitting, 1):
                found = analysis.singular_values(op, k, which, method)
                assert abs(found.value - wanted).max() <= found.error, (method, op)
                assert found.error <= most, (method, op)


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_singular_vectors(kind, settings_count, rng):
    for _ in range(settings_count(100)):
        op = random_operator(rng, kind)
        k = int(rng.integers(1, min(op.shape) + 1))
        for which in ("largest", "smallest"):
            left, values, right = analysis.singular_vectors(op, k, which)
            scale = max(true_values(op)[0], 1.0)
            stretch = values.value.reshape(k, *(1,) * len(op.in_shape))
            assert (
                abs(op.apply(right) - stretch.reshape(k, *(1,) * len(op.out_shape)) * left).max(
                    initial=0
                )
                <= 1e-12 * scale
            )
            assert abs(op.H.apply(left) - stretch * right).max() <= 1e-12 * scale
            for vectors in (left.reshape(k, -1), right.reshape(k, -1)):
                assert abs(vectors @ vectors.conj().T - np.eye(k)).max() <= 1e-12


def test_iterated_vectors_are_singular_vectors(rng):
    op = st.Conv(rng.standard_normal((2, 2, 3, 3)), (2, 9, 8), padding=1)
    for which, method in (("largest", "lanczos"), ("largest", "shift-invert"), ("smallest", "lu")):
        left, values, right = analysis.singular_vectors(op, 3, which, method)
        assert values.method == method
        stretch = values.value.reshape(3, 1, 1, 1)
        assert abs(op.apply(right) - stretch * left).max() <= 1e-9
        assert abs(op.H.apply(left) - stretch * right).max() <= 1e-9


def test_rank_and_null_space_agree_with_scipy(settings_count, rng):
    for kind in KINDS:
        for _ in range(settings_count(100)):
            op = random_operator(rng, kind)
            matrix = op.matrix.toarray()
            found, basis = analysis.rank(op), analysis.null_space(op)
            assert abs(int(found) - np.linalg.matrix_rank(matrix)) <= found.error
            assert basis.shape == (op.shape[1], op.shape[1] - int(found))
            assert abs(matrix @ basis.value).max(initial=0) <= basis.error
            unit = basis.value.conj().T @ basis.value - np.eye(basis.shape[1])
            assert abs(unit).max(initial=0) <= 1e-12


@pytest.mark.parametrize("wanted", [1e4, 1e6, 1e9])
def test_condition_numbers_have_six_digits(wanted, rng):
    """Channels of known condition times a second difference."""
    n = 48
    along = second_difference_cond(n)
    turns = [np.linalg.qr(rng.standard_normal((4, 4)))[0] for _ in range(3)]
    mix = turns[0] * np.array([1, 0.9, 0.8, along / wanted]) @ turns[1]
    tall = np.vstack([mix, 2 * turns[2] @ mix])
    for channels, methods in ((mix, ("auto", "dense", "lu", "augmented")), (tall, ("auto", "qr"))):
        weight = np.multiply.outer(channels, [1.0, -2.0, 1.0])
        op = st.Conv(weight, (4, n), padding=1)
        for method in methods:
            found = analysis.cond(op, method)
            assert abs(found / wanted - 1) <= 1e-6, method
            assert abs(found - wanted) <= found.error


def test_gram_answers_only_while_it_may():
    """Two channels make it tall; beyond its digits 'qr' answers."""
    for n, method in ((20, "gram"), (200, "qr")):
        op = st.Conv([[[1.0, -2.0, 1.0]], [[0.5, -1.0, 0.5]]], (1, n), padding=1)
        found = analysis.cond(op, "gram")
        assert found.method == method
        assert abs(found / second_difference_cond(n) - 1) <= 1e-8


def test_large_operators_are_solved_sparse():
    """Beyond what a dense matrix allows: a condition of 1e7, square and tall."""
    n = 5000
    square = st.Conv([1.0, -2.0, 1.0], (n,), padding=1, channels=False)
    tall = st.Conv([[[1.0, -2.0, 1.0]], [[0.5, -1.0, 0.5]]], (1, n), padding=1)
    for op, method in ((square, "lu"), (tall, "augmented")):
        found = analysis.cond(op, method)
        assert found.method == method
        assert abs(found / second_difference_cond(n) - 1) <= 1e-6


@pytest.mark.parametrize("small", [1.0, 1e-3, 1e-7])
def test_values_beside_zeros_are_found_without_a_dense_matrix(small, monkeypatch):
    """Two of three channels are differences with a null vector each, the third a small multiple."""
    monkeypatch.setattr(_extremes, "_DENSE_WORK", 0)
    weight = np.zeros((3, 3, 3))
    weight[0, 0], weight[1, 1], weight[2, 2] = [0, -1, 1], [0, -1, 1], [0, small, 0]
    weight[0, 2] = [0.1 * small, 0, 0]
    op = st.Conv(weight, (3, 60), padding=1, padding_mode="replicate")
    true = true_values(op)[::-1][:5]
    for method in ("lu", "qr", "augmented"):
        found = analysis.singular_values(op, 5, "smallest", method)
        assert abs(found.value - true).max() <= found.error <= 5e-8, method


def test_a_few_zero_values_of_a_large_operator_are_counted_from_below():
    """Differences to the right of which the last has no neighbor: one null vector per channel."""
    weight = np.array([[[1.0, -1.0], [0.0, 0.5]], [[0.0, 0.0], [1.0, -1.0]]])
    op = st.Conv(weight, (2, 2000), padding=((0, 1),), padding_mode="replicate")
    found = analysis.rank(op)
    assert found.method != "dense"
    assert int(found) == 3999
    square = st.Conv([1.0, -2.0, 1.0], (5000,), padding=1, channels=False)
    assert int(analysis.rank(square)) == 5000


@pytest.mark.parametrize("method", ["lanczos", "shift-invert", "dense"])
def test_a_value_that_is_met_several_times_is_counted_as_often(method):
    """Two channels pick one sample each out of many: a few equal values, zeros otherwise."""
    weight = np.array([3.0, 4.0]).reshape(2, 1, 1, 1)
    op = st.Conv(weight, (1, 20, 20), stride=10)
    found = analysis.singular_values(op, 4, "largest", method)
    np.testing.assert_allclose(found, 5.0, 1e-12)
    assert found.error < 1e-10


@pytest.mark.parametrize("failure", [ArpackNoConvergence, ArpackError])
def test_arpack_failures_are_answered_with_an_honest_error(failure, monkeypatch, rng):
    def fails(*arguments, **options):
        if failure is ArpackError:
            raise ArpackError(-9)
        raise ArpackNoConvergence("no", np.empty(0), np.empty((arguments[0].shape[0], 0)))

    op = st.Conv(rng.standard_normal((2, 2, 3, 3)), (2, 8, 8), padding=1)
    true = true_values(op)
    monkeypatch.setattr("sparse_tconv.analysis._krylov.eigsh", fails)
    for which, method in (("largest", "lanczos"), ("largest", "shift-invert"), ("smallest", "lu")):
        found = analysis.singular_values(op, 1, which, method)
        wanted = true[0] if which == "largest" else true[-1]
        assert abs(found[0] - wanted) <= found.error


@pytest.mark.parametrize("method", ["auto", "dense", "lu", "augmented", "qr", "gram"])
def test_zero_kernels_and_matrices_of_one_entry_are_answered(method):
    for weight, size in ((np.zeros((3, 3)), (5, 5)), (np.array([[7.0]]), (1, 1))):
        op = st.Conv(weight, size, padding=1 if weight.size > 1 else 0, channels=False)
        value = float(weight[0, 0])
        assert float(analysis.smallest_singular_value(op, method)) == pytest.approx(value)
        assert float(analysis.spectral_norm(op)) == pytest.approx(value)
        assert int(analysis.rank(op)) == bool(value)
        assert analysis.null_space(op).shape == (op.shape[1], 0 if value else 25)
        assert float(analysis.cond(op)) == (1.0 if value else np.inf)
        assert tuple(analysis.norm_bounds(op)) == pytest.approx((value, value))


def test_a_singular_operator_has_a_condition_beyond_its_error():
    op = st.Conv([1.0, -1.0], (9,), padding=((0, 1),), padding_mode="circular", channels=False)
    for method in ("auto", "lu", "augmented", "qr"):
        found = analysis.cond(op, method)
        assert found > 1e13
        assert found.error == np.inf


def test_results_are_numbers_and_arrays(rng):
    op = st.Conv(rng.standard_normal((3, 3)), (6, 6), channels=False)
    norm, values = analysis.spectral_norm(op), analysis.singular_values(op)
    assert float(norm) == norm == values[0] == max(values)
    assert f"{norm:.3f}" == f"{float(norm):.3f}"
    assert int(norm) == int(float(norm))
    assert complex(norm) == float(norm)
    assert round(norm, 3) == round(float(norm), 3)
    assert 2 * norm - norm / 2 == 1.5 * float(norm)
    assert norm > 0
    assert (values >= values[-1]).all()
    assert bool(norm)
    assert np.sum(values) == values.value.sum()
    assert (values**2).dtype == values.dtype == np.float64
    assert len(values) == 16
    assert values.ndim == 1
    basis = analysis.null_space(op)
    assert abs(op.matrix @ np.asarray(basis)).max() <= basis.error
    assert abs(op @ basis).max() <= basis.error
    assert list(range(20))[analysis.rank(op)] == 16
    with pytest.raises(AttributeError, match="cannot assign to field 'value'"):
        norm.value = 3


def test_arguments_are_checked(rng):
    op = st.Conv(rng.standard_normal((3, 3)), (6, 5), channels=False)
    with pytest.raises(st.GeometryError, match="`k` must be between 1 and 12"):
        analysis.singular_values(op, 13)
    with pytest.raises(st.GeometryError, match="`k` must be an int, at least 1; got 0"):
        analysis.singular_values(op, 0)
    with pytest.raises(st.GeometryError, match="`which` must be 'largest' or 'smallest'"):
        analysis.singular_values(op, 1, "middle")
    with pytest.raises(
        st.GeometryError, match=r"`method` must be one of .* for the largest values"
    ):
        analysis.singular_values(op, 1, "largest", "lu")
    with pytest.raises(st.GeometryError, match="got 'lu', but it is 30 x 12 and not square"):
        analysis.singular_values(op, 1, "smallest", "lu")
    for tol in (-1, "small", None, True, float("nan")):
        if tol is not None:
            with pytest.raises(st.GeometryError, match="`tol` must be a number, at least 0"):
                analysis.null_space(op, tol)
    with pytest.raises(st.DTypeError, match="`op` must be a Conv or ConvTranspose"):
        analysis.singular_values(op.matrix)


def test_what_is_too_large_says_so(rng):
    kernel = np.arange(9.0).reshape(3, 3) ** 2
    op = st.Conv(kernel, (2000, 2000), padding=1, channels=False)
    with pytest.raises(st.GeometryError, match="`op` must be one that a factorization applies to"):
        analysis.singular_values(op)
    wide = st.Conv(np.eye(3)[:2], (4000, 4000), stride=2, channels=False)
    with pytest.raises((st.MatrixTooLargeError, st.GeometryError), match="`op` must"):
        analysis.null_space(wide)
    layer = st.Conv(rng.standard_normal((64, 3, 3, 3)), (3, 1000, 1000), padding=1)
    for answer in (analysis.smallest_singular_value, analysis.cond):
        with pytest.raises(st.MatrixTooLargeError, match="`op` must have factors that fit in"):
            answer(layer)
    with pytest.raises(st.MatrixTooLargeError, match="by method 'qr'; got 64,000,000 x 3,000,000"):
        analysis.smallest_singular_value(layer, "qr")
    tall = st.Conv(kernel, (200, 200), padding=1, stride=2, channels=False)
    with pytest.raises(st.GeometryError, match="got 'gram', but its smaller side is 10,000"):
        analysis.singular_values(tall, 1, "smallest", "gram")
