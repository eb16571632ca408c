"""Preconditioners are the optimal approximations that they claim to be, and help where they say."""

from __future__ import annotations

import numpy as np
import pytest
from factories import random_setting
from scipy.fft import dct

import sparse_tconv as st
from sparse_tconv.inverse import (
    blur,
    circulant_preconditioner,
    cosine_preconditioner,
    psf,
    solve,
)

MAKERS = {"circulant": circulant_preconditioner, "cosine": cosine_preconditioner}


def basis(name, size):
    """Columns of the transform that makes the approximation diagonal, one axis after the other."""
    q = np.eye(1)
    for n in size:
        one = (
            np.fft.fft(np.eye(n), norm="ortho")
            if name == "circulant"
            else dct(np.eye(n), axis=0, norm="ortho")
        )
        q = np.kron(q, one)
    return q.conj().T


def nearest(name, gram, channels, size, groups):
    """The nearest matrix to a Gram matrix with a diagonal block, in the basis, per channel pair."""
    q = basis(name, size)
    n = len(q)
    found = np.zeros_like(gram, dtype=complex)
    for a in range(channels):
        for b in range(channels):
            if a // (channels // groups) == b // (channels // groups):
                block = (slice(a * n, (a + 1) * n), slice(b * n, (b + 1) * n))
                found[block] = q @ np.diag(np.diag(q.conj().T @ gram[block] @ q)) @ q.conj().T
    return found


@pytest.mark.parametrize("name", MAKERS)
def test_they_invert_the_nearest_matrix_in_their_basis(name, rng, settings_count):
    for number in range(settings_count(200)):
        setting = random_setting(rng, dtypes=(np.float64, np.complex128))
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        op = (op, op.T, op.H, op.T.H)[number % 4]
        matrix = op.matrix.toarray()
        channels, *size = op.in_shape
        wanted = nearest(name, matrix.conj().T @ matrix, channels, size, setting.groups)
        wanted += 0.09 * np.eye(len(wanted))
        inverse = MAKERS[name](op, 0.3) @ np.eye(len(wanted))
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(inverse @ wanted, np.eye(len(wanted)), atol=1e-11 * scale / 0.09)


@pytest.mark.parametrize("name", MAKERS)
def test_they_are_hermitian_and_positive_definite(name, rng, settings_count):
    for _ in range(settings_count(100)):
        setting = random_setting(rng, dtypes=(np.float64, np.complex128), max_axes=2)
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        for damp, regularizer in [(0.5, None), (0.5, "gradient"), (0.5, "laplacian")]:
            M = MAKERS[name](op, damp, regularizer=regularizer)
            dense = M @ np.eye(M.shape[0])
            scale = np.abs(dense).max()
            np.testing.assert_allclose(dense, dense.conj().T, atol=1e-10 * scale)
            assert np.linalg.eigvalsh(dense).min() > 0


@pytest.mark.parametrize(("name", "mode"), [("circulant", "circular"), ("cosine", "symmetric")])
@pytest.mark.parametrize("regularizer", [None, "gradient", "laplacian"])
def test_they_are_exact_in_their_own_boundary(name, mode, regularizer, rng):
    op = blur(psf.gauss(1.5), (3, 20, 17), padding_mode=mode, channels=True)
    M = MAKERS[name](op, 0.1, regularizer=regularizer)
    found = solve(
        op,
        rng.standard_normal(op.out_shape),
        damp=0.1,
        regularizer=regularizer,
        preconditioner=M,
        rtol=1e-9,
    )
    assert found.method == "cg"
    assert found.iterations <= 2


@pytest.mark.parametrize("sigma", [0.7, 1.0])
@pytest.mark.parametrize("square", [1e-3, 1e-4])
def test_conjugate_gradients_need_less_than_two_fifths_of_the_iterations(sigma, square, rng):
    op = blur(psf.gauss(sigma, 9), (256, 256), padding_mode="zeros")
    y = op.apply(rng.random((256, 256)))
    y += 0.01 * rng.standard_normal(y.shape) * np.sqrt((y**2).mean())
    damp = square**0.5
    plain = solve(op, y, method="cg", damp=damp, rtol=1e-6)
    helped = solve(op, y, damp=damp, rtol=1e-6, preconditioner=circulant_preconditioner(op, damp))
    assert plain.iterations >= 2.5 * helped.iterations
    assert np.linalg.norm(plain.x - helped.x) <= 1e-3 * np.linalg.norm(plain.x)


def test_an_oblique_motion_blur_is_where_they_do_not_help(rng):
    op = blur(psf.motion(15, 30), (96, 96), padding_mode="zeros")
    y = op.apply(rng.random((96, 96)))
    plain = solve(op, y, method="cg", damp=0.03).iterations
    helped = solve(op, y, damp=0.03, preconditioner=cosine_preconditioner(op, 0.03)).iterations
    assert helped > 0.8 * plain


def test_batches_and_strided_operators_are_preconditioned(rng):
    op = st.Conv(rng.random((2, 3, 3, 3)), (3, 12, 10), stride=2, padding=1)
    y = rng.standard_normal((4, *op.out_shape))
    M = circulant_preconditioner(op, 0.3)
    assert M.apply(np.ones((4, 5, *op.in_shape))).shape == (4, 5, *op.in_shape)
    plain = solve(op, y, method="cg", damp=0.3, rtol=1e-10)
    helped = solve(op, y, damp=0.3, rtol=1e-10, preconditioner=M)
    np.testing.assert_allclose(helped.x, plain.x, atol=1e-8)
    assert M.H is M


def test_without_damp_the_waves_that_c_does_not_see_stay_finite(rng):
    op = blur([0.5, 0.5], (8,), padding_mode="circular")
    assert np.isfinite(circulant_preconditioner(op) @ rng.standard_normal(8)).all()
    nothing = st.Conv(np.zeros((1, 1, 3)), (1, 8))
    assert np.isfinite(cosine_preconditioner(nothing) @ np.ones(8)).all()


OP = blur(psf.gauss(1.0), (8, 8))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: circulant_preconditioner(np.eye(3)), st.DTypeError, "`op` must be a Conv or"),
        (
            lambda: circulant_preconditioner(OP, -1),
            st.GeometryError,
            "`damp` must be a finite number, at least 0; got -1",
        ),
        (
            lambda: cosine_preconditioner(OP, 1, regularizer="tv"),
            st.GeometryError,
            "`regularizer` must be one of 'gradient', 'laplacian'; got 'tv'",
        ),
        (
            lambda: cosine_preconditioner(OP, 1, regularizer=np.eye(64)),
            st.DTypeError,
            "`regularizer` must be None, 'gradient' or 'laplacian' for a preconditioner",
        ),
    ],
)
def test_a_wrong_argument_is_answered_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
