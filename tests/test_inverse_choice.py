"""The rules for damp find what they promise, by the exact spectrum and by bidiagonalization."""

from __future__ import annotations

import numpy as np
import pytest
from factories import random_array, random_setting

import sparse_tconv as st
from sparse_tconv.inverse import (
    blur,
    discrepancy,
    gcv,
    lcurve,
    ncp,
    picard,
    problems,
    psf,
    solve,
    tikhonov,
    tsvd,
    wgcv,
)
from sparse_tconv.inverse._bidiagonalization import Bidiagonalization
from sparse_tconv.inverse._diagonal import diagonal
from sparse_tconv.inverse._expand import expand
from sparse_tconv.inverse._expansion import Expansion
from sparse_tconv.inverse._least_squares import LeastSquares
from sparse_tconv.inverse._rules import choose_discrepancy, choose_gcv, trusted_minimum

GRID = np.geomspace(1e-3, 0.5, 28)


def opaque(op):
    """The same operator, its structure hidden: only products are left."""
    from scipy.sparse.linalg import LinearOperator

    return LinearOperator(op.shape, matvec=op.matvec, rmatvec=op.rmatvec, dtype=op.dtype)


def best(problem, **options):
    """The least error over a grid of damps."""
    return min(problem.error(solve(problem.op, problem.y, damp=damp, **options).x) for damp in GRID)


def noise(rule, problem):
    """What 'discrepancy' needs, and the others refuse."""
    return {"noise_norm": problem.noise_norm} if rule == "discrepancy" else {}


@pytest.fixture(scope="module", params=["gauss", "defocus"])
def photograph(request):
    """256x256, 1 % noise, symmetric boundary, the data made from a larger picture."""
    problem = problems.deblurring(request.param)
    return problem, best(problem)


def test_a_photograph_is_restored_beyond_its_data(photograph):
    problem, least = photograph
    assert least < 0.75 * problem.error(problem.y)
    for rule in ("gcv", "discrepancy"):
        found = tikhonov(problem.op, problem.y, rule, **noise(rule, problem))
        assert problem.error(found.x) < problem.error(problem.y)


def test_the_discrepancy_principle_comes_within_a_tenth_of_the_best_damp(photograph):
    problem, least = photograph
    found = tikhonov(problem.op, problem.y, "discrepancy", noise_norm=problem.noise_norm)
    assert found.residual_norm == pytest.approx(1.01 * problem.noise_norm, rel=1e-4)
    assert problem.error(found.x) <= 1.10 * least


@pytest.mark.parametrize("name", ["gauss", "defocus"])
def test_gcv_comes_within_three_tenths_where_the_model_is_exact(name):
    problem = problems.deblurring(name, inverse_crime=True)
    found = tikhonov(problem.op, problem.y, "gcv")
    assert problem.error(found.x) <= 1.30 * best(problem)


def test_gcv_damps_less_where_the_model_has_an_error_of_its_own():
    # The error at the border is neither white nor noise, but GCV takes it for signal.
    exact, real = (
        gcv(problem.op, problem.y).damp
        for problem in (problems.deblurring(inverse_crime=flag) for flag in (True, False))
    )
    assert real < exact


def test_zero_and_periodic_boundaries_are_worse_than_symmetric(photograph):
    problem, least = photograph
    for mode in ("zeros", "circular"):
        op = blur(problem.op.weight, problem.op.in_shape, padding_mode=mode)
        errors = [
            problem.error(solve(op, problem.y, damp=damp, rtol=1e-4).x)
            for damp in (0.03, 0.1, 0.2, 0.4)
        ]
        assert min(errors) > 1.15 * least


@pytest.mark.parametrize("regularizer", [None, "gradient"])
@pytest.mark.parametrize("rule", [choose_gcv, lambda e: choose_discrepancy(e, 0.3)])
def test_a_bidiagonalization_leads_to_the_damp_of_the_exact_spectrum(
    rule, regularizer, monkeypatch
):
    problem = problems.deblurring("defocus", 48, image="phantom")
    exact = LeastSquares.of(problem.op, problem.y, regularizer=regularizer)
    monkeypatch.setattr("sparse_tconv.inverse._expand.diagonal", lambda problem: "hidden")
    projected = expand(exact, rule)
    assert projected.source.startswith("Golub-Kahan bidiagonalization")
    wanted = rule(Expansion.exact(exact, diagonal(exact)))
    assert rule(projected) == pytest.approx(wanted, rel=0.3)


