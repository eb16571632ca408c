"""Eigenvalues: against NumPy where they are well determined, against closed forms where not."""

from __future__ import annotations

import numpy as np
import pytest
from expressions import random_expression
from scipy.optimize import linear_sum_assignment
from spectra import EVERY, KINDS, dense, random_operator, rounding_of

import sparse_tconv as st
from sparse_tconv import analysis

CONVOLUTIONS = (st.Conv, st.ConvTranspose)


def distance(found, true):
    """Between two sets of numbers, each matched with one of its own."""
    cost = abs(np.subtract.outer(np.asarray(found), np.asarray(true)))
    return cost[linear_sum_assignment(cost)].max(initial=0)


def check(op, C):
    found = analysis.eigenvalues(op)
    scale = max(np.linalg.norm(C, 2), 1e-300)
    # Backward errors are those of the precision that the entries were given in; where taps cancel,
    # of the taps.
    weight = op.weight.astype(C.dtype) if isinstance(op, CONVOLUTIONS) else np.zeros(1)
    taps, weights = float(abs(weight).sum()), weight.size
    assert found.residuals.max() <= 100 * (len(C) + weights) * rounding_of(op) * max(scale, taps)
    values, vectors = np.linalg.eig(C)
    sizes = abs(found.value)
    assert (np.diff(sizes) <= 1e-9 * scale).all()
    turn = np.linalg.cond(vectors)
    assert len(found) == len(C)
    if np.isfinite(found.error):
        assert found.complete == "proved"
        if turn < 1e6:
            known = 1e-13 * len(C) * turn * scale + found.error
            assert distance(found.value, values) <= known, op
    smallest_of_all = [
        np.linalg.svd(C - value * np.eye(len(C)), compute_uv=False)[-1]
        for value in found.value[:: max(len(C) // 4, 1)]
    ]
    slack = 1e-14 * len(C) * scale
    chosen = found.residuals[:: max(len(C) // 4, 1)]
    assert (np.array(smallest_of_all) <= chosen + slack).all(), op


def test_eigenvalues_are_numpys(rng, settings_count):
    count = settings_count(1000)
    while count:
        op = random_operator(rng, str(rng.choice(KINDS)), EVERY)
        if op.shape[0] == op.shape[1] <= 200:
            count -= 1
            check(op, dense(op))


def test_eigenvalues_of_expressions_are_numpys(rng, settings_count):
    for _ in range(settings_count(300)):
        op, _ = random_expression(rng, 2, (np.int64, np.float64, np.complex128))
        if op.shape[0] == op.shape[1] <= 80:
            C = op.toarray()
            check(op, C.astype(np.result_type(C, np.float64)))


def test_hermitian_matrices_have_real_eigenvalues_with_an_error(rng, settings_count):
    for _ in range(settings_count(200)):
        op = random_operator(rng, str(rng.choice(KINDS)))
        if max(op.shape) <= 120:
            C = dense(op)
            found = analysis.eigenvalues(op.gram())
            assert found.value.dtype == np.float64
            true = np.sort(np.linalg.eigvalsh(C.conj().T @ C))[::-1]
            slack = 1e-13 * len(C) * max(abs(true).max(), 1e-300)
            assert abs(np.sort(found.value)[::-1] - true).max() <= found.error + slack


def test_circles_are_normal(rng, settings_count):
    for _ in range(settings_count(200)):
        n = int(rng.integers(1, 30))
        taps = rng.standard_normal(int(rng.integers(1, 6)))
        total = taps.size - 1
        before = int(rng.integers(0, total + 1))
        op = st.Conv(
            taps,
            (n,),
            padding=((before, total - before),),
            padding_mode="circular",
            channels=False,
        )
        found = analysis.eigenvalues(op)
        true = np.fft.fft(op.toarray()[:, 0])
        assert found.error <= 1e-11 * abs(taps).sum()
        assert distance(found.value, true) <= found.error + 1e-13 * abs(taps).sum()


@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("b", [0.01, -2.0, 1e-8, 1j])
def test_three_diagonals_have_a_closed_form_beyond_what_dense_solvers_reach(b, dilation):
    """Where balancing makes it normal, the scaled matrix has the same eigenvalues."""
    n = 60
    op = st.Conv(np.array([b, 3.0, 1.0]), (n,), padding=dilation, dilation=dilation, channels=False)
    found = analysis.eigenvalues(op)
    root = np.sqrt(complex(b))
    similar = 3 * np.eye(n) + root * (np.eye(n, k=dilation) + np.eye(n, k=-dilation))
    true = 3 + root * np.linalg.eigvalsh(np.eye(n, k=dilation) + np.eye(n, k=-dilation))
    assert distance(np.linalg.eigvals(similar), true) <= 1e-9
    assert distance(found.value, true) <= found.error + 1e-13
    assert found.error <= 1e-13


def test_stars_are_kronecker_sums(rng):
    """The five-point star, not symmetric: eigenvalues that dense solvers cannot find."""
    a, b = np.array([0.01, 2.0, 1.0]), np.array([1.0, 0.0, 1e-3])
    kernel = np.zeros((3, 3))
    kernel[:, 1] += a
    kernel[1] += b
    op = st.Conv(kernel, (30, 20), padding=1, channels=False)
    found = analysis.eigenvalues(op)
    first = 2 + 2 * 0.1 * np.cos(np.pi * np.arange(1, 31) / 31)
    second = 2 * np.sqrt(1e-3) * np.cos(np.pi * np.arange(1, 21) / 21)
    assert found.method == "kronecker sum"
    assert distance(found.value, np.add.outer(first, second).reshape(-1)) <= found.error <= 1e-13
    assert distance(np.linalg.eigvals(op.toarray()), found.value) > 1e-6
    laplacian = [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]
    large = st.Conv(laplacian, (300, 400), padding=1, channels=False)
    waves = [4 * np.sin(np.pi / (2 * (n + 1))) ** 2 for n in (300, 400)]
    least = analysis.eigenvalues(large, 1, "smallest")
    assert abs(least[0] - sum(waves)) <= least.error <= 1e-12


def test_triangular_matrices_show_their_eigenvalues():
    op = st.Conv([[[2.0, 5.0, 1.0]], [[-3.0, 1.0, 1.0]]], (2, 50), padding=((0, 2),), groups=2)
    found = analysis.eigenvalues(op)
    assert found.method == "triangular"
    assert distance(found.value, np.repeat([2.0, -3.0], 50)) <= found.error <= 1e-13


def test_large_matrices_have_their_largest_found(rng):
    kernel = rng.standard_normal((2, 2, 3, 3))
    op = st.Conv(kernel, (2, 40, 40), padding=1)
    for made, method in ((op, "arnoldi"), (op.gram(), "lanczos")):
        found = analysis.eigenvalues(made, 2)
        assert (found.method, found.complete) == (method, "unknown")
        assert np.isfinite(found.error) == (method == "lanczos")
        assert (found.residuals <= 1e-6 * abs(found.value[0])).all()
    assert abs(found.value[0] - float(analysis.spectral_norm(op)) ** 2) <= 1e-8 * found.value[0]
    for which, k in (("smallest", 1), ("largest", None)):
        with pytest.raises(st.GeometryError, match="`op` must have a structure, or at most 1,587"):
            analysis.eigenvalues(op, k, which)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_scales_move_eigenvalues_alone(scale, rng):
    taps = rng.standard_normal(4) + 1j * rng.standard_normal(4)
    for mode in ("zeros", "circular", "reflect"):
        options = {"padding": ((1, 2),), "padding_mode": mode, "channels": False}
        found = analysis.eigenvalues(st.Conv(taps * scale, (8,), **options))
        true = analysis.eigenvalues(st.Conv(taps, (8,), **options))
        assert distance(found.value / scale, true.value) <= 1e-11


def test_what_cannot_be_answered_is_refused():
    op = st.Conv([1.0, 2.0, 3.0], (4,), padding=1, channels=False)
    with pytest.raises(st.GeometryError, match="`which` must be 'largest' or 'smallest'"):
        analysis.eigenvalues(op, which="LM")
    with pytest.raises(st.GeometryError, match="`k` must be between 1 and 4"):
        analysis.eigenvalues(op, 5)
    with pytest.raises(st.ShapeError, match="`op` must have as many rows as columns"):
        analysis.eigenvalues(st.Conv([1.0, 2.0], (4,), channels=False))


def test_an_iteration_that_does_not_end_says_so(rng, monkeypatch):
    from scipy.sparse.linalg import ArpackNoConvergence

    def never(*arguments, **options):
        raise ArpackNoConvergence("no", np.zeros(0), np.zeros((0, 0)))

    monkeypatch.setattr("sparse_tconv.analysis._eigenvalues.eigs", never)
    op = st.Conv(rng.standard_normal((2, 2, 3, 3)), (2, 40, 40), padding=1)
    with pytest.raises(st.GeometryError, match="`k` must be a number of eigenvalues that stand"):
        analysis.eigenvalues(op, 2)
