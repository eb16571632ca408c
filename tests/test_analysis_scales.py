"""Numbers of every size: kernels far from one, and integers at the ends of their types."""

from __future__ import annotations

import numpy as np
import pytest
from spectra import EXTREMES, KERNELS, an_operator, applies, dense

import sparse_tconv as st
from sparse_tconv import analysis

SCALES = (1e-300, 1e-160, 1e-30, 1e30, 1e160, 1e300)


@pytest.mark.parametrize("scale", SCALES)
def test_answers_scale_with_the_kernel(scale, settings_count, rng):
    for _ in range(settings_count(60)):
        op = an_operator(rng, str(rng.choice(KERNELS)))
        kind = np.complex128 if op.dtype.kind == "c" else np.float64
        op = op.with_weight(op.weight.astype(kind))
        far = op.with_weight(op.weight * scale)
        true = np.linalg.svd(dense(op), compute_uv=False)
        size = max(true[0], float(abs(op.weight).sum()))
        for which, methods in EXTREMES.items():
            for method in methods:
                if applies(op, method):
                    left, values, right = analysis.singular_vectors(far, 1, which, method)
                    wanted = true[0] if which == "largest" else true[-1]
                    assert abs(values[0] / scale - wanted) <= values.error / scale + 1e-14 * size
                    assert values.error / scale <= 1e-9 * max(size, 1.0)
                    assert values.complete != "unknown"
                    image = op.apply(right[0]) - left[0] * (values[0] / scale)
                    assert np.linalg.norm(image) <= 2 * values.error / scale + 1e-14 * size
        lower, upper = analysis.norm_bounds(far)
        rounding = 1e-14 * size
        assert lower / scale <= true[0] + rounding
        assert true[0] <= upper / scale + rounding
        assert int(analysis.rank(far)) == int(analysis.rank(op))
        assert analysis.null_space(far).shape == analysis.null_space(op).shape
        assert analysis.cond(far).value == pytest.approx(analysis.cond(op).value, rel=1e-6) or (
            analysis.cond(op).error == np.inf
        )
        # a decimal scale rounds the entries, the power of two next to it takes nothing back
        near = op.with_weight(far.weight * 2.0 ** -int(np.round(np.log2(scale))))
        assert analysis.structure(far) == analysis.structure(near)
        assert analysis.equivalent(far, op.with_weight(op.weight * scale).T.T)
        other = op.weight.copy()
        other.flat[0] += 1
        different = analysis.equivalent(far, op.with_weight(other * scale))
        assert different.value == (dense(op.with_weight(other)) == dense(op)).all()


def test_float32_answers_scale_too(rng):
    weight = rng.standard_normal((2, 2, 3, 3)).astype(np.float32)
    op = st.Conv(weight, (2, 6, 6), padding=1)
    for scale in (1e-35, 1e35):
        far = op.with_weight((weight * np.float32(scale)).astype(np.float32))
        true = np.linalg.svd(dense(far) / scale, compute_uv=False)
        for which, wanted in (("largest", true[0]), ("smallest", true[-1])):
            found = analysis.singular_values(far, 1, which)
            assert abs(found[0] / scale - wanted) <= found.error / scale + 1e-14 * true[0]
        lower, upper = analysis.norm_bounds(far)
        assert lower <= true[0] * scale * (1 + 1e-14)
        assert true[0] * scale <= upper * (1 + 1e-14)


