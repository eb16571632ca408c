"""Total variation: the gap is certain, the answer is the minimum, for any operator and boundary."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from factories import random_setting

import sparse_tconv as st
from sparse_tconv.inverse import ConvergenceWarning, Status, blur, problems, psf, solve, tv


def variation(x, n_axes, joint=False):
    """The definition, pixel by pixel: (channels, *sizes)."""
    total = 0.0
    for place in np.ndindex(*x.shape[1:]):
        squares = np.zeros(len(x))
        for axis in range(n_axes):
            following = list(place)
            following[axis] += 1
            if following[axis] < x.shape[axis + 1]:
                squares += (x[:, *following] - x[:, *place]) ** 2
        total += np.sqrt(squares.sum()) if joint else np.sqrt(squares).sum()
    return total


def objective(matrix, y, weight, x, n_axes, joint=False):
    misfit = matrix @ x.ravel() - y.ravel()
    return 0.5 * misfit @ misfit + weight * variation(x, n_axes, joint)


def rectangles(rng, n, count=5):
    """A picture of flat parts."""
    picture = np.zeros((n, n))
    for _ in range(count):
        top, left = rng.integers(0, n - 4, 2)
        height, width = rng.integers(4, n // 2, 2)
        picture[top : top + height, left : left + width] = rng.random()
    return picture


def random_problem(rng):
    """Operator, channels and sizes of x, data, options."""
    setting = random_setting(rng, dtypes=(np.float64,), max_axes=2)
    op = st.Conv(setting.weight, setting.in_shape, **setting.options)
    if rng.random() < 0.3:
        op = op.T
    n_axes = op.spatial_ndim
    shape = op.in_shape[len(op.in_shape) - n_axes :]
    y = rng.standard_normal(op.out_shape)
    low, length = -rng.random() * 2, rng.random() * 3 + 0.1
    options = {"lower": low, "upper": low + length, "joint": bool(rng.random() < 0.5)}
    return op, (op.shape[1] // int(np.prod(shape)), *shape), y, options


def test_the_gap_bounds_how_far_the_objective_is_above_the_minimum(rng, settings_count):
    for _ in range(settings_count(100)):
        op, shape, y, options = random_problem(rng)
        weight = 10 ** rng.uniform(-3, 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            short = tv(op, y, weight, tol=0, maxiter=int(rng.integers(1, 25)), **options)
            long = tv(op, y, weight, tol=1e-14, maxiter=50 * max(short.iterations, 1), **options)
        matrix, axes, joint = op.toarray(), len(shape) - 1, options["joint"]
        values = [
            objective(matrix, y, weight, found.x.reshape(shape), axes, joint)
            for found in (short, long)
        ]
        scale = 1e-12 * (1 + abs(values[0]))
        assert values[0] - values[1] <= short.gap + scale
        assert long.gap >= -scale
        assert short.solution_norm == pytest.approx(
            variation(short.x.reshape(shape), axes, joint), abs=1e-12
        )
        for found in (short, long):
            assert found.x.min() >= options["lower"]
            assert found.x.max() <= options["upper"]


@pytest.mark.parametrize("joint", [False, True])
def test_the_minimum_is_that_of_a_conic_solver(joint, rng):
    cvxpy = pytest.importorskip("cvxpy")
    op = blur([[0.1, 0.2, 0.1], [0.1, 0.3, 0.2]], (2, 6, 5), channels=True, padding_mode="zeros")
    y = rng.standard_normal((2, 6, 5))
    x = [cvxpy.Variable((6, 5)) for _ in range(2)]
    parts = []
    for channel in x:
        down = cvxpy.vstack([channel[1:] - channel[:-1], np.zeros((1, 5))])
        right = cvxpy.hstack([channel[:, 1:] - channel[:, :-1], np.zeros((6, 1))])
        parts.append([cvxpy.vec(down, order="C"), cvxpy.vec(right, order="C")])
    groups = [[*parts[0], *parts[1]]] if joint else parts
    total = sum(cvxpy.sum(cvxpy.norm(cvxpy.vstack(group), 2, axis=0)) for group in groups)
    flat = cvxpy.hstack([cvxpy.vec(channel, order="C") for channel in x])
    misfit = cvxpy.sum_squares(op.toarray() @ flat - y.ravel())
    within = [c for channel in x for c in (channel >= -0.4, channel <= 0.7)]
    problem = cvxpy.Problem(cvxpy.Minimize(0.5 * misfit + 0.2 * total), within)
    problem.solve(solver="CLARABEL")
    found = tv(op, y, 0.2, lower=-0.4, upper=0.7, joint=joint, tol=1e-8, maxiter=20_000)
    assert found.converged
    value = objective(op.toarray(), y, 0.2, found.x, 2, joint)
    assert value == pytest.approx(problem.value, rel=1e-6)
    wanted = np.stack([channel.value for channel in x])
    np.testing.assert_allclose(found.x, wanted, atol=1e-3)


@pytest.mark.parametrize("kind", ["gauss", "motion"])
def test_flat_parts_come_out_better_than_by_least_squares(kind, rng):
    picture = rectangles(rng, 64)
    problem = problems.deblurring(kind, 48, image=picture, noise=0.01, inverse_crime=True)
    flat = problem.error(tv(problem.op, problem.y, 1e-3).x)
    smooth = min(
        problem.error(solve(problem.op, problem.y, damp=damp, regularizer="gradient", rtol=1e-4).x)
        for damp in np.logspace(-2, -0.5, 4)
    )
    assert smooth >= 1.5 * flat


def test_a_mask_and_a_restriction_are_the_same_problem(rng):
    op = blur(psf.gauss(1.0, 5), (12, 10), padding_mode="circular")
    y, mask = rng.random((12, 10)), rng.random((12, 10)) < 0.6
    hidden = np.where(mask, y, np.nan)
    options = {"lower": -0.5, "upper": 1.5, "tol": 1e-7, "maxiter": 20_000}
    masked = tv(op, hidden, 0.02, mask=mask, **options)
    kept = st.Restriction((12, 10), mask) @ op
    restricted = tv(kept, y[mask], 0.02, **options)
    assert masked.converged
    assert restricted.converged
    np.testing.assert_allclose(masked.x, restricted.x, atol=1e-3)
    assert masked.residual_norm == pytest.approx(np.linalg.norm((op.apply(masked.x) - y)[mask]))


def test_a_batch_is_each_of_its_samples(rng):
    op = blur(psf.gauss(1.0, 3), (8, 7))
    y = rng.random((2, 3, 8, 7))
    options = {"lower": 0.0, "upper": 1.0, "tol": 1e-9, "maxiter": 20_000}
    together = tv(op, y, 0.1, **options)
    assert together.x.shape == y.shape
    for index in np.ndindex(2, 3):
        alone = tv(op, y[index], 0.1, **options)
        np.testing.assert_allclose(together.x[index], alone.x, atol=1e-3)


def test_bounds_not_given_are_the_range_of_the_data_widened_by_half(rng):
    op = blur(psf.gauss(1.0, 3), (8, 7))
    y = rng.random((8, 7))
    y[0, 0], y[1, 1] = 2.0, -1.0
    found = tv(op, y, 0.1)
    assert found.bounds == pytest.approx((-2.5, 3.5))
    assert "bounds         -2.5 to 3.5" in repr(found)
    assert f"gap            {found.gap:.3e}" in repr(found)
    assert tv(2 * op, y, 0.1).bounds == pytest.approx((-1.25, 1.75))
    assert tv(op, y, 0.1, upper=3).bounds == pytest.approx((-2.5, 3.0))


def test_an_operator_that_loses_means_is_certified_by_the_bounds(rng):
    op = blur([[-1.0, 1.0]], (9, 8))
    y = op.apply(rectangles(rng, 12)[:9, :8]) + 0.01 * rng.standard_normal((9, 8))
    found = tv(op, y, 0.01, lower=-2, upper=2, tol=1e-5, maxiter=20_000)
    assert found.converged
    with pytest.raises(st.GeometryError, match="`lower` and `upper` must be given where C takes"):
        tv(op, y, 0.01)


def test_scaling_the_data_scales_the_answer(rng):
    op = blur(psf.gauss(1.0, 3), (16, 16))
    y = op.apply(rectangles(rng, 16)) + 0.01 * rng.standard_normal((16, 16))
    one, large = tv(op, y, 0.01), tv(op, 1e6 * y, 1e4)
    assert large.iterations == one.iterations
    np.testing.assert_allclose(large.x / 1e6, one.x, atol=1e-6)
    assert large.gap == pytest.approx(1e12 * one.gap, rel=1e-3)


def test_it_is_watched_and_says_where_it_ended(rng):
    op = blur(psf.gauss(1.0, 3), (16, 16))
    y = rng.random((16, 16))
    seen = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = tv(op, y, 0.01, tol=0, maxiter=13, callback=seen.append)
    assert (found.status, found.iterations, len(seen)) == (Status.MAXITER, 13, 13)
    assert [warning.filename for warning in caught] == [__file__]
    assert all(x.shape == (16, 16) for x in seen)
    best = tv(op, y, 0.01, tol=1e-8, maxiter=20_000)
    again = tv(op, y, 0.01, x0=best.x)
    assert again.iterations < tv(op, y, 0.01).iterations
    assert found.x.dtype == np.float64
    single = blur(psf.gauss(1.0, 3).astype(np.float32), (16, 16))
    assert tv(single, y.astype(np.float32), 0.01).x.dtype == np.float32


OP = blur(psf.gauss(1.0, 3), (6, 5))
Y = np.arange(30.0).reshape(6, 5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weight": 0}, st.GeometryError, "`weight` must be a finite number, above 0; got 0"),
        ({"lower": -np.inf}, st.GeometryError, "`lower` and `upper` must be finite: they make"),
        ({"lower": 2, "upper": 1}, st.GeometryError, "`upper` must not be below lower"),
        ({"y": 1j * Y}, st.DTypeError, "`y` must go with a real problem; got complex128"),
        ({"op": blur(1j * psf.gauss(1), (6, 5))}, st.DTypeError, "`op` must go with a real probl"),
        ({"op": np.eye(30), "y": Y.ravel()}, st.GeometryError, "`op` must be an operator that kn"),
        ({"joint": 1}, st.GeometryError, "`joint` must be True or False"),
        ({"tol": -1}, st.GeometryError, "`tol` must be a finite number, at least 0"),
        ({"maxiter": 0}, st.GeometryError, "`maxiter` must be an int"),
        ({"callback": 1}, st.GeometryError, "`callback` must be a function of x; got 1"),
        ({"x0": np.ones(4)}, st.ShapeError, "`x0` must have shape"),
    ],
)
def test_a_wrong_argument_is_answered_by_name(options, error, message):
    arguments = {"op": OP, "y": Y, "weight": 1.0, **options}
    with pytest.raises(error, match=message):
        tv(arguments.pop("op"), arguments.pop("y"), arguments.pop("weight"), **arguments)


@pytest.mark.parametrize("weight", [1e2, 1e10, 1e100, 1e300])
def test_a_weight_above_all_edges_leaves_the_levels(weight, rng):
    """One per channel: their least squares, without a rounded edge that the weight would multiply."""
    op = blur(np.ones((3, 3)) / 9, (2, 8, 9), channels=True)
    y = rng.random((2, 8, 9)) + np.array([0.0, 3.0])[:, None, None]
    found = tv(op, y, weight)
    assert found.converged
    assert found.solution_norm == 0
    wanted = np.broadcast_to(y.mean(axis=(1, 2), keepdims=True), y.shape)
    np.testing.assert_allclose(found.x, wanted, rtol=1e-12)
    assert 0 <= found.gap <= 1e-3 * 0.5 * found.residual_norm**2


@pytest.mark.parametrize("value", [0.0, 3.0, 3e200])
def test_flat_data_have_a_flat_answer_and_nothing_speaks_against_it(value):
    y, kernel = np.full((12, 13), value), np.ones((3, 3)) / 9
    found = st.inverse.deblur(y, kernel, penalty="tv")
    assert found.converged
    assert found.findings == ()
    np.testing.assert_allclose(found.x, y, rtol=1e-12)
