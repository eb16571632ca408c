"""The kernel that made y of x is found again."""

from __future__ import annotations

import numpy as np
import pytest
from factories import random_array, random_setting

import sparse_tconv as st
from sparse_tconv.inverse import blur, estimate_kernel, psf


def test_random_kernels_come_back(rng, settings_count):
    found = 0
    for _ in range(settings_count(200)):
        setting = random_setting(rng, dtypes=(np.float64, np.complex128), max_axes=2)
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        x = random_array(rng, (12, *op.in_shape), op.dtype)
        operator = op.kernel_operator(x)
        dense = operator @ np.eye(operator.shape[1])
        if dense.shape[0] < dense.shape[1] or np.linalg.cond(dense) > 1e3:
            continue  # more taps than data, or taps that read zeros, or the same samples
        answer = estimate_kernel(x, op.apply(x), op.geometry, rtol=1e-12)
        np.testing.assert_allclose(answer.x, op.weight, atol=1e-6)
        found += 1
    assert found


def test_a_camera_is_calibrated_from_a_noisy_picture(rng):
    kernel = psf.motion(7, 30)
    picture = rng.random((64, 64))
    op = blur(np.pad(kernel, 2), picture.shape)
    y = op.apply(picture) + 0.01 * rng.standard_normal(picture.shape)
    plain = estimate_kernel(picture, y, op.geometry)
    bounded = estimate_kernel(picture, y, op.geometry, nonnegative=True)
    assert plain.x.shape == op.geometry.weight_shape
    assert np.linalg.norm(plain.x - op.weight) < 0.05 * np.linalg.norm(op.weight)
    assert bounded.x.min() >= 0
    assert np.linalg.norm(bounded.x - op.weight) < np.linalg.norm(plain.x - op.weight)


def test_a_regularizer_acts_on_the_kernel(rng):
    op = st.Conv(rng.random((2, 3, 4, 3)), (3, 9, 9), padding_mode="circular", padding=1)
    x = rng.random((2, 3, 9, 9))
    y = op.apply(x)
    found = estimate_kernel(x, y, op.geometry, damp=1e4, regularizer="gradient", rtol=1e-10)
    assert found.x.shape == op.weight.shape
    spread = found.x - found.x.mean(axis=(2, 3), keepdims=True)
    assert np.abs(spread).max() < 1e-4 * np.abs(found.x).max()


OP = blur(psf.gauss(1.0, 3), (8, 9))
X = np.ones((8, 9))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: estimate_kernel(X, X, OP),
            st.GeometryError,
            "`geometry` must be a ConvGeometry; got Conv. Pass op.geometry",
        ),
        (
            lambda: estimate_kernel(X.T, X, OP.geometry),
            st.ShapeError,
            r"`x` must have shape \(\.\.\., 8, 9\); got \(9, 8\)",
        ),
        (lambda: estimate_kernel(X, X.T, OP.geometry), st.ShapeError, "`y` must have shape"),
        (
            lambda: estimate_kernel(X * np.nan, X, OP.geometry),
            st.GeometryError,
            "`x` must be finite",
        ),
        (lambda: estimate_kernel(X > 0, X, OP.geometry), st.DTypeError, "`x` must have an int"),
    ],
)
def test_a_wrong_argument_is_answered_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
