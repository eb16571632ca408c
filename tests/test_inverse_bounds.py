"""Least squares between bounds ends at the conditions of optimality."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from factories import random_setting
from scipy.optimize import lsq_linear

import sparse_tconv as st
from sparse_tconv.inverse import ConvergenceWarning, Status, blur, estimate_kernel, psf, solve

LIMITS = {
    "auto": {},
    "bvls": {},
    "mprgp": {"rtol": 1e-13, "maxiter": 20_000},
    "fista": {"rtol": 1e-12, "maxiter": 100_000},
}


def random_bounds(rng, shape):
    """Some infinite, some that leave no room."""
    lower = np.where(rng.random(shape) < 0.3, -np.inf, rng.uniform(-0.5, 0.2, shape))
    upper = np.where(rng.random(shape) < 0.3, np.inf, lower.clip(-0.5) + rng.random(shape))
    return lower, upper


@pytest.mark.parametrize("method", LIMITS)
def test_random_problems_have_the_answer_of_scipys_lsq_linear(method, rng, settings_count):
    count = settings_count(200)
    for _ in range(count if method in ("auto", "mprgp") else max(count // 4, 1)):
        setting = random_setting(rng, dtypes=(np.float64,), max_axes=2)
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        damp = rng.uniform(0.1, 0.6)
        y = rng.standard_normal(op.out_shape)
        lower, upper = random_bounds(rng, op.in_shape)
        matrix = np.concatenate([op.toarray(), damp * np.eye(op.shape[1])])
        data = np.concatenate([y.ravel(), np.zeros(op.shape[1])])
        wanted = lsq_linear(
            matrix, data, (lower.ravel(), upper.ravel()), method="bvls", tol=1e-16, max_iter=2000
        )
        found = solve(op, y, damp=damp, lower=lower, upper=upper, method=method, **LIMITS[method])
        assert ((lower <= found.x) & (found.x <= upper)).all()
        off = np.linalg.norm(found.x.ravel() - wanted.x)
        assert off <= 1e-8 * max(np.linalg.norm(wanted.x), 1.0)


@pytest.mark.parametrize("regularizer", ["gradient", "laplacian"])
@pytest.mark.parametrize("method", LIMITS)
def test_bounds_go_with_masks_and_regularizers(method, regularizer, rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    y, mask = rng.standard_normal((6, 5)), rng.random((6, 5)) < 0.8
    options = {"damp": 0.5, "regularizer": regularizer, "mask": mask}
    found = solve(op, y, lower=-0.2, upper=0.3, method=method, **options, **LIMITS[method])

    def objective(x):
        terms = solve(op, y, x0=x, maxiter=1, rtol=1e300, method="cgls", **options)
        return terms.residual_norm**2 + 0.25 * terms.solution_norm**2

    assert (found.x >= -0.2).all()
    assert (found.x <= 0.3).all()
    best = found.residual_norm**2 + 0.25 * found.solution_norm**2
    for _ in range(20):
        near = np.clip(found.x + 0.05 * rng.standard_normal((6, 5)), -0.2, 0.3)
        assert objective(near) >= best * (1 - 1e-12)


@pytest.mark.parametrize("method", LIMITS)
def test_equal_bounds_hold_an_entry(method, rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    y, known = rng.standard_normal((6, 5)), rng.random((6, 5)) < 0.4
    values = rng.standard_normal((6, 5))
    lower, upper = np.where(known, values, -np.inf), np.where(known, values, np.inf)
    found = solve(op, y, damp=0.3, lower=lower, upper=upper, method=method, **LIMITS[method])
    np.testing.assert_array_equal(found.x[known], values[known])
    held = solve(op, y, damp=0.3, lower=values, upper=values, method=method, **LIMITS[method])
    np.testing.assert_array_equal(held.x, values)


@pytest.mark.parametrize("method", LIMITS)
def test_bounds_broadcast_over_a_batch(method, rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    y, lower = rng.standard_normal((2, 6, 5)), rng.standard_normal((6, 1)) - 1
    found = solve(op, y, damp=0.3, lower=lower, upper=1.0, method=method, **LIMITS[method])
    for x, sample in zip(found.x, y, strict=True):
        alone = solve(op, sample, damp=0.3, lower=lower, upper=1.0)
        np.testing.assert_allclose(x, alone.x, atol=1e-8)


def test_nonnegative_is_a_lower_bound_of_zero(rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    y = rng.standard_normal((6, 5))
    wanted = solve(op, y, damp=0.3, nonnegative=True)
    assert wanted.method == "nnls"
    found = solve(op, y, damp=0.3, lower=0)
    assert found.method == "bvls"
    np.testing.assert_allclose(found.x, wanted.x, atol=1e-12)
    both = solve(op, y, damp=0.3, nonnegative=True, lower=-1)
    np.testing.assert_allclose(both.x, wanted.x, atol=1e-12)


def test_large_problems_and_those_with_a_start_go_to_conjugate_gradients(rng):
    op = blur(psf.gauss(1.0), (40, 40))
    y = rng.random((40, 40))
    found = solve(op, y, damp=0.1, lower=0.2, upper=0.8)
    assert (found.method, found.status) == ("mprgp", Status.CONVERGED)
    small = blur(psf.gauss(1.0, 3), (6, 5))
    assert solve(small, y[:6, :5], damp=0.1, lower=0.2, x0=y[:6, :5]).method == "mprgp"


def test_a_kernel_between_bounds_is_estimated(rng):
    x = rng.random((20, 20))
    op = blur(psf.gauss(1.0, 5), x.shape)
    y = op.apply(x) + 0.01 * rng.standard_normal(x.shape)
    found = estimate_kernel(x, y, op.geometry, lower=0, upper=0.1)
    assert found.converged
    assert (found.x >= 0).all()
    assert found.x.max() == 0.1


@pytest.mark.parametrize("call", ["solve", "estimate_kernel"])
def test_warnings_point_at_the_caller(call, rng):
    x = rng.random((40, 40))
    op = blur(psf.gauss(2.0, 21), x.shape)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if call == "solve":
            solve(op, op.apply(x), lower=0, maxiter=1)
        else:
            estimate_kernel(x, op.apply(x), op.geometry, lower=0, maxiter=1)
    (warning,) = caught
    assert issubclass(warning.category, ConvergenceWarning)
    assert warning.filename == __file__


OP = blur(psf.gauss(1.0, 3), (6, 5))
Y = np.arange(30.0).reshape(6, 5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lower": 2, "upper": 1}, st.GeometryError, "`upper` must not be below lower; got 30 ent"),
        ({"upper": -1, "nonnegative": True}, st.GeometryError, "nor negative where nonnegative=T"),
        ({"lower": np.nan}, st.GeometryError, "`lower` must leave room for x; got nan. Pass"),
        ({"lower": np.inf}, st.GeometryError, "`lower` must leave room for x; got inf"),
        ({"upper": -np.inf}, st.GeometryError, "`upper` must leave room for x; got -inf"),
        ({"lower": np.zeros((5, 6))}, st.ShapeError, r"`lower` must be a number or an array for x"),
        ({"lower": 1j}, st.DTypeError, "`lower` must go with a real problem; got complex128"),
        ({"upper": 1, "y": 1j * Y}, st.DTypeError, "`upper` must go with a real problem"),
        ({"upper": 1, "method": "nnls"}, st.GeometryError, "`upper` must go with method="),
        ({"method": "bvls"}, st.GeometryError, "nonnegative=True, lower or upper if it is 'bvls'"),
    ],
)
def test_a_wrong_bound_is_answered_by_name(options, error, message):
    options = {"y": Y, **options}
    with pytest.raises(error, match=message):
        solve(OP, **options)
