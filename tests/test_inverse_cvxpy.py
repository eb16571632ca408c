"""The matrix stands in a constraint of CVXPY."""

from __future__ import annotations

import numpy as np
import pytest

from sparse_tconv.inverse import blur, psf, solve

cvxpy = pytest.importorskip("cvxpy")


def test_tikhonov_is_the_lagrangian_of_a_constrained_problem(rng):
    op = blur(psf.gauss(0.8, 5), (9, 8))
    y = op.apply(rng.random((9, 8))) + 0.05 * rng.standard_normal((9, 8))
    damped = solve(op, y, damp=0.2)
    x = cvxpy.Variable(72)
    matrix = op.matrix
    constraint = cvxpy.norm(matrix @ x - y.ravel()) <= damped.residual_norm
    cvxpy.Problem(cvxpy.Minimize(cvxpy.norm(x)), [constraint]).solve(solver="CLARABEL")
    np.testing.assert_allclose(x.value, damped.x.ravel(), atol=1e-4)


def test_a_nonnegative_problem_has_the_same_answer(rng):
    op = blur(psf.motion(3, 20), (7, 9))
    y = rng.standard_normal((7, 9))
    x = cvxpy.Variable(63)
    objective = cvxpy.sum_squares(op.matrix @ x - y.ravel()) + 0.09 * cvxpy.sum_squares(x)
    cvxpy.Problem(cvxpy.Minimize(objective), [x >= 0]).solve(solver="CLARABEL")
    found = solve(op, y, damp=0.3, nonnegative=True, rtol=1e-10)
    np.testing.assert_allclose(found.x.ravel(), x.value, atol=1e-5)


def test_an_image_variable_is_flattened_row_after_row(rng):
    op = blur(psf.motion(3, 20), (5, 8))  # neither square nor symmetric
    y = op.apply(rng.random((5, 8)))
    x = cvxpy.Variable((5, 8))
    misfit = cvxpy.sum_squares(op.matrix @ cvxpy.vec(x, order="C") - y.ravel())
    cvxpy.Problem(cvxpy.Minimize(misfit + 0.01 * cvxpy.sum_squares(x))).solve(solver="CLARABEL")
    wanted = solve(op, y, damp=0.1).x
    np.testing.assert_allclose(x.value, wanted, atol=1e-6)
    columns = cvxpy.sum_squares(op.matrix @ cvxpy.vec(x, order="F") - y.ravel())
    cvxpy.Problem(cvxpy.Minimize(columns + 0.01 * cvxpy.sum_squares(x))).solve(solver="CLARABEL")
    assert np.abs(x.value - wanted).max() > 0.01
