"""CONVERGED means a small backward error, whatever dominates the right-hand side; between bounds it
means the conditions of optimality.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import lsq_linear, nnls
from scipy.sparse.linalg import LinearOperator

import sparse_tconv as st
from sparse_tconv.inverse import ConvergenceWarning, Status, blur, estimate_kernel, psf, solve
from sparse_tconv.inverse._bounded import Bounded

ITERATIVE = ("lsmr", "lsqr", "cg", "cgls", "fista")


def picture(rng, n):
    """Smooth, as photographs are, and nowhere dark: its mean dominates every product."""
    frequencies = np.hypot(*np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n)))
    frequencies[0, 0] = 1
    image = np.fft.ifft2(np.fft.fft2(rng.standard_normal((n, n))) / frequencies).real
    return (image - image.min()) / np.ptp(image)


def calibration(rng, n, pad):
    """Picture, blurred noisy picture, geometry, and the dense problem."""
    sharp = picture(rng, n)
    op = blur(np.pad(psf.motion(7, 30), pad), sharp.shape)
    y = op.apply(sharp) + 0.01 * rng.standard_normal(sharp.shape)
    return sharp, y, op.geometry, op.kernel_operator(sharp).matrix.toarray()


def backward_error(matrix, y, x, damp=0.0):
    """Stewart's and Rigal and Gaches's, from the dense problem."""
    stacked = np.concatenate([matrix, damp * np.eye(matrix.shape[1])])
    right = np.concatenate([y, np.zeros(matrix.shape[1])])
    r, norm = right - stacked @ x, np.linalg.norm(stacked, 2)
    optimal = np.linalg.norm(stacked.T @ r) / (norm * np.linalg.norm(r))
    consistent = np.linalg.norm(r) / (norm * np.linalg.norm(x) + np.linalg.norm(y))
    return min(optimal, consistent)


@pytest.mark.parametrize("rtol", [1e-4, 1e-8])
@pytest.mark.parametrize("method", ITERATIVE)
def test_converged_is_a_backward_error_relative_to_operator_and_residual(method, rtol, rng):
    sharp, y, geometry, matrix = calibration(rng, 24, 0)
    found = estimate_kernel(sharp, y, geometry, method=method, rtol=rtol, maxiter=20_000)
    assert found.status is Status.CONVERGED
    assert backward_error(matrix, y.ravel(), found.x.ravel()) <= 1.001 * rtol
    damped = estimate_kernel(sharp, y, geometry, method=method, rtol=rtol, maxiter=20_000, damp=0.3)
    assert backward_error(matrix, y.ravel(), damped.x.ravel(), 0.3) <= 1.001 * rtol


@pytest.mark.parametrize("method", ["cg", "cgls", "mprgp"])
def test_an_operator_that_fails_on_the_way_ends_in_no_convergence(method):
    calls, sizes = [], np.arange(1.0, 6.0)

    def product(x):
        calls.append(x)
        return np.full(5, np.nan) if len(calls) > 4 else sizes * x

    op = LinearOperator((5, 5), matvec=product, rmatvec=lambda y: sizes * y, dtype=float)
    with pytest.warns(ConvergenceWarning, match="stopped"):
        found = solve(op, np.ones(5), method=method, nonnegative=method == "mprgp", rtol=0.0)
    assert not found.converged


@pytest.mark.parametrize("method", ["lsmr", "lsqr", "cg", "cgls"])
def test_what_rounding_does_not_allow_is_no_convergence(method, rng):
    matrix = rng.standard_normal((60, 40))
    with pytest.warns(ConvergenceWarning, match="stopped"):
        found = solve(matrix, rng.standard_normal(60), method=method, rtol=1e-18, maxiter=3000)
    assert not found.converged
    assert found.status in (Status.STAGNATED, Status.MAXITER)


@pytest.mark.parametrize(
    ("method", "pad"), [("auto", 4), ("nnls", 2), ("mprgp", 2), ("mprgp", 4), ("fista", 0)]
)
def test_a_nonnegative_kernel_is_the_one_of_scipys_nnls(method, pad, rng):
    sharp, y, geometry, matrix = calibration(rng, 48, pad)
    wanted, _ = nnls(matrix, y.ravel())
    limits = {"rtol": 1e-10, "maxiter": 100_000} if method == "fista" else {}
    found = estimate_kernel(sharp, y, geometry, nonnegative=True, method=method, **limits)
    assert found.converged
    assert found.x.min() >= 0
    off = np.linalg.norm(found.x.ravel() - wanted) / np.linalg.norm(wanted)
    assert off <= (1e-5 if method == "mprgp" else 1e-6)


def test_a_calibration_of_an_80_by_80_picture_takes_few_products(rng):
    _, y, _, matrix = calibration(rng, 80, 5)
    wanted, _ = nnls(matrix, y.ravel())
    products = []

    def counted(a):
        return lambda x: (products.append(1), a @ x)[1]

    operator = LinearOperator(
        matrix.shape, matvec=counted(matrix), rmatvec=counted(matrix.T), dtype=float
    )
    x, status = Bounded(operator, y.ravel(), 0.0, np.inf).minimize(
        np.zeros(matrix.shape[1]), 1e-8, 1000, lambda x: None
    )
    assert status is Status.CONVERGED
    assert np.linalg.norm(x - wanted) <= 1e-6 * np.linalg.norm(wanted)
    assert len(products) <= 300


def test_bounds_of_each_entry_hold_and_their_conditions_of_optimality(rng, settings_count):
    for _ in range(settings_count(200)):
        rows, columns = rng.integers(1, 30, 2)
        matrix = rng.standard_normal((rows, columns)) * np.logspace(0, -rng.integers(0, 3), columns)
        data = rng.standard_normal(rows)
        lower = np.where(rng.random(columns) < 0.3, -np.inf, rng.uniform(-1, 0, columns))
        upper = np.where(rng.random(columns) < 0.3, np.inf, lower.clip(-1) + rng.random(columns))
        upper = np.where(rng.random(columns) < 0.1, lower.clip(-1), upper)
        lower = np.minimum(lower, upper)
        x, status = Bounded(
            LinearOperator(matrix.shape, matvec=matrix.dot, rmatvec=matrix.T.dot, dtype=float),
            data,
            lower,
            upper,
        ).minimize(np.zeros(columns), 1e-10, 20_000, lambda x: None)
        assert status in (Status.CONVERGED, Status.STAGNATED)
        assert ((lower <= x) & (x <= upper)).all()
        gradient = matrix.T @ (matrix @ x - data)
        scale = 1e-7 * np.linalg.norm(matrix, 2) * (1 + np.linalg.norm(data))
        assert (gradient[(x > lower) & (x < upper)].__abs__() <= scale).all()
        assert (gradient[(x == lower) & (x < upper)] >= -scale).all()
        assert (gradient[(x == upper) & (x > lower)] <= scale).all()
        if columns <= rows and (lower < upper).all():
            wanted = lsq_linear(matrix, data, (lower, upper), method="bvls", tol=1e-14)
            misfit = np.linalg.norm(matrix @ x - data) ** 2 / 2
            assert misfit <= wanted.cost * (1 + 1e-9) + 1e-12


def test_a_factorization_is_judged_by_its_corrections():
    op, y = blur(psf.gauss(3.0), (24, 24)), np.ones((24, 24)) + np.eye(24)
    for damp in (1e-12, 1e-10, 1e-9):
        with pytest.warns(ConvergenceWarning, match="too ill-conditioned"):
            assert solve(op, y, method="factor", damp=damp).status is Status.INACCURATE
    for damp in (1e-6, 1e-3):
        exact = solve(op, y, method="spectral", damp=damp).x
        found = solve(op, y, method="factor", damp=damp)
        assert found.status is Status.DIRECT
        assert np.linalg.norm(found.x - exact) <= 1e-6 * np.linalg.norm(exact)


def test_a_batch_of_nonnegative_problems_is_one_of_each(rng):
    op = st.Conv(rng.standard_normal(4), (9,), channels=False)
    y = rng.standard_normal((3, 6))
    for method in ("nnls", "mprgp"):
        together = solve(op, y, damp=0.2, nonnegative=True, method=method)
        alone = [solve(op, row, damp=0.2, nonnegative=True).x for row in y]
        np.testing.assert_allclose(together.x, alone, atol=1e-5)


def test_a_start_is_used_and_changes_nothing(rng):
    matrix, y = rng.standard_normal((40, 20)), rng.standard_normal(40)
    wanted, _ = nnls(matrix, y)
    found = solve(matrix, y, nonnegative=True, x0=wanted, rtol=1e-8)
    assert found.method == "mprgp"
    assert found.iterations <= 1
    np.testing.assert_allclose(found.x, wanted, atol=1e-8)
    assert solve(matrix, y, x0=np.ones(20)).method == "lsmr"
