"""Factorizations: each equals the matrix wherever it applies, and says why where it does not."""

from __future__ import annotations

import numpy as np
import pytest
from spectra import KINDS, random_operator, true_values

import sparse_tconv as st
from sparse_tconv.spectral import METHODS, factorize, refuses, spectrum

EXACT = 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_that_applies_equals_the_matrix(kind, settings_count, rng):
    met = set()
    for _ in range(settings_count(300)):
        op = random_operator(rng, kind)
        matrix, true = op.matrix.toarray(), true_values(op)
        scale = max(true[0], 1.0)
        for method in METHODS:
            if refuses(op, method) is not None:
                continue
            met.add(method)
            found = factorize(op, method)
            values = np.zeros(true.size)
            values[: found.values.size] = found.values[found.order]
            assert abs(values - true).max() <= min(found.error, EXACT * scale), (method, op)
            index = np.arange(found.values.size)
            left, right = found.left.columns(index), found.right.columns(index)
            product = left * found.values @ right.conj().T
            assert abs(product - matrix).max() <= EXACT * scale, (method, op)
            for basis in (left, right):
                unit = basis.conj().T @ basis - np.eye(index.size)
                assert abs(unit).max(initial=0) <= EXACT, (method, op)
                assert basis.dtype.kind == matrix.dtype.kind
    assert met >= {"dense", {"any": "dense"}.get(kind, kind)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_spectrum_is_all_values_within_its_error(kind, settings_count, rng):
    for _ in range(settings_count(300)):
        op = random_operator(rng, kind)
        true = true_values(op)
        for method in METHODS:
            if refuses(op, method) is None:
                found = spectrum(op, method)
                assert found.values.shape == true.shape
                error = abs(found.values - true).max()
                assert error <= min(found.error, EXACT * max(true[0], 1.0)), (method, op)


@pytest.mark.parametrize("kind", KINDS)
def test_analysis_and_synthesis_are_the_bases(kind, settings_count, rng):
    for _ in range(settings_count(100)):
        op = random_operator(rng, kind)
        found = factorize(op)
        index = np.arange(found.values.size)
        y = rng.standard_normal((2, *op.out_shape)) + 1j * rng.standard_normal(op.out_shape)
        coefficients = found.analyse(y)
        left, right = found.left.columns(index), found.right.columns(index)
        assert coefficients.shape == (2, index.size)
        assert abs(coefficients - y.reshape(2, -1) @ left.conj()).max() <= 1e-11
        x = found.synthesise(coefficients)
        assert x.shape == (2, *op.in_shape)
        assert abs(x.reshape(2, -1) - coefficients @ right.T).max() <= 1e-11
        assert found.H.left is found.right


def test_real_data_of_a_real_operator_stay_real(rng):
    op = st.Conv(rng.standard_normal((2, 2, 3, 3)), (2, 6, 5), padding=1, padding_mode="circular")
    found = factorize(op)
    coefficients = found.analyse(rng.standard_normal(op.out_shape))
    assert coefficients.dtype == np.float64
    assert found.synthesise(coefficients).dtype == np.float64


def test_filters_solve(rng):
    op = st.Conv(rng.standard_normal((5, 5)), (16, 16), padding="same", channels=False)
    y = rng.standard_normal(op.out_shape)
    found = factorize(op, "dense")
    damped = found.synthesise(found.values / (found.values**2 + 0.1**2) * found.analyse(y))
    normal = op.gram(damp=0.1).matrix.toarray()
    np.testing.assert_allclose(damped.ravel(), np.linalg.solve(normal, op.H @ y.ravel()), 1e-8)


def test_taps_that_wrap_more_than_once_are_folded(rng):
    op = st.Conv(
        rng.standard_normal(11), (4,), padding=((7, 3),), padding_mode="circular", channels=False
    )
    found = spectrum(op, "circular")
    assert abs(found.values - true_values(op)).max() <= found.error


def test_single_precision_kernels_are_separable_to_their_own_rounding(rng):
    kernel = np.outer(rng.random(5), rng.random(5)).astype(np.float32)
    op = st.Conv(kernel, (9, 9), padding=2, channels=False)
    found = spectrum(op, "kronecker")
    difference = abs(found.values - true_values(op)).max()
    assert difference <= found.error < 1e-5


def test_integers_are_factorized_in_double_precision():
    op = st.Conv([1, 2, 1], (6,), padding=1, padding_mode="symmetric", channels=False)
    assert factorize(op).method == "symmetric"
    assert abs(spectrum(op).values - true_values(op)).max() <= 1e-14


@pytest.mark.parametrize("method", METHODS)
def test_a_kernel_of_zeros_has_zero_values(method):
    op = st.Conv(np.zeros((3, 3)), (4, 4), padding=1, padding_mode="circular", channels=False)
    if refuses(op, method) is None:
        assert not factorize(op, method).values.any()
        assert not spectrum(op, method).values.any()


@pytest.mark.parametrize(
    ("options", "method", "reason"),
    [
        ({"padding": 1}, "circular", "axis 0 is no circle"),
        ({"padding": 1, "padding_mode": ("circular", "zeros")}, "circular", "axis 1 is no circle"),
        ({"padding": 1, "padding_mode": "circular"}, "symmetric", "not half-sample symmetric"),
        ({"padding": 1, "padding_mode": "symmetric"}, "symmetric", "not its own mirror image"),
        ({"padding": 1}, "kronecker", "no product of one kernel per axis"),
        ({"padding": 1}, "mixed", "no axis has a transform"),
    ],
)
def test_a_method_says_why_it_does_not_apply(options, method, reason):
    op = st.Conv(np.arange(9.0).reshape(3, 3) ** 2, (6, 6), channels=False, **options)
    assert reason in refuses(op, method)
    with pytest.raises(st.GeometryError, match=f"`method` must be one that applies .*{reason}"):
        factorize(op, method)


def test_dense_blocks_that_do_not_fit_are_refused():
    op = st.Conv(np.arange(9.0).reshape(3, 3) ** 2, (3000, 3000), channels=False)
    with pytest.raises(st.MatrixTooLargeError, match="1 blocks of 8,988,004 x 9,000,000"):
        factorize(op, "dense")
    with pytest.raises(st.GeometryError, match="`op` must be one that a factorization applies to"):
        factorize(op)


def test_arguments_are_checked(rng):
    op = st.Conv(rng.standard_normal((3, 3)), (6, 6), channels=False)
    with pytest.raises(st.GeometryError, match="`method` must be one of 'auto', 'circular'"):
        factorize(op, "fft")
    with pytest.raises(st.DTypeError, match="`op` must be a Conv or ConvTranspose; got ndarray"):
        factorize(np.eye(3))
    with pytest.raises(st.GeometryError, match=r"`op.weight` must be finite; got nan or inf"):
        factorize(op.with_weight(np.full((3, 3), np.nan)))
    with pytest.raises(st.ShapeError, match=r"`samples` must have shape \(..., 4, 4\)"):
        factorize(op).analyse(np.ones(16))