def test_norms_and_freedom_of_an_expansion_are_those_of_the_solutions(rng, settings_count):
    for number in range(settings_count(60)):
        if number % 2:  # C sees everything, so that its Krylov space is all that L acts in
            op, regularizer = blur(rng.random((3, 2)) + 5 * np.eye(3, 2), (4, 5)), "gradient"
        else:
            setting = random_setting(rng, dtypes=(np.float64, np.complex128), max_axes=2)
            op, regularizer = st.Conv(setting.weight, setting.in_shape, **setting.options), None
        y = random_array(rng, (2, *op.out_shape), op.dtype)
        problem = LeastSquares.of(op, y, regularizer=regularizer)
        matrix = op.matrix.toarray()
        penalty = (
            np.eye(op.shape[1])
            if problem.regularizer is None
            else problem.regularizer.matrix.toarray()
        )
        found = diagonal(problem)
        if isinstance(found, str):
            expansion = expand(problem, lambda e: float("nan"))
        else:
            expansion = Expansion.exact(problem, found)
        for damp in (0.1, 1.0):
            left = matrix.conj().T @ matrix + damp**2 * penalty.T @ penalty
            inverse = np.linalg.pinv(left, hermitian=True) @ matrix.conj().T
            x = y.reshape(2, -1) @ inverse.T
            scale = np.linalg.norm(y)
            residual = np.linalg.norm(x @ matrix.T - y.reshape(2, -1))
            assert abs(expansion.residual_norm(damp) - residual) <= 1e-6 * scale
            size = np.linalg.norm(x @ penalty.T)
            assert abs(expansion.solution_norm(damp) - size) <= 1e-5 * max(size, scale)
            if expansion.probe is None:
                free = 2 * np.trace(np.eye(len(matrix)) - matrix @ inverse).real
                assert expansion.unexplained(damp) == pytest.approx(free, abs=1e-7 * y.size)


def test_the_trace_from_random_signs_is_close():
    problem = problems.deblurring("defocus", 64, image="phantom")
    exact = LeastSquares.of(problem.op, problem.y)
    wanted = Expansion.exact(exact, diagonal(exact))
    found = expand(LeastSquares.of(opaque(problem.op), problem.y.ravel()), choose_gcv)
    for damp in (0.03, 0.1, 0.3):
        assert found.unexplained(damp) == pytest.approx(wanted.unexplained(damp), rel=0.03)


def test_bidiagonalization_is_a_factorization(rng):
    dense = rng.standard_normal((9, 6)) + 1j * rng.standard_normal((9, 6))
    b = rng.standard_normal(9) + 0j
    seen = Bidiagonalization(lambda v: dense @ v, lambda u: dense.conj().T @ u, b)
    seen.extend(3)
    seen.extend(20)
    assert seen.exhausted
    assert seen.steps == 6
    values = np.linalg.svd(dense, compute_uv=False)
    np.testing.assert_allclose(np.linalg.svd(seen.matrix, compute_uv=False), values, rtol=1e-9)
    np.testing.assert_allclose(seen.columns.conj() @ seen.columns.T, np.eye(6), atol=1e-13)
    left = np.linalg.norm(dense @ seen.columns.T, axis=0)
    np.testing.assert_allclose(left, np.linalg.norm(seen.matrix, axis=0), rtol=1e-12)


def test_a_bidiagonalization_of_nothing_sees_nothing():
    seen = Bidiagonalization(lambda v: v, lambda u: u, np.zeros(4))
    seen.extend(3)
    assert seen.steps == 0
    assert seen.matrix.shape == (1, 0)


def test_an_identity_is_seen_in_one_step(rng):
    seen = Bidiagonalization(lambda v: v, lambda u: u, rng.standard_normal(4))
    seen.extend(3)
    np.testing.assert_allclose(seen.matrix, [[1], [0]])


@pytest.mark.parametrize(("rule", "factor"), [("gcv", 1.0), ("lcurve", 2.0), ("discrepancy", 0.9)])
def test_one_dimension_is_deconvolved_by_every_rule(rule, factor):
    # The L-curve damps less than is best, and both of the others are statistics of 128 numbers.
    for seed in range(5):
        problem = problems.deconvolution(seed=seed, noise=0.02, inverse_crime=True)
        found = tikhonov(problem.op, problem.y, rule, **noise(rule, problem))
        assert problem.error(found.x) < factor * problem.error(problem.y)
        assert found.chosen_by == f"{rule}, exact spectrum (symmetric)"


