"""Blurs that change across the image, against dense sums, unit impulses and PyLops."""

from __future__ import annotations

import numpy as np
import pytest
from factories import MODES, random_array

import sparse_tconv as st
from sparse_tconv.inverse import blur, problems, solve, varying_blur
from sparse_tconv.testing import assert_adjoint

# All words that a convolution takes: what lies outside may be added to them.
ALL_MODES = tuple(dict.fromkeys((*MODES, *st._validate.PADDING_MODES)))


def hats(nodes, size):
    """Weights of each node, written out pixel by pixel."""
    found = np.zeros((len(nodes), size))
    for pixel in range(size):
        if pixel <= nodes[0]:
            found[0, pixel] = 1
        elif pixel >= nodes[-1]:
            found[-1, pixel] = 1
        else:
            right = next(i for i, node in enumerate(nodes) if node > pixel)
            share = (pixel - nodes[right - 1]) / (nodes[right] - nodes[right - 1])
            found[right - 1, pixel], found[right, pixel] = 1 - share, share
    return found


def dense(psfs, positions, size, at, **options):
    """The weighted sum of dense blurs."""
    n = len(size)
    by_axis = [hats(nodes, side) for nodes, side in zip(positions, size, strict=True)]
    total = 0
    for node in np.ndindex(*psfs.shape[:n]):
        weights = np.ones(())
        for found, i in zip(by_axis, node, strict=True):
            weights = np.multiply.outer(weights, found[i])
        C = blur(psfs[node], size, **options).toarray()
        total = total + (C * weights.ravel() if at == "input" else weights.reshape(-1, 1) * C)
    return total


def random_blur(rng, mode=None):
    n = int(rng.integers(1, 4))
    size = tuple(int(side) for side in rng.integers(1, {1: 25, 2: 10, 3: 6}[n], n))
    counts = tuple(int(count) for count in rng.integers(1, 5, n))
    kernel = tuple(int(k) for k in rng.integers(1, 6, n))
    positions = [
        np.sort(rng.choice(np.arange(-8, 4 * side), count, replace=False) / 3).tolist()
        for count, side in zip(counts, size, strict=True)
    ]
    options = {
        "center": tuple(int(rng.integers(k)) for k in kernel),
        "padding_mode": tuple(str(m) for m in rng.choice(ALL_MODES if mode is None else [mode], n)),
    }
    psfs = random_array(rng, (*counts, *kernel), rng.choice([np.float64, np.complex128]))
    return psfs, positions, size, str(rng.choice(["input", "output"])), options


def test_operators_are_the_weighted_sums_of_blurs_in_random_settings(rng, settings_count):
    for _ in range(settings_count(400)):
        psfs, positions, size, at, options = random_blur(rng)
        op = varying_blur(psfs, positions, size, at=at, **options)
        wanted = dense(psfs, positions, size, at, **options)
        x = random_array(rng, (2, *size), np.float64)
        got = op.apply(x).reshape(2, -1)
        np.testing.assert_allclose(got, x.reshape(2, -1) @ wanted.T, atol=1e-11)
        np.testing.assert_allclose(
            op.H.apply(x).reshape(2, -1), x.reshape(2, -1) @ wanted.conj(), atol=1e-11
        )
        np.testing.assert_allclose(op.toarray(), wanted, atol=1e-11)


@pytest.mark.parametrize("at", ["input", "output"])
@pytest.mark.parametrize("mode", ALL_MODES)
def test_every_boundary_passes_the_dot_test(rng, at, mode):
    psfs = random_array(rng, (3, 2, 4, 5), np.float64)
    op = varying_blur(psfs, [[0, 3.5, 9], [2, 8]], (11, 12), at=at, padding_mode=mode)
    assert_adjoint(op)
    assert op.matrix.has_canonical_format
    np.testing.assert_allclose(op.weights.sum((0, 1)), 1, rtol=1e-14)
    wanted = dense(psfs, [[0, 3.5, 9], [2, 8]], (11, 12), at, padding_mode=mode)
    np.testing.assert_allclose(op.toarray(), wanted, atol=1e-12)


def test_a_unit_impulse_gives_the_psf_interpolated_there(rng):
    psfs = random_array(rng, (3, 4, 5, 5), np.float64)
    rows, columns = [3, 20.5, 41], [-2, 10, 30.25, 60]
    op = varying_blur(psfs, [rows, columns], (45, 50), padding_mode="zeros")
    weights = [hats(nodes, side) for nodes, side in ((rows, 45), (columns, 50))]
    for p, q in [(2, 2), (3, 10), (11, 20), (42, 47), (30, 29)]:
        x = np.zeros((45, 50))
        x[p, q] = 1
        psf = np.einsum("i,j,ijkl->kl", weights[0][:, p], weights[1][:, q], psfs)
        got = op.apply(x)
        np.testing.assert_allclose(got[p - 2 : p + 3, q - 2 : q + 3], psf, atol=1e-14)
        assert np.count_nonzero(got) <= 25


