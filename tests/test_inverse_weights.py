"""`solve` with weighted rows, and iterations that end early."""

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv.inverse import blur, psf, solve
from sparse_tconv.solution import Status

RNG = np.random.default_rng(0)
OP = blur(psf.gauss(1.0), (12, 15), padding_mode="circular")
X = RNG.random((12, 15))
Y = OP.apply(X) + 0.01 * RNG.standard_normal((12, 15))
W = RNG.uniform(0.2, 3.0, (12, 15))


@pytest.mark.parametrize("method", ["lsmr", "lsqr", "cg", "cgls", "factor", "fista", "auto"])
def test_weights_are_factors_of_the_rows(method):
    found = solve(OP, Y, method=method, damp=0.3, regularizer="gradient", weights=W)
    rows = W.reshape(-1, 1) * OP.toarray()
    penalty = solve(OP, Y, damp=0.3, regularizer="gradient", method="factor")  # L of C, not of W C
    assert penalty.converged
    difference = np.zeros((0, X.size))
    eye = np.eye(X.size).reshape(-1, 12, 15)
    for axis in (1, 2):
        difference = np.vstack([difference, (np.roll(eye, -1, axis) - eye).reshape(X.size, -1).T])
    normal = rows.T @ rows + 0.09 * difference.T @ difference
    wanted = np.linalg.solve(normal, rows.T @ (W * Y).ravel()).reshape(X.shape)
    assert np.abs(found.x - wanted).max() < 1e-3
    assert np.isclose(found.residual_norm, np.linalg.norm(W * (OP.apply(found.x) - Y)))


def test_a_weight_of_zero_is_a_mask():
    mask = W > 1
    weighted = solve(OP, Y, damp=0.1, weights=mask.astype(float), rtol=1e-10)
    masked = solve(OP, Y, damp=0.1, mask=mask, rtol=1e-10)
    assert np.abs(weighted.x - masked.x).max() < 1e-6


def plain_cgls(matrix, y, noise_norm):
    """Hestenes and Stiefel, until the residual is small."""
    x, r = np.zeros(matrix.shape[1]), y.copy()
    s = matrix.T @ r
    p, gamma, steps = s, s @ s, 0
    while np.linalg.norm(r) > noise_norm:
        q = matrix @ p
        alpha = gamma / (q @ q)
        x, r = x + alpha * p, r - alpha * q
        s = matrix.T @ r
        gamma, last = s @ s, gamma
        p, steps = s + gamma / last * p, steps + 1
    return x, steps


@pytest.mark.parametrize("share", [0.5, 0.1, 0.02])
def test_noise_norm_ends_cgls_where_a_plain_one_ends(share):
    target = share * float(np.linalg.norm(Y))
    found = solve(OP, Y, method="cgls", noise_norm=target)
    wanted, steps = plain_cgls(OP.toarray(), Y.ravel(), target)
    assert found.status is Status.DISCREPANCY
    assert found.iterations == steps
    assert np.abs(found.x.ravel() - wanted).max() < 1e-9
    assert found.residual_norm <= target


@pytest.mark.parametrize("method", ["cg", "cgls", "fista", "mprgp"])
def test_a_callback_that_returns_true_ends_the_iteration(method):
    seen = []

    def third(x):
        seen.append(x)
        return len(seen) == 3

    options = {"nonnegative": True} if method == "mprgp" else {}
    found = solve(OP, Y, method=method, callback=third, **options)
    assert found.status is Status.STOPPED
    assert found.iterations == 3
    assert (found.x == seen[-1]).all()


def test_a_callback_that_returns_something_else_ends_nothing():
    found = solve(OP, Y, method="cgls", damp=0.3, callback=lambda x: "go on")
    assert found.status is Status.CONVERGED


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"weights": W[1:]}, st.ShapeError, "`weights` must have the shape of one sample"),
        ({"weights": -W}, st.GeometryError, "`weights` must be finite, at least 0"),
        ({"weights": 0 * W}, st.GeometryError, "`weights` must be finite, at least 0"),
        ({"weights": 1j * W}, st.DTypeError, "`weights` must be real"),
        ({"noise_norm": 0}, st.GeometryError, "`noise_norm` must be a finite number, above 0"),
        (
            {"noise_norm": 1, "method": "lsmr"},
            st.GeometryError,
            "`noise_norm` must go with method=",
        ),
    ],
)
def test_what_is_asked_wrongly_is_named(options, kind, match):
    with pytest.raises(kind, match=match):
        solve(OP, Y, **options)