@pytest.mark.parametrize("rule", ["gcv", "discrepancy"])
@pytest.mark.parametrize("regularizer", ["gradient", "laplacian"])
def test_superresolution_comes_near_the_best_damp_by_bidiagonalization(rule, regularizer):
    problem = problems.superresolution(2, 48, psf=psf.motion(5, 30), noise=0.05)
    found = tikhonov(problem.op, problem.y, rule, regularizer=regularizer, **noise(rule, problem))
    assert found.method == "lsmr"
    assert "Golub-Kahan bidiagonalization" in found.chosen_by
    assert problem.error(found.x) < 1.2 * best(problem, regularizer=regularizer, rtol=1e-4)


RULES = ("auto", "gcv", "wgcv", "ncp", "discrepancy")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", ["convolution", "product", "matrix", "masked"])
def test_every_rule_restores_under_any_operator(rule, kind):
    problem = problems.deblurring("defocus", 32, image="phantom", inverse_crime=True, noise=0.02)
    op, y, options = problem.op, problem.y, {}
    if kind == "product":
        op = st.Diagonal(np.full(op.out_shape, 1.5)) @ op
        y = 1.5 * y
    if kind == "matrix":
        op, y = op.matrix, y.ravel()
    if kind == "masked":
        options["mask"] = np.random.default_rng(0).random(y.shape) < 0.9
    factor = 1.5 if kind == "product" else 1.0
    if rule == "discrepancy":
        options["noise_norm"] = factor * problem.noise_norm
    found = tikhonov(op, y, rule, **options)
    assert problem.error(found.x.reshape(problem.x.shape)) < 0.9 * problem.error(problem.y)
    assert found.chosen_by.startswith("robust gcv" if rule == "auto" else rule)


def test_the_whitest_residual_and_the_weighted_minimum_are_where_their_curves_say():
    problem = problems.deblurring("defocus", 32, image="phantom", inverse_crime=True, noise=0.02)
    for rule in (ncp, wgcv):
        found = rule(problem.op, problem.y)
        i = int(np.argmin(found.values))
        assert found.damps[i - 1] <= found.damp <= found.damps[i + 1]
        assert found.noise == pytest.approx(problem.noise_norm / problem.y.size**0.5, rel=0.25)


def test_a_fit_is_what_the_operator_makes_of_the_solution(monkeypatch):
    problem = problems.deblurring("defocus", 24, image="phantom", inverse_crime=True)
    for regularizer in (None, "gradient"):
        exact = LeastSquares.of(problem.op, problem.y, regularizer=regularizer)
        wanted = problem.op.apply(
            solve(problem.op, problem.y, damp=0.2, regularizer=regularizer, rtol=1e-10).x
        )
        found = Expansion.exact(exact, diagonal(exact)).fit(0.2)
        np.testing.assert_allclose(found.reshape(wanted.shape), wanted, atol=1e-7)
        with monkeypatch.context() as patched:
            patched.setattr("sparse_tconv.inverse._expand.diagonal", lambda problem: "hidden")
            seen = expand(exact, choose_gcv)
        np.testing.assert_allclose(seen.fit(0.2).reshape(wanted.shape), wanted, atol=2e-3)


def test_with_the_noise_known_auto_takes_the_least_predictive_risk():
    problem = problems.deblurring("gauss", 48, image="phantom", inverse_crime=True, noise=0.02)
    truth = problem.op.apply(problem.x)
    found = tikhonov(problem.op, problem.y, "auto", noise_norm=problem.noise_norm)
    risks = [
        np.linalg.norm(problem.op.apply(solve(problem.op, problem.y, damp=float(damp)).x) - truth)
        for damp in np.geomspace(0.02, 1.0, 25)
    ]
    assert np.linalg.norm(problem.op.apply(found.x) - truth) <= 1.05 * min(risks)
    assert found.chosen_by == "predictive risk, exact spectrum (symmetric)"


