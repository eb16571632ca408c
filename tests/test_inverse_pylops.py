"""PyLops and pyproximal run on the library's operators."""

from __future__ import annotations

import numpy as np
import pytest

from sparse_tconv.inverse import blur, problems, psf, solve

pylops = pytest.importorskip("pylops")
pyproximal = pytest.importorskip("pyproximal")


def test_pylops_solvers_agree_with_ours(rng):
    op = blur(psf.motion(5, 30), (24, 20))
    y = rng.standard_normal((24, 20))
    theirs = pylops.optimization.leastsquares.regularized_inversion(
        pylops.aslinearoperator(op),
        y.ravel(),
        [pylops.Identity(480, dtype=op.dtype)],
        epsRs=[0.1],
        iter_lim=500,
        atol=1e-12,
        btol=1e-12,
    )[0]
    ours = solve(op, y, damp=0.1, rtol=1e-12, method="lsqr").x
    np.testing.assert_allclose(theirs, ours.ravel(), atol=1e-6)


def test_a_pylops_operator_is_solved_by_ours(rng):
    op = pylops.FirstDerivative(30, dtype="float64")
    y = rng.standard_normal(30)
    dense = op.todense()
    wanted = np.linalg.solve(dense.T @ dense + 0.04 * np.eye(30), dense.T @ y)
    np.testing.assert_allclose(solve(op, y, damp=0.2, rtol=1e-12).x, wanted, atol=1e-8)


def test_total_variation_deblurring_by_pyproximal_beats_tikhonov():
    problem = problems.deblurring("defocus", 48, image="phantom", inverse_crime=True)
    op, y, shape = problem.op, problem.y, problem.op.in_shape
    gradient = pylops.Gradient(shape, kind="forward", edge=True, dtype="float64")
    data = pyproximal.L2(Op=pylops.aslinearoperator(op), b=y.ravel(), niter=15, warm=True)
    tv = pyproximal.L21(ndim=2, sigma=5e-4)
    x = pyproximal.optimization.primaldual.PrimalDual(
        data, tv, gradient, tau=20.0, mu=0.99 / 8 / 20, x0=y.ravel(), niter=100
    ).reshape(shape)
    tikhonov = min(problem.error(solve(op, y, damp=damp).x) for damp in np.geomspace(0.02, 0.2, 8))
    assert problem.error(x) < 0.85 * tikhonov < problem.error(y)
