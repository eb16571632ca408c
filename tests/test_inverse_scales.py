"""Inverse problems far from size 1: the answers are those of the problem of size 1, scaled."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse.linalg as sla

from sparse_tconv import Conv, LocalConv, as_operator, inverse
from sparse_tconv.errors import DTypeError, GeometryError
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


def far_and_near(exponent):
    """The scale, in the operator and in the data: where the answer is as large, and where not."""
    return [(exponent, exponent), (0, exponent), (exponent, 0)]


def assert_restored(found, due, of_op, of_y, of_damp=None, rtol=1e-9):
    """The same picture, numbers and findings, in the other scale."""
    near = np.ldexp(found.x, of_op - of_y)
    np.testing.assert_allclose(near, due.x, rtol=rtol, atol=rtol * np.abs(due.x).max())
    assert np.isclose(np.ldexp(found.residual_norm, -of_y), due.residual_norm, rtol=rtol)
    assert np.isclose(np.ldexp(found.solution_norm, of_op - of_y), due.solution_norm, rtol=rtol)
    if of_damp is not None:
        assert np.isclose(np.ldexp(found.damp, -of_damp), due.damp, rtol=rtol)
    assert (found.status, found.iterations) == (due.status, due.iterations)
    told = tuple(line for line in found.findings if "the PSF sums to" not in line)
    assert told == due.findings


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_total_variation_at_every_scale(exponent):
    def run(of_op, of_y):
        weight = float(np.ldexp(0.02, of_op + of_y))
        return inverse.tv(operator(of_op), data(of_y), weight)

    due = run(0, 0)
    for of_op, of_y in far_and_near(exponent)[1:]:
        found = run(of_op, of_y)
        assert_restored(found, due, of_op, of_y, of_op + of_y)
        with np.errstate(over="ignore"):
            gap = np.ldexp(due.gap, 2 * of_y)
        assert gap * (1 - 1e-9) <= found.gap <= gap * (1 + 1e-9) + 1e-323
        assert found.gap > 0
        np.testing.assert_allclose(np.ldexp(found.bounds, of_op - of_y), due.bounds)
    # Bounds and start of the caller are in the caller's scale.
    low, high, start = (np.ldexp(value, exponent) for value in (-0.2, 1.4, np.full(SHAPE, 0.4)))
    options = {"lower": low, "upper": high, "x0": start}
    weight = float(np.ldexp(0.02, exponent))
    found = inverse.tv(operator(), data(exponent), weight, **options)
    due = inverse.tv(operator(), data(), 0.02, lower=-0.2, upper=1.4, x0=np.full(SHAPE, 0.4))
    np.testing.assert_allclose(np.ldexp(found.x, -exponent), due.x, rtol=1e-9)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("accelerate", [False, True])
def test_richardson_lucy_at_every_scale(accelerate, exponent):
    def run(of_op, of_y, **options):
        background = np.ldexp(0.1, of_y)
        y = np.maximum(data(of_y), 0)
        options |= {"accelerate": accelerate, "background": background, "maxiter": 15}
        return inverse.richardson_lucy(operator(of_op), y, **options)

    due = run(0, 0)
    for of_op, of_y in far_and_near(exponent):
        found = run(of_op, of_y)
        assert_restored(found, due, of_op, of_y)
        assert np.isclose(np.ldexp(found.deviance, -of_y), due.deviance)
        stopped = run(of_op, of_y, stop=float(np.ldexp(due.deviance, of_y)))
        assert stopped.converged
        assert stopped.iterations == run(0, 0, stop=due.deviance).iterations


def picture(exponent=0, seed=5):
    """A picture of an edge with noise."""
    x = np.zeros((14, 15))
    x[4:9, 3:10] = 1.0
    psf = inverse.psf.gauss(0.8)
    noise = 0.02 * np.random.default_rng(seed).standard_normal(x.shape)
    return np.ldexp(inverse.blur(psf, x.shape).apply(x) + noise, exponent), psf


@pytest.mark.parametrize("exponent", [-997, 531])
@pytest.mark.parametrize(
    "options",
    [
        *({"rule": rule} for rule in ("auto", "gcv", "wgcv", "lcurve", "discrepancy", "ncp")),
        {"sigma": 0.02},
        {"nonnegative": True},
        {"boundary": "symmetric", "regularizer": "laplacian"},
        {"rule": 0.2},
    ],
    ids=str,
)
def test_deblur_at_every_scale(options, exponent):
    y, psf = picture()
    due = inverse.deblur(y, psf, **options)
    for of_psf, of_y in far_and_near(exponent)[: 1 if "nonnegative" in options else None]:
        scaled_options = dict(options)
        if "sigma" in options:
            scaled_options["sigma"] = float(np.ldexp(0.02, of_y))
        if options.get("rule") == 0.2:
            scaled_options["rule"] = float(np.ldexp(0.2, of_psf))
        found = inverse.deblur(picture(of_y)[0], np.ldexp(psf, of_psf), **scaled_options)
        # A search between bounds ends at 1e-4 of the picture.
        rtol = 1e-4 if "nonnegative" in options else 1e-7
        assert_restored(found, due, of_psf, of_y, of_psf, rtol=rtol)
        field = np.ldexp(found.field, of_psf - of_y)
        np.testing.assert_allclose(field, due.field, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("exponent", [-997, 600])
def test_deblur_by_total_variation_at_every_scale(exponent):
    """The search for the weight goes by logarithms, which round: a certified objective is compared."""
    y, psf = picture()
    due = inverse.deblur(y, psf, penalty="tv")
    found = inverse.deblur(picture(exponent)[0], psf, penalty="tv")
    assert np.isclose(np.ldexp(found.damp, -exponent), due.damp, rtol=1e-6)
    assert np.isclose(np.ldexp(found.residual_norm, -exponent), due.residual_norm, rtol=1e-2)
    np.testing.assert_allclose(np.ldexp(found.x, -exponent), due.x, atol=0.02)
    weight = float(np.ldexp(0.02, exponent))
    given = inverse.deblur(y, np.ldexp(psf, exponent), penalty="tv", rule=weight)
    np.testing.assert_allclose(
        np.ldexp(given.x, exponent), inverse.deblur(y, psf, penalty="tv", rule=0.02).x, rtol=1e-9
    )
    with pytest.raises(DTypeError, match="`y` must go with a damp that float64 can hold"):
        inverse.deblur(picture(exponent)[0], np.ldexp(psf, exponent), penalty="tv")


@pytest.mark.parametrize("exponent", [-116, -40, 40, 116])
def test_pictures_of_single_precision_at_its_ends(exponent):
    y, psf = picture()
    due = inverse.deblur(y.astype(np.float32), psf)
    found = inverse.deblur(np.ldexp(y.astype(np.float32), exponent), psf)
    assert found.x.dtype == np.float32
    assert found.findings == due.findings
    np.testing.assert_allclose(np.ldexp(found.x, -exponent), due.x, rtol=1e-5, atol=1e-5)
    with pytest.raises(DTypeError, match="`y` must have an answer that float32 can hold"):
        inverse.deblur(np.ldexp(y.astype(np.float32), 116), np.ldexp(psf, -100))


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize(
    "options", [{}, {"nonnegative": True}, {"method": "factor", "damp": 0.1}], ids=str
)
def test_kernels_are_estimated_at_every_scale(options, exponent):
    x = np.random.default_rng(8).random(SHAPE)
    op = operator()
    y = op.apply(x) + 0.01 * x[::-1]

    def run(of_x, of_y):
        scaled_options = dict(options)
        if "damp" in options:
            scaled_options["damp"] = float(np.ldexp(0.1, of_x))
        return inverse.estimate_kernel(
            np.ldexp(x, of_x), np.ldexp(y, of_y), op.geometry, **scaled_options
        )

    due = run(0, 0)
    for of_x, of_y in far_and_near(exponent):
        assert_restored(run(of_x, of_y), due, of_x, of_y, of_x)


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("kind", ["varying", "local"])
def test_kernels_that_vary_at_every_scale(kind, exponent):
    rng = np.random.default_rng(2)
    if kind == "varying":
        psfs = rng.random((2, 2, 3, 3))

        def make(scale):
            return inverse.varying_blur(np.ldexp(psfs, scale), [[0, 7], [0, 7]], SHAPE)
    else:
        weight = rng.random((3, 3, *SHAPE))

        def make(scale):
            return LocalConv(np.ldexp(weight, scale), SHAPE, padding=1, channels=False)

    for solver in (tikhonov, lambda op, y: solve(op, y, damp=0.0, rtol=1e-9)):
        due = solver(make(0), data())
        found = solver(make(exponent), data(exponent))
        np.testing.assert_allclose(found.x, due.x, rtol=1e-4, atol=1e-4 * np.abs(due.x).max())
    due = inverse.richardson_lucy(make(0), np.abs(data()), maxiter=5)
    found = inverse.richardson_lucy(make(exponent), np.abs(data(exponent)), maxiter=5)
    assert_restored(found, due, exponent, exponent)


PRECONDITIONERS = [
    inverse.circulant_preconditioner,
    inverse.cosine_preconditioner,
    inverse.kronecker_preconditioner,
]


@pytest.mark.parametrize("make", PRECONDITIONERS)
def test_preconditioners_at_every_scale_that_has_inverses(make):
    def run(exponent):
        op, damp = operator(exponent, "zeros"), float(np.ldexp(DAMP, exponent))
        inverted = make(op, damp)
        return inverted, solve(op, data(exponent), damp=damp, preconditioner=inverted)

    inverted, due = run(0)
    for exponent in (-480, -200, 200, 480):
        far, found = run(exponent)
        y = np.ldexp(far.apply(data()), 2 * exponent)
        np.testing.assert_allclose(y, inverted.apply(data()), rtol=1e-9)
        np.testing.assert_allclose(found.x, due.x, rtol=1e-5, atol=1e-6)
        assert abs(found.iterations - due.iterations) <= 2
    for exponent in (-997, 997):
        with pytest.raises(DTypeError, match="`op` must have an inverse of its normal equations"):
            run(exponent)


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_sums_of_separable_blurs_problems_and_noise_at_every_scale(exponent):
    psf = inverse.psf.defocus(2.0)
    due, found = (inverse.kronecker_sum(np.ldexp(psf, scale), 2) for scale in (0, exponent))
    assert np.isclose(np.ldexp(found.error, -exponent), due.error, rtol=1e-12)
    image = np.random.default_rng(0).random((40, 40))
    due, found = (
        inverse.problems.deblurring("gauss", 12, image=np.ldexp(image, scale))
        for scale in (0, exponent)
    )
    assert np.isclose(np.ldexp(found.noise_norm, -exponent), due.noise_norm, rtol=1e-12)
    assert np.isclose(found.error(found.y), due.error(due.y), rtol=1e-12)
    assert repr(found).splitlines()[1] == repr(due).splitlines()[1]
    noise = [inverse.estimate_sigma(picture(scale)[0]) for scale in (0, exponent)]
    assert np.isclose(np.ldexp(noise[1], -exponent), noise[0], rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_operators_that_are_not_finite_are_refused(value, method):
    weight = np.ones((3, 3))
    weight[1, 1] = value
    op = Conv(weight, SHAPE, padding=1, channels=False)
    with pytest.raises(GeometryError, match=r"`op` must be finite; got entries or products that"):
        solve(op, data(), method=method, damp=1.0)
    product = as_operator(op.matrix if np.isnan(value) else 1e200 * np.eye(64))
    with pytest.raises(GeometryError, match=r"`op` must be finite; got entries or products that"):
        solve(product @ product, data().ravel(), method="lsmr")
