"""Richardson and Lucy's iteration is expectation maximization, at every border and for every operator."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from factories import random_setting

import sparse_tconv as st
from sparse_tconv.inverse import (
    ConvergenceWarning,
    Status,
    blur,
    problems,
    psf,
    richardson_lucy,
)


def dense_em(matrix, y, x, background, steps):
    """Shepp and Vardi (1982), for rows used and columns seen."""
    seen = matrix.sum(axis=0)
    for _ in range(steps):
        mean = matrix @ x + background
        ratio = np.divide(y, mean, out=np.zeros_like(mean), where=mean > 0)
        x = np.where(seen > 0, x * (matrix.T @ ratio) / np.where(seen > 0, seen, 1), x)
    return x


def log_likelihood(matrix, y, x, background=0.0):
    mean = matrix @ x.ravel() + background
    return np.sum(y[mean > 0] * np.log(mean[mean > 0])) - mean.sum()


def random_operator(rng):
    """A convolution or a transpose without negative entries: some boundaries subtract samples."""
    while True:
        setting = random_setting(rng, dtypes=(np.float64,), max_axes=2)
        op = st.Conv(np.abs(setting.weight), setting.in_shape, **setting.options)
        if op.toarray().min(initial=0.0) >= 0:
            return op.T if rng.random() < 0.3 else op


def test_random_problems_are_those_of_a_dense_iteration(rng, settings_count):
    for _ in range(settings_count(200)):
        op = random_operator(rng)
        y = rng.poisson(op.apply(10 * rng.random(op.in_shape))).astype(float)
        background = rng.random(op.out_shape) + 0.1
        mask = rng.random(op.out_shape) < 0.8
        mask.flat[0] = True
        x0 = rng.random(op.in_shape) + 0.1
        found = richardson_lucy(op, y, x0=x0, background=background, mask=mask, maxiter=7)
        kept = mask.ravel()
        wanted = dense_em(
            op.toarray()[kept], y.ravel()[kept], x0.ravel(), background.ravel()[kept], 7
        )
        np.testing.assert_allclose(found.x.ravel(), wanted, rtol=1e-8, atol=1e-10)
        assert (found.status, found.iterations) == (Status.COMPLETED, 7)


@pytest.mark.parametrize("mode", ["zeros", "circular", "symmetric", "replicate"])
@pytest.mark.parametrize("cropped", [False, True])
def test_the_likelihood_never_falls_and_counts_are_kept(mode, cropped, rng):
    op = blur(psf.gauss(1.0, 5), (14, 12), padding_mode=mode)
    if cropped:
        op = st.Restriction((14, 12), (slice(2, 12), slice(2, 10))) @ op
    y = rng.poisson(op.apply(50 * rng.random((14, 12)))).astype(float)
    matrix, seen = op.toarray(), []
    richardson_lucy(op, y, maxiter=40, callback=seen.append)
    heights = [log_likelihood(matrix, y.ravel(), x) for x in seen]
    assert (np.diff(heights) >= -1e-9 * abs(heights[0])).all()
    for x in seen:
        assert op.apply(x).sum() == pytest.approx(y.sum(), rel=1e-12)


def test_acceleration_is_monotone_too_and_faster(rng):
    problem = problems.deblurring("gauss", 48, image="phantom", noise=0, inverse_crime=True)
    op = problem.op
    y = rng.poisson(200 * np.maximum(problem.y, 0)).astype(float)
    deviances = {}
    for accelerate in (False, True):
        seen = []
        found = richardson_lucy(op, y, maxiter=60, accelerate=accelerate, callback=seen.append)
        heights = [np.sum(y * np.log(op.apply(x))) - op.apply(x).sum() for x in seen]
        assert (np.diff(heights) >= -1e-10 * abs(heights[0])).all()
        assert found.x.min() >= 0
        deviances[accelerate] = found.deviance
    assert deviances[True] < deviances[False]
    long = richardson_lucy(op, y, maxiter=180)
    assert deviances[True] <= long.deviance


def test_a_fall_of_the_likelihood_starts_the_acceleration_anew(rng):
    matrix = np.abs(rng.standard_normal((30, 20)))
    y = rng.poisson(matrix @ rng.random(20) * 5).astype(float)
    seen = []
    richardson_lucy(matrix, y, maxiter=400, accelerate=True, callback=seen.append)
    heights = np.array([log_likelihood(matrix, y, x) for x in seen])
    assert (np.diff(heights) >= -1e-10 * np.abs(heights[0])).all()
    assert (
        heights[-1] >= log_likelihood(matrix, y, dense_em(matrix, y, np.ones(20), 0, 4000)) - 1e-2
    )


@pytest.mark.parametrize("level", [0.5, 5.0, 500.0])
def test_it_stops_where_the_deviance_is_that_of_the_noise(level, rng):
    op = blur(psf.gauss(1.5), (48, 48))
    x = level * (0.2 + problems.deblurring("gauss", 48, image="phantom").x.clip(0))
    y = rng.poisson(op.apply(x)).astype(float)
    found = richardson_lucy(op, y, stop="deviance", maxiter=500)
    assert found.status is Status.CONVERGED
    longer = richardson_lucy(op, y, maxiter=500)
    error = np.linalg.norm(found.x - x)
    assert error < np.linalg.norm(longer.x - x)
    # What is expected is what data of the true means have, to the spread of their sum.
    draws = rng.poisson(op.apply(x), (200, 48, 48))
    mean = op.apply(x)
    terms = np.where(draws > 0, draws * np.log(np.maximum(draws, 1) / mean), 0) - draws + mean
    deviances = 2 * terms.sum(axis=(1, 2))
    assert found.deviance == pytest.approx(deviances.mean(), rel=0.1)
    number = richardson_lucy(op, y, stop=float(deviances.mean()), maxiter=500)
    assert number.deviance <= deviances.mean()


def test_errors_near_the_border_are_below_those_of_scikit_image(rng):
    restoration = pytest.importorskip("skimage.restoration")
    data = pytest.importorskip("skimage.data")
    kernel = psf.defocus(4.0)
    for picture in (data.camera(), data.coins(), data.page()):
        large = picture[40:148, 40:148].astype(float) / 255
        reach = 4
        clean = st.Conv(kernel, large.shape, channels=False).apply(large)
        truth = large[reach:-reach, reach:-reach]
        y = rng.poisson(2000 * clean) / 2000
        op = blur(kernel, y.shape)
        ours = richardson_lucy(op, y, maxiter=30).x
        theirs = restoration.richardson_lucy(y, kernel, num_iter=30, clip=False)
        border = np.ones(y.shape, bool)
        border[8:-8, 8:-8] = False
        off = [np.linalg.norm((x - truth)[border]) for x in (ours, theirs)]
        assert off[0] < 0.8 * off[1]


def test_pixels_that_no_datum_sees_keep_their_start(rng):
    op = st.Conv(np.ones((3, 3)), (9, 9), stride=4, channels=False)
    y = rng.poisson(op.apply(10 * rng.random((9, 9)))).astype(float)
    x0 = rng.random((9, 9)) + 1
    found = richardson_lucy(op, y, x0=x0)
    unseen = op.H.apply(np.ones(op.out_shape)) == 0
    assert unseen.any()
    np.testing.assert_array_equal(found.x[unseen], x0[unseen])


def test_data_of_nothing_and_data_that_nothing_explains(rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    found = richardson_lucy(op, np.zeros((6, 5)))
    np.testing.assert_array_equal(found.x, 0)
    assert found.deviance == 0
    lost = st.Diagonal(np.array([1.0, 0.0, 2.0]))
    hopeless = richardson_lucy(lost, np.array([3.0, 1.0, 4.0]))
    np.testing.assert_allclose(hopeless.x[[0, 2]], [3, 2])
    assert hopeless.deviance == np.inf


def test_a_batch_is_each_of_its_samples(rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    y = rng.poisson(20, (2, 3, 6, 5)).astype(float)
    together = richardson_lucy(op, y, maxiter=20)
    for index in np.ndindex(2, 3):
        alone = richardson_lucy(op, y[index], maxiter=20)
        np.testing.assert_allclose(together.x[index], alone.x, rtol=1e-10)


def test_warnings_and_the_repr_say_how_it_ended(rng):
    op = blur(psf.gauss(2.0), (20, 20))
    y = rng.poisson(100 * rng.random((20, 20))).astype(float)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = richardson_lucy(op, y, stop=0.0, maxiter=3)
    assert found.status is Status.MAXITER
    assert [(w.category, w.filename) for w in caught] == [(ConvergenceWarning, __file__)]
    done = richardson_lucy(op, y, maxiter=3, accelerate=True)
    assert done.converged
    assert repr(done).startswith("Solution: completed the iterations that were asked for")
    assert f"deviance       {done.deviance:.6g}" in repr(done)
    assert "accelerated em, 3 iterations" in repr(done)


OP = blur(psf.gauss(1.0, 3), (6, 5))
Y = np.arange(30.0).reshape(6, 5)
SIGNED = blur([[1.0, -0.5]], (6, 5))
LARGE = st.Conv(np.ones((9, 9)), (700, 700), padding=4, channels=False)


def test_operators_without_negative_entries_are_taken_however_they_are_made():
    twice = -1 * (-1 * OP)
    np.testing.assert_allclose(richardson_lucy(twice, Y).x, richardson_lucy(OP, Y).x, rtol=1e-9)
    sharper = st.Identity((6, 5)) - 0.1 * st.Diagonal(np.full((6, 5), 0.5))
    assert richardson_lucy(sharper, Y, maxiter=2).converged
    whole = st.Restriction((700, 700), (slice(0, 20), slice(0, 20))) @ LARGE
    assert richardson_lucy(whole, np.ones((20, 20)), maxiter=1).converged


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"op": SIGNED}, st.GeometryError, "`op` must have no negative entries.*weight has 1 neg"),
        ({"op": OP - 2 * OP}, st.GeometryError, "no negative entries.*one of its parts subtracts"),
        ({"op": -1 * LARGE, "y": np.ones((700, 700))}, st.GeometryError, "one of its parts sub"),
        ({"op": -np.eye(30), "y": Y.ravel()}, st.GeometryError, "`op` must have no negative entr"),
        ({"y": -Y}, st.GeometryError, "`y` must be finite and not negative.*pass background="),
        ({"x0": -Y}, st.GeometryError, "`x0` must be finite and not negative.*from 0 on"),
        ({"background": -1}, st.GeometryError, "`background` must be finite and not negative"),
        ({"background": np.ones(7)}, st.ShapeError, "`background` must be a number or an array"),
        ({"y": 1j * Y}, st.DTypeError, "`y` must go with a real problem"),
        ({"op": blur(1j * psf.gauss(1), (6, 5))}, st.DTypeError, "`op` must go with a real probl"),
        ({"stop": "noise"}, st.GeometryError, "`stop` must be None, 'deviance' or a number; got"),
        ({"stop": -1}, st.GeometryError, "`stop` must be a finite number, at least 0"),
        ({"accelerate": 1}, st.GeometryError, "`accelerate` must be True or False"),
        ({"callback": 1}, st.GeometryError, "`callback` must be a function of x; got 1"),
    ],
)
def test_a_wrong_argument_is_answered_by_name(options, error, message):
    arguments = {"op": OP, "y": Y, **options}
    with pytest.raises(error, match=message):
        richardson_lucy(arguments.pop("op"), arguments.pop("y"), **arguments)
