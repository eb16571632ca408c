"""The blur is scipy.ndimage's, and has a true adjoint."""

from __future__ import annotations

import numpy as np
import pytest
from factories import random_array
from scipy import ndimage

import sparse_tconv as st
from sparse_tconv.inverse import blur, psf

THEIRS = {
    "zeros": "constant",
    "circular": "wrap",
    "symmetric": "reflect",
    "reflect": "mirror",
    "replicate": "nearest",
}


def random_blur(rng, dtype=np.float64):
    """A PSF, asymmetric, even sides and sides beyond the image's included, and an image."""
    n_axes = int(rng.integers(1, 4))
    size = tuple(int(n) for n in rng.integers(1, 9, n_axes))
    sides = tuple(int(k) for k in rng.integers(1, 8, n_axes))
    return random_array(rng, sides, dtype), random_array(rng, size, dtype)


@pytest.mark.parametrize("mode", THEIRS)
def test_it_is_ndimage_convolve_by_default(mode, rng, settings_count):
    for _ in range(settings_count(300)):
        kernel, x = random_blur(rng)
        wanted = ndimage.convolve(x, kernel, mode=THEIRS[mode])
        found = blur(kernel, x.shape, padding_mode=mode).apply(x)
        np.testing.assert_allclose(found, wanted, atol=1e-12 * np.abs(kernel).sum())


@pytest.mark.parametrize("mode", THEIRS)
def test_a_center_is_ndimages_origin_counted_from_the_middle(mode, rng, settings_count):
    for _ in range(settings_count(300)):
        kernel, x = random_blur(rng)
        center = tuple(int(rng.integers(0, k)) for k in kernel.shape)
        origin = tuple(c - k // 2 for c, k in zip(center, kernel.shape, strict=True))
        wanted = ndimage.convolve(x, kernel, mode=THEIRS[mode], origin=origin)
        found = blur(kernel, x.shape, center=center, padding_mode=mode).apply(x)
        np.testing.assert_allclose(found, wanted, atol=1e-12 * np.abs(kernel).sum())


def test_the_adjoint_law_holds_for_every_boundary(rng, settings_count):
    for number in range(settings_count(300)):
        kernel, x = random_blur(rng, np.complex128 if number % 2 else np.float64)
        modes = tuple(rng.choice(list(THEIRS), kernel.ndim).tolist())
        op = blur(kernel, x.shape, padding_mode=modes)
        y = random_array(rng, x.shape, kernel.dtype)
        gap = abs(np.vdot(op.apply(x), y) - np.vdot(x, op.H.apply(y)))
        assert gap <= 1e-12 * np.abs(kernel).sum() * np.linalg.norm(x) * np.linalg.norm(y)


def test_the_adjoint_is_no_flipped_blur_under_symmetric_boundaries(rng):
    kernel = rng.random((4, 3))
    op = blur(kernel, (7, 6))
    y = rng.random((7, 6))
    flipped = ndimage.correlate(y, kernel, mode="reflect")
    assert np.linalg.norm(op.H.apply(y) - flipped) > 0.05 * np.linalg.norm(flipped)


def test_channels_are_blurred_apart(rng):
    kernel, x = rng.random((2, 3)), rng.random((3, 8, 7))
    op = blur(kernel, x.shape, channels=True)
    wanted = np.stack([ndimage.convolve(channel, kernel) for channel in x])
    np.testing.assert_allclose(op.apply(x), wanted)
    assert op.geometry.groups == 3


def test_a_psf_may_be_larger_than_the_image(rng):
    kernel, x = rng.random((31, 9)), rng.random((5, 4))
    for mode, theirs in THEIRS.items():
        wanted = ndimage.convolve(x, kernel, mode=theirs)
        np.testing.assert_allclose(blur(kernel, x.shape, padding_mode=mode).apply(x), wanted)


def test_the_dtype_is_the_psfs():
    assert blur(np.ones((3, 3), np.float32), (5, 5)).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: blur(np.ones((3, 3)), (3, 9, 9)), st.GeometryError, "Pass channels=True"),
        (
            lambda: blur(np.ones((3, 3)), (9, 9), channels=True),
            st.GeometryError,
            "Pass channels=False",
        ),
        (lambda: blur(np.ones((3, 3)), (9,)), st.GeometryError, "Pass the shape of one image"),
        (lambda: blur(3.0, ()), st.GeometryError, "`psf` must have at least 1 axis"),
        (lambda: blur(np.ones((0, 3)), (9, 9)), st.GeometryError, "`psf` must have at least"),
        (
            lambda: blur(np.ones(3), (9,), center=3),
            st.GeometryError,
            "`center` must be an index of the PSF, at most 2 on axis 0; got 3",
        ),
        (lambda: blur(np.ones(3), (9,), center=-1), st.GeometryError, "`center` must be .*got -1"),
        (
            lambda: blur(np.ones(3), (9,), padding_mode="reflexive"),
            st.GeometryError,
            "It is 'symmetric' here",
        ),
        (lambda: blur([True], (9,)), st.DTypeError, "`psf` must have .*got bool"),
        (lambda: blur([1.0], (9,), channels=1), st.GeometryError, "`channels` must be True or"),
    ],
)
def test_a_wrong_argument_is_answered_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "kernel",
    [
        psf.gauss(1.3),
        psf.gauss(0.5, (3, 6)),
        psf.gauss(2, ndim=3, side=5),
        psf.defocus(0.3),
        psf.defocus(4.2),
        psf.defocus(1.5, ndim=3),
        psf.motion(15, 30),
        psf.motion(7.3, -75),
        psf.motion(0.4, 10),
        psf.box((2, 5)),
        psf.box(4, ndim=1),
    ],
)
def test_a_psf_is_nonnegative_with_sum_one_and_its_middle_in_the_middle(kernel):
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, rel=1e-14)
    if all(k % 2 for k in kernel.shape):
        np.testing.assert_allclose(kernel, np.flip(kernel), atol=1e-15)


