"""Operators work unchanged in scipy.sparse.linalg."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.linalg import (
    LinearOperator,
    aslinearoperator,
    cg,
    eigsh,
    gmres,
    lsmr,
    lsqr,
    onenormest,
    svds,
)

import sparse_tconv as st


@pytest.fixture(params=[np.float64, np.complex128])
def op(request, rng):
    """A well-conditioned square convolution."""
    weight = np.array([[0.1, 0.2, 0.1], [0.2, 2.0, -0.2], [0.0, -0.1, 0.1]], request.param)
    if request.param is np.complex128:
        weight = weight * np.exp(0.3j)
    return st.Conv(weight, (9, 8), padding=1, padding_mode="symmetric", channels=False)


def test_an_operator_is_a_scipy_operator(op):
    assert isinstance(op, LinearOperator)
    assert aslinearoperator(op) is op


@pytest.mark.parametrize("solve", [lsmr, lsqr])
def test_least_squares_solvers_find_the_sample(op, solve, rng):
    x = rng.standard_normal(op.shape[1])
    options = {"atol": 1e-14, "btol": 1e-14}
    np.testing.assert_allclose(solve(op, op @ x, **options)[0], x, atol=1e-9)


def test_gmres_solves_with_the_operator_and_cg_with_its_gram(op, rng):
    x = rng.standard_normal(op.shape[1])
    found, info = gmres(op, op @ x, rtol=1e-12, restart=80)
    assert info == 0
    np.testing.assert_allclose(found, x, atol=1e-8)
    found, info = cg(op.H @ op, op.H @ (op @ x), rtol=1e-13)
    assert info == 0
    np.testing.assert_allclose(found, x, atol=1e-8)


def test_singular_and_eigenvalues_are_those_of_the_matrix(op):
    dense = op.matrix.toarray()
    wanted = np.linalg.svd(dense, compute_uv=False)
    start = np.random.default_rng(0).standard_normal(min(op.shape))
    found = svds(op, k=3, return_singular_vectors=False, v0=start)
    np.testing.assert_allclose(np.sort(found)[::-1], wanted[:3])
    values = eigsh(op.H @ op, k=3, return_eigenvectors=False)
    np.testing.assert_allclose(np.sqrt(np.sort(values)[::-1]), wanted[:3])


def test_onenormest_is_the_largest_column_sum(op):
    wanted = abs(op.matrix).sum(axis=0).max()
    assert onenormest(op) == pytest.approx(wanted, rel=1e-10)