def test_rules_look_at_weighted_rows(rng):
    problem = problems.deblurring("gauss", 32, image="phantom", inverse_crime=True, noise=0.0)
    spread = np.where(np.arange(32) < 16, 0.005, 0.1)[:, None] * np.ones(32)
    y = problem.y + spread * rng.standard_normal(spread.shape)
    weighted = tikhonov(problem.op, y, "auto", weights=1 / spread, noise_norm=32.0)
    plain = tikhonov(problem.op, y, "auto")
    assert problem.error(weighted.x) < problem.error(plain.x)
    assert weighted.findings == ()


def test_noise_that_is_not_that_of_the_residual_is_found():
    problem = problems.deblurring("gauss", 48, image="phantom", inverse_crime=True, noise=0.02)
    for factor in (0.3, 3.0):
        found = tikhonov(problem.op, problem.y, "auto", noise_norm=factor * problem.noise_norm)
        assert "times the noise that is given" in " ".join(found.findings)


def test_a_batch_gets_one_damp_and_channels_too(rng):
    x = rng.random((3, 20, 20))
    channels = blur(psf.gauss(1.0), x.shape, channels=True)
    single = blur(psf.gauss(1.0), x.shape[1:])
    y = channels.apply(x) + 0.01 * rng.standard_normal(x.shape)
    one, other = tikhonov(channels, y, "gcv"), tikhonov(single, y, "gcv")
    assert one.damp == pytest.approx(other.damp, rel=1e-6)
    np.testing.assert_allclose(one.x, other.x, atol=1e-8)


def test_a_damp_given_is_taken_and_options_reach_the_solver():
    problem = problems.deconvolution()
    found = tikhonov(problem.op, problem.y, 0.1, method="cgls", rtol=1e-10)
    assert (found.damp, found.chosen_by, found.method) == (0.1, "given", "cgls")


def test_a_mask_goes_through_choice_and_solution(rng):
    problem = problems.deblurring("gauss", 48, image="phantom", inverse_crime=True)
    mask = rng.random((48, 48)) < 0.8
    y = np.where(mask, problem.y, np.nan)
    found = tikhonov(problem.op, y, "gcv", mask=mask)
    assert problem.error(found.x) < problem.error(problem.y)
    assert found.chosen_by.startswith("gcv, Golub-Kahan bidiagonalization")


def test_choices_show_their_curves():
    problem = problems.deconvolution()
    for found, curves in [
        (gcv(problem.op, problem.y), ["values"]),
        (lcurve(problem.op, problem.y), ["residual_norms", "solution_norms", "curvature"]),
        (discrepancy(problem.op, problem.y, problem.noise_norm), ["residual_norms"]),
    ]:
        assert found.damps[0] <= found.damp <= found.damps[-1]
        assert {getattr(found, name).shape for name in curves} == {found.damps.shape}
        assert repr(found).startswith(f"<{type(found).__name__} damp=")


def test_the_minimum_of_gcv_is_one():
    problem = problems.deblurring("defocus", 64, image="phantom", inverse_crime=True)
    found = gcv(problem.op, problem.y)
    least = float(np.interp(found.damp, found.damps, found.values))
    assert least == pytest.approx(found.values.min(), rel=0.02)


def test_a_minimum_where_few_data_decide_counts_only_if_it_is_much_lower():
    free = np.linspace(0.0, 1.0, 41)
    valley = 1.0 + (free - 0.5) ** 2
    assert trusted_minimum(valley, free) == 20
    accident = np.where(free < 0.02, 0.5, valley)
    assert trusted_minimum(accident, free) == 20
    signal = np.where(free < 0.02, 0.01, valley)
    assert trusted_minimum(signal, free) == 0
    assert trusted_minimum(1.0 + free, free) == 0  # still falling: data without noise
    assert trusted_minimum(valley[:1], free[:1]) == 0


@pytest.mark.parametrize("rule", ["gcv", "discrepancy"])
def test_a_truncated_expansion_keeps_the_largest_values(rule):
    problem = problems.deblurring("gauss", 24, image="phantom", inverse_crime=True)
    found = tsvd(problem.op, problem.y, rule, **noise(rule, problem))
    assert problem.error(found.x) < 0.9 * problem.error(problem.y)
    u, s, vh = np.linalg.svd(problem.op.matrix.toarray()[:, :], full_matrices=False)
    k = found.rank
    wanted = vh[:k].T @ ((u[:, :k].T @ problem.y.ravel()) / s[:k])
    if s[k - 1] - s[k] > 1e-9:  # equal values leave open which of them to keep
        np.testing.assert_allclose(found.x.ravel(), wanted, atol=1e-6)
    assert found.chosen_by == f"{rule}, exact spectrum (symmetric)"