def test_a_gaussian_peaks_at_half_its_side_also_where_that_is_even():
    assert np.unravel_index(psf.gauss(1.0, (4, 7)).argmax(), (4, 7)) == (2, 3)
    moments = (psf.gauss(2.0, ndim=1) * (np.arange(17) - 8) ** 2).sum()
    assert moments == pytest.approx(4.0, rel=1e-2)


def test_a_disc_covers_pixels_by_area():
    kernel = psf.defocus(5.0)
    assert kernel.shape == (11, 11)
    assert kernel[5, 5] == pytest.approx(1 / (np.pi * 25), rel=1e-3)


def test_a_path_along_an_axis_is_a_box():
    np.testing.assert_allclose(psf.motion(5), np.full((1, 5), 0.2))
    np.testing.assert_allclose(psf.motion(5, 90), np.full((5, 1), 0.2), atol=1e-15)
    np.testing.assert_allclose(psf.motion(4), [[0.125, 0.25, 0.25, 0.25, 0.125]])


def test_a_path_rises_to_the_right_and_half_a_turn_changes_nothing():
    path = psf.motion(9, 40)
    rows, columns = np.indices(path.shape)
    middle = np.array(path.shape) // 2
    slope = (path * (middle[0] - rows) * (columns - middle[1])).sum()
    assert slope > 0
    np.testing.assert_allclose(path, psf.motion(9, 220), atol=1e-12)
    np.testing.assert_allclose(path, np.flip(psf.motion(9, -40), axis=0), atol=1e-12)


def test_the_second_moment_of_a_path_is_that_of_a_segment():
    path = psf.motion(41, 25)
    rows, columns = np.indices(path.shape)
    middle = np.array(path.shape) // 2
    moment = (path * ((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2)).sum()
    assert moment == pytest.approx(41**2 / 12, rel=5e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: psf.gauss(-1), "`sigma` must be a finite number, above 0; got -1"),
        (lambda: psf.gauss(np.nan), "`sigma` must be a finite number"),
        (lambda: psf.gauss("1"), "`sigma` must be a finite number"),
        (lambda: psf.gauss(True), "`sigma` must be a finite number"),
        (lambda: psf.gauss(1, (3, 3, 3)), r"`side` must be .* \(2 axes\); got 3 entries"),
        (lambda: psf.gauss(1, ndim=0), "`ndim` must be an int, at least 1; got 0"),
        (lambda: psf.defocus(0), "`radius` must be a finite number, above 0; got 0"),
        (lambda: psf.motion(0), "`length` must be a finite number, above 0; got 0"),
        (lambda: psf.motion(3, np.inf), "`angle` must be a finite number"),
        (lambda: psf.box(0), "`side` must be .*got 0"),
    ],
)
def test_a_wrong_number_is_answered_by_name(call, message):
    with pytest.raises(st.GeometryError, match=message):
        call()
