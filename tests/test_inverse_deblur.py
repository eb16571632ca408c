"""`deblur`: any picture, any boundary, no harm without a finding."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import signal

import sparse_tconv as st
from sparse_tconv.inverse import deblur, estimate_sigma, problems, psf, solve

KERNELS = {
    "gauss": psf.gauss(1.5),
    "defocus": psf.defocus(3),
    "motion": psf.motion(7, 30),
    "lopsided": np.array([[0.1, 0.3, 0.0], [0.0, 0.4, 0.1], [0.0, 0.0, 0.1]]),
}
RULES = ("auto", "gcv", "wgcv", "lcurve", "discrepancy", "ncp")


def blurred(kernel, size=72, noise=0.01, seed=0):
    """A phantom seen through a blur that reads nothing beyond it, and the truth."""
    sides = tuple(size + k - 1 for k in kernel.shape)
    whole = problems.deblurring("gauss", sides, image="phantom", inverse_crime=True).x
    rng = np.random.default_rng(seed)
    y = signal.convolve(whole, kernel, mode="valid")
    first = [k - 1 - k // 2 for k in kernel.shape]
    x = whole[first[0] : first[0] + size, first[1] : first[1] + size]
    return y + noise * rng.standard_normal(y.shape), x


def error(x, truth):
    return float(np.linalg.norm(x - truth) / np.linalg.norm(truth))


@pytest.mark.parametrize("name", KERNELS)
def test_a_blurred_picture_comes_nearer_to_the_truth_and_nothing_speaks_against_it(name):
    y, x = blurred(KERNELS[name])
    found = deblur(y, KERNELS[name])
    assert found.converged
    assert found.x.shape == y.shape
    assert error(found.x, x) < 0.9 * error(y, x)
    assert found.findings == ()


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_restores(rule):
    y, x = blurred(KERNELS["gauss"], 48)
    found = deblur(y, KERNELS["gauss"], rule=rule, sigma=0.01)
    assert error(found.x, x) < error(y, x)
    assert rule in found.chosen_by or rule == "auto"


@pytest.mark.parametrize("regularizer", [None, "gradient", "laplacian"])
@pytest.mark.parametrize("boundary", ["symmetric", "circular", "zeros"])
def test_under_an_assumed_boundary_the_answer_minimizes_the_sum_of_squares(boundary, regularizer):
    y, _ = blurred(KERNELS["gauss"], 20)
    op = st.inverse.blur(KERNELS["gauss"], y.shape, padding_mode=boundary)
    options = {"regularizer": regularizer}
    wanted = solve(op, y, damp=0.2, rtol=1e-10, maxiter=5000, **options).x
    found = deblur(y, KERNELS["gauss"], boundary=boundary, rule=0.2, **options).x
    assert np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()


@pytest.mark.parametrize("regularizer", [None, "gradient", "laplacian"])
@pytest.mark.parametrize("name", KERNELS)
def test_the_field_minimizes_the_sum_of_squares_with_differences_that_end_at_its_border(
    name, regularizer
):
    kernel = KERNELS[name]
    # A field of sides that transforms are fast for is the grid.
    y = blurred(kernel, 40)[0][: 31 - len(kernel), : 33 - kernel.shape[1]]
    options = {"regularizer": regularizer}
    found = deblur(y, kernel, rule=0.2, **options)
    op = st.Conv(kernel, (30, 32), flip=True, channels=False)
    wanted = solve(op, y, damp=0.2, rtol=1e-9, maxiter=5000, **options)
    assert found.field.shape == wanted.x.shape
    assert np.abs(found.field - wanted.x).max() < 0.05 * np.ptp(y)
    assert found.residual_norm == pytest.approx(wanted.residual_norm, rel=2e-3)
    assert found.solution_norm == pytest.approx(wanted.solution_norm, rel=2e-3)


def test_a_field_that_transforms_are_slow_for_is_restored_as_one_a_little_larger():
    kernel = KERNELS["defocus"]
    y, _ = blurred(kernel, 23)  # the field is 29
    found = deblur(y, kernel, rule=0.2)
    op = st.Conv(kernel, (29, 29), flip=True, channels=False)
    wanted = solve(op, y, damp=0.2, regularizer="gradient", rtol=1e-9, maxiter=5000)
    assert np.abs(found.field - wanted.x)[3:-3, 3:-3].max() < 0.05 * np.ptp(y)
    assert found.residual_norm <= 1.01 * wanted.residual_norm


def test_channels_are_restored_with_one_damp_wherever_their_axis_is():
    y, _ = blurred(KERNELS["gauss"], 40)
    color = np.stack([y, 0.5 * y, 0.2 + y[::-1]], axis=-1)
    last = deblur(color, KERNELS["gauss"], channel_axis=-1)
    first = deblur(np.moveaxis(color, -1, 0), KERNELS["gauss"], channel_axis=0)
    assert last.x.shape == color.shape
    assert np.allclose(np.moveaxis(last.x, -1, 0), first.x, rtol=1e-5, atol=1e-6)
    alone = deblur(y, KERNELS["gauss"], rule=last.damp)
    assert np.abs(last.x[..., 0] - alone.x).max() < 1e-2


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_pictures_come_back_in_their_own_type(dtype):
    y, x = blurred(KERNELS["gauss"], 48)
    top = np.iinfo(dtype).max if dtype.startswith("u") else 1
    data = (np.clip(y, 0, 1) * top).astype(dtype)
    found = deblur(data, KERNELS["gauss"])
    assert found.x.dtype == dtype
    assert error(found.x / top, x) < error(y, x)


def test_pixels_that_the_mask_leaves_out_do_not_matter():
    y, x = blurred(KERNELS["gauss"], 48)
    mask = np.random.default_rng(1).random(y.shape) > 0.1
    for spoiled in (np.nan, np.inf):
        found = deblur(np.where(mask, y, spoiled), KERNELS["gauss"], mask=mask)
        assert error(found.x, x) < error(y, x)


def test_saturated_pixels_of_some_channels_are_counted_where_they_are_used():
    color = np.full((20, 24, 3), 90, np.uint8)
    color[:9, :, 0] = 255
    kernel = KERNELS["gauss"]
    assert any("saturated" in line for line in deblur(color, kernel, channel_axis=-1).findings)
    found = deblur(color, kernel, channel_axis=-1, mask=color < 255)
    assert not any("saturated" in line for line in found.findings)


def test_a_bound_below_is_kept():
    y, _ = blurred(KERNELS["gauss"], 32)
    found = deblur(y - 0.3, KERNELS["gauss"], nonnegative=True)
    assert found.x.min() >= 0
    assert found.method == "mprgp"


@pytest.mark.parametrize("ndim", [1, 3])
def test_any_number_of_axes(ndim):
    rng = np.random.default_rng(0)
    kernel = psf.gauss(1, 5, ndim=ndim)
    whole = np.cumsum(rng.standard_normal((24,) * ndim), axis=0)
    y = signal.convolve(whole, kernel, mode="valid")
    found = deblur(y, kernel)
    assert found.x.shape == y.shape
    assert error(found.x, whole[(slice(2, -2),) * ndim]) < error(y, whole[(slice(2, -2),) * ndim])


def planted(case):
    """A restoration that cannot go well, its truth and its data."""
    y, x = blurred(KERNELS["gauss"], 96)
    if case == "wide":
        return deblur(y, psf.gauss(4)), x, y
    if case == "other":
        return deblur(y, psf.motion(13, 120)), x, y
    if case == "off center":
        return deblur(y, np.pad(KERNELS["gauss"], [(6, 0), (6, 0)])), x, y
    if case == "not normalized":
        return deblur(y, 1.3 * KERNELS["gauss"]), x, y
    if case == "corner":
        mask = np.zeros(y.shape, dtype=bool)
        mask[:12, :12] = True
        return deblur(y, KERNELS["gauss"], mask=mask), x, y
    if case == "sigma":
        return deblur(y, KERNELS["gauss"], sigma=1e-4), x, y
    return deblur(y, KERNELS["gauss"], rule=1e-6), x, y


@pytest.mark.parametrize(
    "case", ["wide", "other", "off center", "not normalized", "corner", "sigma", "damp"]
)
def test_what_cannot_go_well_has_a_finding(case):
    found, _, _ = planted(case)
    assert found.findings
    assert all("\n" not in line for line in found.findings)
    assert "finding" in repr(found)


@pytest.mark.parametrize("name", KERNELS)
def test_without_noise_the_answer_is_nearer_than_the_data_or_warned_of(name):
    y, x = blurred(KERNELS[name], noise=0.0)
    found = deblur(y, KERNELS[name])
    assert error(found.x, x) < error(y, x) or found.findings


@pytest.mark.parametrize("value", [0.0, 7.3, -2.0, 1e-200])
@pytest.mark.parametrize("rule", ["auto", "gcv", "wgcv", "lcurve", "ncp"])
def test_a_constant_picture_stays_as_it_is_and_nothing_speaks_against_that(rule, value):
    found = deblur(np.full((30, 40), value), KERNELS["gauss"], rule=rule)
    assert np.allclose(found.x, value, rtol=1e-9, atol=0)
    assert found.findings == ()


def test_a_constant_picture_beyond_which_all_is_dark_is_warned_of():
    found = deblur(np.full((12, 14), 3.0), KERNELS["lopsided"], boundary="zeros")
    assert found.findings or np.allclose(found.x, 3.0, atol=1)


@pytest.mark.parametrize("boundary", ["unknown", "circular", "symmetric", "zeros"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 30), (3, 3)])
def test_a_picture_smaller_than_its_blur_has_a_finite_answer(shape, boundary):
    y = np.random.default_rng(0).random(shape)
    with np.errstate(all="raise", under="ignore"):
        found = deblur(y, KERNELS["gauss"], boundary=boundary)
    assert found.x.shape == shape
    assert np.isfinite(found.x).all()


@pytest.mark.parametrize(
    "case",
    [
        {"psf": [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]},
        {"psf": [[1.0, -1.0]]},
        {"psf": -KERNELS["gauss"]},
        {"psf": [[1.0]]},
        {"psf": psf.gauss(2)},
        {"psf": np.roll(KERNELS["gauss"], 1, axis=0)},
        {"center": 0},
        {"sigma": 10.0},
        {"rule": 1e9},
        {"rule": 0},
    ],
    ids=range(10),
)
def test_no_answer_that_is_worse_than_the_data_is_without_a_finding(case):
    y, x = blurred(KERNELS["gauss"], 48)
    found = deblur(y, **{"psf": KERNELS["gauss"], **case})
    assert found.findings or error(found.x, x) < error(y, x)


@pytest.mark.parametrize("name", ["gauss", "defocus", "motion"])
def test_a_psf_a_third_too_large_makes_rings_that_are_told(name):
    large = {"gauss": psf.gauss(2), "defocus": psf.defocus(4), "motion": psf.motion(9.3, 30)}
    for seed in range(2):
        y, x = blurred(KERNELS[name], 96, seed=seed)
        found, right = deblur(y, large[name]), deblur(y, KERNELS[name])
        assert error(found.x, x) > error(y, x)
        assert found.findings
        assert right.findings == ()


@pytest.mark.parametrize(
    ("kernel", "off"),
    [
        (psf.gauss(2), 0.0),
        (np.roll(psf.gauss(2), 1, axis=1), 1.0),
        (np.pad(psf.motion(9, 30), [(2, 0), (0, 0)]), 1.0),
        (psf.box(4), 0.0),  # its middle is between pixels
        (np.pad(psf.box(4), [(0, 0), (3, 0)]), 1.5),
        (KERNELS["lopsided"], 0.0),
        (np.roll(np.pad(KERNELS["lopsided"], 3), 3, axis=0), 2.7),
    ],
    ids=range(7),
)
def test_a_psf_off_its_center_is_told_and_a_skew_one_is_not(kernel, off):
    y, _ = blurred(kernel, 48)
    lines = [line for line in deblur(y, kernel).findings if "the PSF's middle" in line]
    assert bool(lines) == bool(off)
    assert not off or f"shifted by {off:.1f} pixels" in lines[0]


@pytest.mark.parametrize("rule", ["auto", "gcv", "wgcv"])
def test_a_rule_that_takes_all_for_noise_says_so(rule):
    y = np.random.default_rng(0).standard_normal((48, 48))
    lines = deblur(y, KERNELS["gauss"], rule=rule).findings
    assert any("the data may be all noise" in line for line in lines)


@pytest.mark.parametrize("gain", [0.1, 10.0, -1.0])
def test_a_psf_that_does_not_sum_to_one_is_told_once(gain):
    y, _ = blurred(KERNELS["gauss"], 48)
    lines = deblur(y, gain * KERNELS["gauss"]).findings
    assert [line for line in lines if "spread" in line or "its own blur" in line] == []
    assert any("sums to" in line for line in lines)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int64", "uint32"])
def test_integers_of_other_sizes_come_back_as_floats(dtype):
    y, x = blurred(KERNELS["gauss"], 48)
    found = deblur(np.rint(100 * y.clip(0, 1)).astype(dtype), KERNELS["gauss"])
    assert found.x.dtype == np.float64
    assert error(found.x / 100, x) < error(y, x)


def test_the_bar_covers_the_search_and_the_bound(monkeypatch):
    shown = []

    class Bar:
        def __init__(self, **_):
            shown.append(0)

        def update(self):
            shown[-1] += 1

        def close(self):
            pass

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=Bar))
    y, _ = blurred(KERNELS["gauss"], 32)
    for rule in ("auto", "wgcv"):
        deblur(y, KERNELS["gauss"], rule=rule, nonnegative=True, progress=True)
    assert len(shown) == 4
    assert min(shown) > 1


@pytest.mark.parametrize("sigma", [0.01, 0.02, 0.05])
@pytest.mark.parametrize("name", KERNELS)
def test_the_noise_of_a_blurred_picture_is_found_within_15_percent(name, sigma):
    y, _ = blurred(KERNELS[name], 128, noise=sigma)
    assert abs(estimate_sigma(y) / sigma - 1) < 0.15


@pytest.mark.parametrize("shape", [(64, 90), (128, 128)])
def test_texture_that_a_blur_leaves_in_one_direction_is_not_taken_for_noise(shape):
    rng = np.random.default_rng(0)
    kernel = psf.motion(9, 40)
    texture = 0.2 * rng.standard_normal(
        [n + k - 1 for n, k in zip(shape, kernel.shape, strict=True)]
    )
    y = signal.convolve(texture, kernel, mode="valid") + 0.05 * rng.standard_normal(shape)
    assert abs(estimate_sigma(y) / 0.05 - 1) < 0.15


def test_the_noise_is_found_per_channel_and_scales_with_the_data():
    y, _ = blurred(KERNELS["gauss"], 96, noise=0.02)
    found = estimate_sigma(np.stack([y, 10 * y]), channel_axis=0)
    assert np.allclose(found, estimate_sigma(y) * np.array([1, 10]))


def test_pixels_cut_at_black_do_not_lower_the_noise():
    rng = np.random.default_rng(0)
    y = np.where(np.arange(200) < 100, -0.1, 0.5) + 0.02 * rng.standard_normal((200, 200))
    assert 0.85 < estimate_sigma(np.clip(y, 0, 1)) / 0.02 < 1.15


Y = np.zeros((20, 20))
K = psf.gauss(1)


@pytest.mark.parametrize(
    ("call", "kind", "match"),
    [
        (lambda: deblur(Y * 1j, K), st.DTypeError, "`y` must be real"),
        (lambda: deblur(Y, K * 1j), st.DTypeError, "`psf` must be real"),
        (lambda: deblur(Y > 0, K), st.DTypeError, "`y` must have an integer dtype, or float32"),
        (lambda: deblur(Y, K > 0), st.DTypeError, "`psf` must have an integer dtype, or float32"),
        (lambda: deblur(Y, K[0]), st.ShapeError, "`psf` must have 2 axes"),
        (lambda: deblur(Y, 0 * K), st.GeometryError, "`psf` must be finite and not all zero"),
        (lambda: deblur(Y + np.nan, K), st.GeometryError, "`y` must be finite where"),
        (lambda: deblur(Y[:0], K), st.ShapeError, "`y` must have at least one pixel"),
        (
            lambda: deblur(Y, K, sigma=0),
            st.GeometryError,
            "`sigma` must be a finite number, above 0",
        ),
        (lambda: deblur(Y, K, rule="best"), st.GeometryError, "`rule` must be one of 'auto'"),
        (lambda: deblur(Y, K, rule=-1), st.GeometryError, "`rule` must be a finite number"),
        (lambda: deblur(Y, K, rule="discrepancy"), st.GeometryError, "`sigma` must be positive"),
        (lambda: deblur(Y, K, boundary="cicular"), st.GeometryError, "`padding_mode` must be"),
        (lambda: deblur(Y, K, regularizer="tv"), st.GeometryError, "`regularizer` must be one of"),
        (lambda: deblur(Y, K, penalty="l0"), st.GeometryError, "`penalty` must be one of"),
        (lambda: deblur(Y, K, center=9), st.GeometryError, "`center` must be an index"),
        (
            lambda: deblur(Y, K, channel_axis=2),
            st.GeometryError,
            "`channel_axis` must be None or an",
        ),
        (lambda: deblur(Y, K, channel_axis=True), st.GeometryError, "`channel_axis` must be None"),
        (lambda: deblur(Y, K, channel_axis="c"), st.GeometryError, "`channel_axis` must be None"),
        (lambda: deblur(Y, K, mask=Y), st.DTypeError, "`mask` must be a Boolean array"),
        (lambda: deblur(Y, K, mask=Y[1:] == 0), st.ShapeError, "`mask` must have the shape of y"),
        (lambda: deblur(Y, K, mask=Y > 0), st.GeometryError, "`mask` must keep at least one"),
        (lambda: deblur(np.ma.masked_equal(Y, 0), K), st.DTypeError, "`y` must"),
        (lambda: estimate_sigma(Y[:3]), st.GeometryError, "`y` must have at least 4 samples"),
        (lambda: estimate_sigma(Y + np.inf), st.GeometryError, "`y` must be finite"),
        (lambda: estimate_sigma(Y * 1j), st.DTypeError, "`y` must be real"),
    ],
)
def test_what_is_asked_wrongly_is_named(call, kind, match):
    with pytest.raises(kind, match=match):
        call()


@pytest.mark.parametrize("rule", ["gcv", "lcurve"])
def test_tikhonov_warns_of_a_boundary_that_the_data_do_not_know(rule):
    problem = problems.deblurring("gauss", 128)
    found = st.inverse.tikhonov(problem.op, problem.y, rule)
    assert problem.error(found.x) > problem.error(problem.y)
    assert found.findings


def test_tikhonov_finds_nothing_where_the_model_is_that_of_the_data():
    problem = problems.deblurring("gauss", 128, inverse_crime=True)
    found = st.inverse.tikhonov(problem.op, problem.y, regularizer="gradient")
    assert problem.error(found.x) < problem.error(problem.y)
    assert found.findings == ()


def test_noise_that_neighbors_share_is_warned_of_and_a_sigma_that_covers_it_helps():
    y, x = blurred(KERNELS["gauss"], 96, noise=0.0)
    noise = signal.convolve(np.random.default_rng(0).standard_normal((100, 100)), psf.gauss(1, 5))
    y = y + 0.01 * noise[4:100, 4:100] / noise.std()
    found = deblur(y, KERNELS["gauss"])
    told = deblur(y, KERNELS["gauss"], sigma=0.02)
    assert found.findings
    assert error(told.x, x) < min(error(y, x), error(found.x, x))


@pytest.mark.parametrize("case", ["wide", "not normalized", "off center", "saturated"])
def test_tikhonov_finds_what_deblur_finds(case):
    y, _ = blurred(KERNELS["gauss"], 48)
    kernel = {
        "wide": psf.gauss(3),
        "not normalized": 1.3 * KERNELS["gauss"],
        "off center": np.pad(KERNELS["gauss"], [(6, 0), (6, 0)]),
        "saturated": KERNELS["gauss"],
    }[case]
    if case == "saturated":
        y = np.clip(400 * y, 0, 255).astype(np.uint8)
    op = st.inverse.blur(kernel, y.shape)
    found = st.inverse.tikhonov(op, y, "auto", regularizer="gradient").findings
    wanted = deblur(y, kernel, boundary="symmetric").findings
    assert wanted
    assert {line[:12] for line in wanted} & {line[:12] for line in found}


@pytest.mark.parametrize("damp", [0.03, "ncp", "wgcv"])
def test_tikhonov_finds_nothing_in_a_good_answer(damp):
    problem = problems.deblurring("gauss", 64, inverse_crime=True)
    found = st.inverse.tikhonov(problem.op, problem.y, damp, regularizer="gradient")
    assert problem.error(found.x) < problem.error(problem.y)
    assert found.findings == ()


def test_kernels_that_are_no_psf_are_not_judged_as_one():
    rng = np.random.default_rng(0)
    op = st.inverse.blur(np.array([[-1.0, 3.0, -1.0]]), (32, 32))
    found = st.inverse.tikhonov(op, op.apply(rng.random((32, 32))), 0.1)
    assert not any("PSF sums" in line or "negative entries" in line for line in found.findings)


@pytest.mark.parametrize("boundary", ["zeros", "circular"])
def test_a_boundary_that_makes_it_worse_is_warned_of(boundary):
    problem = problems.deblurring("gauss", 64, noise=0.002)
    found = deblur(problem.y, psf.gauss(2), boundary=boundary)
    assert problem.error(found.x) > problem.error(problem.y)
    assert found.findings
