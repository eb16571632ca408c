"""Inverse problems far from size 1: the answers are those of the problem of size 1, scaled."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse.linalg as sla

from sparse_tconv import Conv, as_operator, inverse
from sparse_tconv.errors import DTypeError
from sparse_tconv.inverse import solve, tikhonov, tsvd

SHAPE = (8, 8)
KERNEL = np.array([[0.1, 0.2, 0.1], [0.2, 0.5, 0.15], [0.05, 0.1, 0.2]])
DAMP, NOISE = 0.1, 0.08
# Powers of two near 1e-300, 1e-160, 1e160 and 1e300: answers then agree to the last bit.
EXPONENTS = [-997, -531, 531, 997]
METHODS = ["auto", "lsmr", "lsqr", "cg", "cgls", "factor", "spectral", "fista"]
BOUNDED = ["auto", "nnls", "bvls", "mprgp", "fista"]


def operator(exponent=0, mode="symmetric", dtype=np.float64):
    """A blur, symmetric where a cosine transform is to make it diagonal."""
    kernel = KERNEL if mode == "circular" else KERNEL + KERNEL[::-1] + KERNEL[:, ::-1]
    if mode != "circular":
        kernel = kernel + kernel[::-1, ::-1]
        kernel = (kernel + kernel[::-1] + kernel[:, ::-1] + kernel[::-1, ::-1]) / 4
    weight = np.ldexp(kernel, exponent).astype(dtype)
    return Conv(weight, SHAPE, padding=1, padding_mode=mode, channels=False)


def data(exponent=0, mode="symmetric", noise=0.01):
    rng = np.random.default_rng(3)
    clean = operator(mode=mode).apply(rng.random(SHAPE))
    return np.ldexp(clean + noise * rng.standard_normal(SHAPE), exponent)


def assert_scaled(found, due, exponent, rtol=1e-9):
    """The same x; norms and damp of the other scale."""
    np.testing.assert_allclose(found.x, due.x, rtol=rtol, atol=rtol * np.abs(due.x).max())
    assert np.isclose(np.ldexp(found.residual_norm, -exponent), due.residual_norm, rtol=rtol)
    assert np.isclose(found.solution_norm, due.solution_norm, rtol=rtol)
    # Far below all singular values any damp gives this x: a rule's curve is flat there.
    assert np.isclose(np.ldexp(found.damp, -exponent), due.damp, rtol=rtol, atol=1e-5)
    assert (found.status, found.iterations) == (due.status, due.iterations)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("regularizer", [None, "gradient"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers_at_every_scale(method, regularizer, exponent):
    options = {"method": method, "regularizer": regularizer}
    due = solve(operator(), data(), damp=DAMP, **options)
    damp = np.ldexp(DAMP, exponent)
    found = solve(operator(exponent), data(exponent), damp=damp, **options)
    assert_scaled(found, due, exponent)
    assert found.damp == damp


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("method", BOUNDED)
def test_bounds_hold_at_every_scale(method, exponent):
    """Also those of an x that is not of size 1."""
    due = solve(operator(), data(), method=method, damp=DAMP, nonnegative=True)
    damp = np.ldexp(DAMP, exponent)
    found = solve(operator(exponent), data(exponent), method=method, damp=damp, nonnegative=True)
    assert_scaled(found, due, exponent)
    if method != "nnls":
        due = solve(operator(), data(), method=method, damp=DAMP, lower=0.2, upper=0.7)
        low, high = np.ldexp([0.2, 0.7], exponent)
        found = solve(operator(), data(exponent), method=method, damp=DAMP, lower=low, upper=high)
        np.testing.assert_allclose(np.ldexp(found.x, -exponent), due.x, rtol=1e-9)


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_starts_callbacks_and_noise_are_in_the_callers_scale(exponent):
    def run(scale):
        seen = []
        start = np.ldexp(np.full(SHAPE, 0.5), scale)
        norm = float(np.ldexp(NOISE, scale))
        options = {"x0": start, "noise_norm": norm, "callback": seen.append}
        found = solve(operator(), data(scale), method="cgls", **options)
        return found, seen

    (due, due_seen), (found, seen) = run(0), run(exponent)
    assert due.iterations == found.iterations > 0
    np.testing.assert_allclose(np.ldexp(found.x, -exponent), due.x, rtol=1e-9)
    for got, expected in zip(seen, due_seen, strict=True):
        np.testing.assert_allclose(np.ldexp(got, -exponent), expected, rtol=1e-9)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("wrap", ["matrix", "product", "scipy"])
def test_any_operator_is_scaled(wrap, exponent):
    def wrapped(scale):
        op = operator(scale)
        if wrap == "product":
            return operator() @ op
        matrix = op.matrix
        return matrix if wrap == "matrix" else sla.aslinearoperator(matrix)

    y = data() if wrap == "product" else data().ravel()
    due = solve(wrapped(0), y, damp=DAMP, method="lsmr")
    damp = np.ldexp(DAMP, exponent)
    found = solve(wrapped(exponent), np.ldexp(y, exponent), damp=damp, method="lsmr")
    assert_scaled(found, due, exponent)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("regularizer", [None, "gradient"])
@pytest.mark.parametrize("mode", ["symmetric", "circular", "zeros"])
@pytest.mark.parametrize("rule", ["gcv", "lcurve", "discrepancy"])
def test_rules_choose_the_same_at_every_scale(rule, mode, regularizer, exponent):
    def run(scale):
        op, y = operator(scale, mode), data(scale, mode, noise=0.3)
        noise = float(np.ldexp(2.4, scale)) if rule == "discrepancy" else None
        return tikhonov(op, y, rule, regularizer=regularizer, noise_norm=noise)

    due, found = run(0), run(exponent)
    # The logarithm of damp is found to 1e-6 by discrepancy, to less where a minimum is flat.
    assert_scaled(found, due, exponent, rtol=1e-4)
    assert found.chosen_by == due.chosen_by


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_curves_are_in_the_callers_scale(exponent):
    op, y = operator(exponent), data(exponent)
    due, found = (inverse.lcurve(*args) for args in [(operator(), data()), (op, y)])
    for name, power in [("damps", exponent), ("residual_norms", exponent), ("solution_norms", 0)]:
        got = np.ldexp(getattr(found, name), -power)
        np.testing.assert_allclose(got, getattr(due, name), rtol=1e-9)
    np.testing.assert_allclose(found.curvature, due.curvature, rtol=1e-6, atol=1e-9)
    due, found = (inverse.gcv(*args) for args in [(operator(), data()), (op, y)])
    np.testing.assert_allclose(np.ldexp(found.damps, -exponent), due.damps, rtol=1e-9)
    noise = float(np.ldexp(NOISE, exponent))
    stopped = inverse.discrepancy(op, y, noise)
    at_one = inverse.discrepancy(operator(), data(), NOISE)
    assert np.isclose(np.ldexp(stopped.damp, -exponent), at_one.damp, rtol=1e-9)
    assert stopped.target == 1.01 * noise


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("rank", [20, "gcv", "discrepancy"])
def test_truncation_and_picard_at_every_scale(rank, exponent):
    def run(scale):
        noise = float(np.ldexp(NOISE, scale)) if rank == "discrepancy" else None
        return tsvd(operator(scale), data(scale), rank, noise_norm=noise)

    due, found = run(0), run(exponent)
    assert found.rank == due.rank
    assert_scaled(found, due, exponent)
    plots = [inverse.picard(operator(scale), data(scale)) for scale in (0, exponent)]
    for name, power in [("values", exponent), ("coefficients", exponent), ("ratios", 0)]:
        expected, got = (getattr(plot, name) for plot in plots)
        np.testing.assert_allclose(np.ldexp(got, -power), expected, rtol=1e-9)


@pytest.mark.parametrize("exponent", [-116, 116])
def test_single_precision_at_its_ends(exponent):
    due = solve(operator(dtype=np.float32), data().astype(np.float32), damp=DAMP)
    y = np.ldexp(data().astype(np.float32), exponent)
    found = solve(operator(exponent, dtype=np.float32), y, damp=float(np.ldexp(DAMP, exponent)))
    assert found.x.dtype == np.float32
    np.testing.assert_allclose(found.x, due.x, rtol=1e-5)


def test_complex_data_are_scaled_in_both_parts():
    y = data() + 1j * data()[::-1]
    due = solve(operator(), y, damp=DAMP)
    found = solve(operator(997), np.ldexp(y.view(float), 997).view(complex), damp=2.0**997 * DAMP)
    np.testing.assert_allclose(found.x, due.x, rtol=1e-9)


def test_an_answer_that_the_type_cannot_hold_is_refused():
    with pytest.raises(DTypeError, match=r"`y` must have an answer that float64 can hold"):
        solve(operator(-997), data(997), damp=0.0)


def test_a_damp_far_above_the_operator_is_what_sets_the_scale():
    """The answer is then C^H y / damp^2."""
    op, y = operator(), data()
    found = solve(op, y, damp=1e150, method="lsmr")
    np.testing.assert_allclose(found.x * 1e150 * 1e150, op.H.apply(y), rtol=1e-5)


def test_an_operator_of_zeros_is_left_alone():
    zero = as_operator(np.zeros((3, 3)))
    assert not solve(zero, np.ones(3), damp=1.0).x.any()
