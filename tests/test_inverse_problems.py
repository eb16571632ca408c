"""Test problems are what they say: operator, data, truth and noise belong together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import sparse_tconv as st
from sparse_tconv.inverse import problems, psf


def residual(problem):
    return np.linalg.norm(problem.op.apply(problem.x) - problem.y)


@pytest.mark.parametrize("name", ["gauss", "defocus", "motion"])
def test_an_inverse_crime_leaves_nothing_but_the_noise(name):
    problem = problems.deblurring(name, (40, 52), image="phantom", inverse_crime=True)
    assert residual(problem) == pytest.approx(problem.noise_norm, rel=1e-12)
    clean = problem.op.apply(problem.x)
    assert problem.noise_norm == pytest.approx(0.01 * np.linalg.norm(clean), rel=1e-12)


@pytest.mark.parametrize("name", ["gauss", "defocus", "motion"])
def test_without_it_the_model_is_right_but_at_the_border(name):
    problem = problems.deblurring(name, (60, 52), image="phantom", noise=0.0)
    difference = problem.op.apply(problem.x) - problem.y
    reach = max(problem.op.geometry.kernel_size) // 2
    np.testing.assert_allclose(difference[reach:-reach, reach:-reach], 0, atol=1e-13)
    assert np.abs(difference).max() > 1e-3


def test_the_data_are_the_blur_of_the_larger_picture(rng):
    picture, kernel = rng.random((30, 33)), rng.random((4, 5))
    problem = problems.deblurring(kernel, (20, 21), image=picture, noise=0.0, center=(1, 3))
    wanted = ndimage.convolve(picture, kernel, origin=(1 - 2, 3 - 2))
    at = np.argwhere(picture == problem.x[0, 0])[0]
    window = tuple(slice(i, i + n) for i, n in zip(at, (20, 21), strict=True))
    np.testing.assert_array_equal(problem.x, picture[window])
    np.testing.assert_allclose(problem.y, wanted[window])


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(24, 36), (25, 31)])
def test_superresolution_takes_means_over_blocks(factor, size):
    problem = problems.superresolution(factor, size, image="phantom", noise=0.0)
    assert problem.op.out_shape == tuple(-(-n // factor) for n in size)
    whole = tuple(n // factor for n in size)
    blocks = problem.x[: whole[0] * factor, : whole[1] * factor]
    means = blocks.reshape(whole[0], factor, whole[1], factor).mean(axis=(1, 3))
    np.testing.assert_allclose(problem.y[: whole[0], : whole[1]], means, atol=1e-13)


def test_superresolution_with_a_psf_keeps_every_third_pixel_of_the_blur():
    kernel = psf.gauss(1.0)
    problem = problems.superresolution(
        3, (30, 45), psf=kernel, image="phantom", noise=0.0, inverse_crime=True
    )
    assert problem.op.out_shape == (10, 15)
    wanted = ndimage.convolve(problem.x, kernel)[1::3, 1::3]
    np.testing.assert_allclose(problem.y, wanted, atol=1e-13)


def test_deconvolution_has_one_axis_and_an_asymmetric_psf_is_welcome():
    problem = problems.deconvolution([0.6, 0.3, 0.1], 64, inverse_crime=True, noise=0.0)
    np.testing.assert_allclose(problem.y, ndimage.convolve(problem.x, [0.6, 0.3, 0.1]))


def test_the_noise_is_the_seeds(rng):
    first, second, third = (problems.deconvolution(seed=seed).y for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, second)
    assert np.linalg.norm(first - third) > 0


def test_the_photograph_is_just_large_enough_whatever_the_shape():
    for size in [(32, 32), (20, 90), (700, 40)]:
        x = problems.deblurring(psf.box(3), size).x
        assert x.shape == size
        assert 0 <= x.min() < x.max() <= 1


def test_the_phantom_has_any_number_of_axes_and_values_from_0_to_1():
    for ndim, size in [(1, 50), (2, (20, 30)), (3, (9, 8, 10))]:
        kernel = psf.box(1, ndim=ndim)
        x = problems.deblurring(kernel, size, image="phantom").x
        assert (x.min(), x.max()) == (0, 1)


def test_the_repr_tells_noise_from_the_error_of_the_model():
    text = repr(problems.deblurring("defocus", 64, image="phantom"))
    assert text.startswith("Problem: deblurring\n  C          (64, 64) -> (64, 64)\n  noise")
    assert "1 % of |y|" in text


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: problems.deblurring("blur"), "`psf` must be one of 'gauss'"),
        (lambda: problems.deblurring(image="lena"), "`image` must be one of 'photograph'"),
        (lambda: problems.deblurring(psf.box(3, ndim=3), 8), "`image` must be 'phantom' or an"),
        (
            lambda: problems.deblurring(psf.box(3), 8, image=np.ones((9, 12))),
            r"`image` must have at least 100 entries of shape \(10, 10\); got shape \(9, 12\)",
        ),
        (lambda: problems.deblurring(noise=-0.1), "`noise` must be a finite number, at least 0"),
        (lambda: problems.deblurring(seed=-1), "`seed` must be an int, at least 0"),
        (lambda: problems.deblurring(inverse_crime=2), "`inverse_crime` must be True or False"),
        (lambda: problems.deblurring(size=0), "`size` must be .*got 0"),
        (lambda: problems.superresolution(0), "`factor` must be an int, at least 1; got 0"),
    ],
)
def test_a_wrong_argument_is_answered_by_name(call, message):
    with pytest.raises(st.GeometryError, match=message):
        call()


def test_without_pillow_the_photograph_names_the_pip_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(st.MissingExtraError, match=r"pip install 'sparse_tconv\[demo\]'"):
        problems.deblurring(size=16)