def exact_matrix(op):
    """The matrix in Python's integers."""
    wide = op.with_weight(np.arange(1, op.weight.size + 1.0).reshape(op.weight.shape)).matrix
    entries = np.zeros(op.shape, dtype=object)
    for number, tap in enumerate(op.weight.flat):
        unit = np.zeros(op.weight.size)
        unit[number] = 1
        counts = op.with_weight(unit.reshape(op.weight.shape)).matrix.toarray().astype(np.int64)
        entries += counts.astype(object) * int(tap)
    assert wide.shape == entries.shape
    return entries


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64])
def test_integers_are_compared_without_wrapping(dtype, settings_count, rng):
    limits = np.iinfo(dtype)
    extremes = [limits.min, limits.max, limits.max // 2 + 1, limits.min // 2, 1, 0]
    for _ in range(settings_count(200)):
        mode = str(rng.choice(["zeros", "circular", "reflect", "replicate"]))
        pair = []
        for _ in range(2):
            taps = np.array([extremes[n] for n in rng.integers(0, len(extremes), 3)], dtype=dtype)
            pair.append(st.Conv(taps, (5,), padding=1, padding_mode=mode, channels=False))
        first, second = pair[0], pair[1] if rng.integers(2) else pair[1].T
        one, two = exact_matrix(first), exact_matrix(second)
        found = analysis.equivalent(first, second)
        assert found.value == (one == two).all()
        assert found.error == float(abs(one - two).max())
        assert analysis.structure(first).symmetric == (one == one.T).all()
        # the halves of long integers: one unit apart beyond what float64 tells apart
        near = first.weight.copy()
        near[1] = int(near[1]) + (-1 if near[1] > 0 else 1)
        assert analysis.equivalent(first, first.with_weight(near)).error == 1


def test_the_integers_that_wrapped():
    antisymmetric = st.Conv(np.array([64, 1, -64], np.int8), (5,), padding=1, channels=False)
    assert not analysis.structure(antisymmetric).symmetric
    first, second = (
        st.Conv(np.array(taps, np.int8), (5,), channels=False) for taps in ([-128, 1], [0, 1])
    )
    found = analysis.equivalent(first, second)
    assert (found.value, found.error) == (False, 128.0)
    folded = st.Conv(
        np.array([100, 100], np.int8),
        (1,),
        padding=((0, 1),),
        padding_mode="replicate",
        channels=False,
    )
    assert float(analysis.spectral_norm(folded)) == pytest.approx(200, rel=1e-14)
    with pytest.raises(st.DTypeError, match="`weight` must have sums of the taps that meet"):
        analysis.rows(folded, 0)


def test_the_certificates_at_far_scales():
    for scale in (1e-170, 1e170):
        kernel = np.array([[1.0, 2.0], [3.0, 5.0]]) * scale
        op = st.Conv(
            kernel,
            (8, 8),
            padding=((0, 1), (0, 1)),
            padding_mode="circular",
            channels=False,
        )
        lower, upper = analysis.norm_bounds(op)
        assert 10.999 * scale < lower <= 11 * scale * (1 + 1e-15)
        assert 11 * scale * (1 - 1e-15) <= upper < 11.001 * scale
        assert analysis.spectral_norm(op) == pytest.approx(11 * scale, rel=1e-14)


def test_what_float64_cannot_hold_is_refused():
    far = np.array([1, 2, 1], np.longdouble) * np.longdouble(10) ** 400
    if np.isfinite(far).all():  # where longdouble is wider than float64
        for kernel in (far, 1 / far):
            op = st.Conv(kernel, (8,), padding=1, channels=False)
            for answer in (analysis.norm_bounds, analysis.spectral_norm, analysis.singular_values):
                with pytest.raises(st.DTypeError, match=r"`op\.weight` must fit into float64"):
                    answer(op)
    op = st.Conv(np.full(9, 1.5e308), (64,), channels=False)
    for answer in (analysis.norm_bounds, analysis.spectral_norm):
        with pytest.raises(st.DTypeError, match="must have answers that float64 can hold"):
            answer(op)
    assert int(analysis.rank(op)) == 56
    assert np.isfinite(analysis.cond(op).value)


def expressions(scale, rng):
    """Small ones, which are decomposed, and large ones, whose values are iterated."""
    kernel = rng.standard_normal((3, 3)) * scale
    small = st.Conv(kernel, (5, 6), padding=1, padding_mode="reflect", channels=False)
    large = st.Conv(kernel, (19, 20), padding=1, channels=False)
    varying = st.LocalConv(scale * rng.random((3, 9)), (9,), padding=1, channels=False)
    weights = st.Diagonal(1 + rng.random((19, 20)))
    return {
        "product": st.Diagonal(rng.random((5, 6))) @ small,
        "sum": small - 2 * small.T,
        "stack": st.vstack([small, small.H]),
        "local": varying,
        "large": weights @ large,
        "large stack": st.vstack([weights @ large] * 3),
    }


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", expressions(1.0, np.random.default_rng(0)))
def test_answers_scale_with_an_expression(name, scale):
    op, far = (expressions(size, np.random.default_rng(0))[name] for size in (1.0, scale))
    true = np.linalg.svd(op.toarray(), compute_uv=False)
    rounding = 1e-13 * true[0]
    asked = [("largest", "auto"), ("largest", "lanczos"), ("smallest", "auto")]
    for which, method in asked[:-1] if "large" in name else asked:
        wanted = true[:2] if which == "largest" else true[::-1][:2]
        left, found, right = analysis.singular_vectors(far, 2, which, method)
        assert abs(found.value / scale - wanted).max() <= found.error / scale + rounding
        assert found.error / scale <= 1e-9 * true[0]
        stretch = (found.value / scale).reshape(2, *[1] * len(op.out_shape))
        assert abs(op.apply(right) - stretch * left).max() <= 1e-9 * true[0]
    lower, upper = analysis.norm_bounds(far)
    assert 0 < lower / scale <= true[0] + rounding
    assert true[0] <= upper / scale + rounding
    if "large" not in name:
        assert int(analysis.rank(far)) == int(analysis.rank(op))
        assert analysis.null_space(far).shape == analysis.null_space(op).shape
        assert analysis.cond(far).value == pytest.approx(analysis.cond(op).value, rel=1e-9)


@pytest.mark.parametrize("scale", SCALES)
def test_eigenvalues_scale_with_an_expression(scale):
    rng = np.random.default_rng(1)
    kernel, weights = rng.standard_normal((3, 3)), 1 + rng.random((60, 60))

    def made(size):
        conv = st.Conv(size * kernel, (60, 60), padding=1, channels=False)
        short = st.Conv(size * kernel[0], (5,), padding=1, channels=False)
        return conv + conv.T, st.Diagonal(weights) @ conv, st.Diagonal(weights[0, :5]) @ short

    for near, far in zip(made(1.0), made(scale), strict=True):
        due, found = (analysis.eigenvalues(op, 2) for op in (near, far))
        assert found.method == due.method
        np.testing.assert_allclose(found.value / scale, due.value, rtol=1e-9)
        assert (found.residuals / scale <= 1e-10).all()
        assert np.isinf(found.error) == np.isinf(due.error)


def test_numbers_that_are_all_rounded_are_not_said_to_be_exact():
    """Entries of about 1e-320 have three digits."""
    tiny = st.Diagonal([1e-160, 3e-160, 7e-160])
    op = tiny @ st.Conv([1e-160, 2e-160, 1e-160], (3,), padding=1, channels=False)
    found = analysis.singular_values(op)
    whole = op.toarray() / 2.0**-1070
    true = np.linalg.svd(whole, compute_uv=False)
    assert found.error > 0
    assert abs(found.value / 2.0**-1070 - true).max() <= found.error / 2.0**-1070 + 1e-13
    huge = st.Diagonal([1e160, 1e160]) @ st.Diagonal([1e160, 1.0])
    with pytest.raises(st.DTypeError, match="`op` must have answers that float64 can hold"):
        analysis.singular_values(huge)
    assert analysis.singular_values(1e-170 * huge).value == pytest.approx([1e150, 1e-10])
    edge = st.vstack([st.Identity((3, 3))] * 4) @ (1.5e308 * st.Identity((3, 3)))
    with pytest.raises(st.DTypeError, match="`op` must have answers that float64 can hold"):
        analysis.spectral_norm(edge)