def test_a_truncated_expansion_of_all_values_is_the_pseudo_inverse(rng):
    op = st.Conv(rng.random((1, 1, 3)), (1, 12), padding=1)
    y = rng.standard_normal((1, 12))
    wanted = np.linalg.pinv(op.matrix.toarray()) @ y.ravel()
    np.testing.assert_allclose(tsvd(op, y, 12).x.ravel(), wanted, atol=1e-8)
    assert not tsvd(op, y, 0).x.any()


def test_a_picard_plot_is_sorted_and_its_ratios_are_the_solution():
    problem = problems.deconvolution(noise=0.0, inverse_crime=True)
    found = picard(problem.op, problem.y)
    assert (np.diff(found.values) <= 0).all()
    assert np.linalg.norm(found.coefficients) == pytest.approx(np.linalg.norm(problem.y))
    kept = found.values > 1e-4 * found.values[0]
    assert np.linalg.norm(found.ratios[kept]) <= np.linalg.norm(problem.x) * (1 + 1e-6)
    noisy = picard(problem.op, problem.y + 0.1 * np.random.default_rng(0).standard_normal(128))
    assert noisy.noise_floor == pytest.approx(0.1, rel=0.5)
    assert repr(noisy).startswith("Picard\n  values")


def test_without_structure_the_picard_values_are_ritz_values(rng):
    problem = problems.deblurring(rng.random((4, 4)), 40, image="phantom", noise=0.1)
    found = picard(problem.op, problem.y)
    assert found.source.startswith("Golub-Kahan")
    wanted = np.linalg.svd(problem.op.matrix.toarray(), compute_uv=False)[0]
    assert found.values[0] == pytest.approx(wanted, rel=1e-6)


P = problems.deconvolution()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tikhonov(P.op, P.y, "aic"), st.GeometryError, "`damp` must be one of 'auto'"),
        (lambda: tikhonov(P.op, P.y, -1), st.GeometryError, "`damp` must be a finite number"),
        (
            lambda: tikhonov(P.op, P.y, "discrepancy"),
            st.GeometryError,
            "`noise_norm` must be given for damp='discrepancy'",
        ),
        (
            lambda: discrepancy(P.op, P.y, 0),
            st.GeometryError,
            "`noise_norm` must be a finite number, above 0; got 0",
        ),
        (
            lambda: discrepancy(P.op, P.y, 1.0, tau=-1),
            st.GeometryError,
            "`tau` must be a finite number, above 0",
        ),
        (
            lambda: discrepancy(P.op, P.y, 1e9),
            st.GeometryError,
            "`noise_norm` must be less than .*nothing but noise",
        ),
        (
            lambda: discrepancy(
                st.Conv(np.ones(2), (4,), stride=2, channels=False).T,
                np.ones(4) + np.eye(4)[0],
                1e-3,
            ),
            st.GeometryError,
            "`noise_norm` must be more than .*the part of y that no x explains",
        ),
        (lambda: gcv(P.op, P.y[:5]), st.ShapeError, "`y` must have shape"),
        (lambda: lcurve(P.op, P.y * np.nan), st.GeometryError, "`y` must be finite"),
        (lambda: picard("op", P.y), st.DTypeError, "`op` must be an operator"),
        (lambda: tsvd(P.op, P.y, 1000), st.GeometryError, "`rank` must be at most 128"),
        (lambda: tsvd(P.op, P.y, -1), st.GeometryError, "`rank` must be an int, at least 0"),
        (lambda: tsvd(P.op, P.y, "lcurve"), st.GeometryError, "`rank` must be one of 'gcv'"),
        (
            lambda: tsvd(P.op, P.y, "discrepancy"),
            st.GeometryError,
            "`noise_norm` must be given for rank='discrepancy'",
        ),
        (
            lambda: tsvd(np.eye(3), np.ones(3)),
            st.GeometryError,
            "`op` must have a factorization that is fast; got",
        ),
    ],
)
def test_a_wrong_argument_is_answered_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