def test_one_node_is_a_blur_and_equal_psfs_are_one(rng):
    psf = random_array(rng, (4, 5), np.float64)
    x = random_array(rng, (3, 17, 18), np.float64)
    wanted = blur(psf, x.shape, channels=True)
    one = varying_blur(psf[None, None], [[4], [0.5]], x.shape, channels=True)
    many = varying_blur(
        np.broadcast_to(psf, (3, 2, 4, 5)), [[1, 5, 9], [3, 20]], x.shape, channels=True
    )
    for op in (one, many):
        np.testing.assert_allclose(op.apply(x), wanted.apply(x), atol=1e-13)
        np.testing.assert_allclose(op.toarray(), wanted.toarray(), atol=1e-13)
    assert (one.spatial_ndim, one.in_shape) == (2, (3, 17, 18))


def test_integer_psfs_give_floats_and_single_ones_stay_single():
    psfs = np.array([[0, 1, 0], [1, 2, 1]])
    op = varying_blur(psfs, [[0, 4]], (5,))
    assert op.dtype == np.float64
    assert op.apply([0, 0, 0, 1, 0]).dtype == np.float64
    for at in ("input", "output"):
        single = varying_blur(psfs.astype(np.float32), [[0, 4]], (5,), at=at)
        assert single.apply(np.ones(5, np.float32)).dtype == np.float32
        assert single.T.apply(np.ones(5, np.float32)).dtype == np.float32
        assert single.matrix.dtype == np.float32
    assert "2 PSFs of (3,) at the input" in repr(op)
    assert op.flops > 0
    assert varying_blur(psfs, [[0, 4]], (3, 5), channels=True).flops == 3 * op.flops
    np.testing.assert_array_equal(op.psfs, psfs)


def test_pylops_computes_the_same_between_its_nodes(rng):
    pylops = pytest.importorskip("pylops")
    psfs = random_array(rng, (3, 3, 5, 5), np.float64)
    there = pylops.signalprocessing.NonStationaryConvolve2D(
        (30, 40), psfs, ihx=(5, 14, 23), ihz=(6, 18, 30)
    )
    here = varying_blur(psfs, [(5, 14, 23), (6, 18, 30)], (30, 40), padding_mode="zeros")
    x = random_array(rng, (30, 40), np.float64)
    np.testing.assert_allclose(here.apply(x), there @ x, atol=1e-12)
    np.testing.assert_allclose(here.T.apply(x), there.H @ x, atol=1e-12)


@pytest.mark.filterwarnings("ignore::sparse_tconv.inverse.ConvergenceWarning")
def test_the_varying_operator_restores_better_than_any_single_psf():
    problem = problems.varying()

    def error(op, damp):
        return problem.error(solve(op, problem.y, damp=damp, maxiter=40, method="lsmr").x)

    # Of one octant: the others are its mirror images. Those farther out are worse.
    single = [blur(problem.op.psfs[i, j], (256, 256)) for i, j in ((2, 2), (1, 2), (2, 1), (1, 1))]
    best = min(error(op, damp) for op in single for damp in (0.05, 0.1, 0.2))
    assert error(problem.op, 0.05) <= 0.8 * best


def test_the_problem_is_made_from_a_larger_picture_or_by_the_model():
    crime = problems.varying((40, 50), nodes=3, image="phantom", noise=0, inverse_crime=True)
    np.testing.assert_array_equal(crime.y, crime.op.apply(crime.x))
    honest = problems.varying((40, 50), nodes=3, image="phantom", noise=0)
    inside = (slice(10, -10), slice(10, -10))
    np.testing.assert_allclose(honest.y[inside], honest.op.apply(honest.x)[inside], atol=1e-12)
    np.testing.assert_allclose(crime.op.psfs.sum((2, 3)), 1)


def test_errors_say_what_to_do():
    psfs = np.ones((2, 3))
    for given, positions, rule in [
        (np.ones(3), [[0]], r"`psfs` must be of shape \(\*nodes, \*kernel_size\)"),
        (psfs, [0, 4], "`positions` must be 1 sequences of coordinates"),
        (psfs, [[0, 4, 5]], "`positions` must be 2 coordinates on axis 0"),
        (psfs, [[4, 4]], "`positions` must be strictly increasing on axis 0"),
        (psfs, [[0, np.nan]], "`positions` must be strictly increasing|finite"),
    ]:
        with pytest.raises((st.GeometryError, st.DTypeError), match=rule):
            varying_blur(given, positions, (5,))
    with pytest.raises(st.GeometryError, match="`at` must be one of 'input', 'output'"):
        varying_blur(psfs, [[0, 4]], (5,), at="both")
    with pytest.raises(st.GeometryError, match="`in_shape` must have 1 entries"):
        varying_blur(psfs, [[0, 4]], (5, 5))


def test_weights_of_nodes_that_memory_cannot_hold_are_refused_before_they_are_made():
    with pytest.raises(st.MatrixTooLargeError, match="`in_shape` must fit in the memory"):
        varying_blur(np.ones((2, 3)), [[0, 5]], (2**45,))
