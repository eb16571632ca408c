"""`deblur` of pictures whose PSF changes from place to place."""

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv.inverse import deblur, problems, psf, varying_blur

RNG = np.random.default_rng(0)
PICTURE = np.cumsum(RNG.standard_normal((20, 24)), axis=0)
KERNEL = np.array([[0.1, 0.3, 0.0], [0.0, 0.4, 0.1], [0.0, 0.0, 0.1]])


def alike(**options):
    """The same PSF at six nodes."""
    psfs = np.broadcast_to(KERNEL, (2, 3, 3, 3))
    return varying_blur(psfs, [[0, 15], [2, 9.5, 30]], PICTURE.shape, **options)


@pytest.mark.parametrize("at", ["input", "output"])
@pytest.mark.parametrize("boundary", ["unknown", "symmetric", "circular"])
def test_psfs_that_are_alike_are_one(boundary, at):
    found = deblur(PICTURE, alike(at=at, center=(0, 1)), boundary=boundary)
    wanted = deblur(PICTURE, KERNEL, center=(0, 1), boundary=boundary)
    assert found.damp == pytest.approx(wanted.damp, rel=0.05)
    assert np.abs(found.x - wanted.x).max() < 0.05 * np.ptp(PICTURE)


@pytest.mark.parametrize("at", ["input", "output"])
def test_the_field_is_that_of_the_operator_that_reads_nothing_beyond_it(at):
    psfs = np.stack([KERNEL, KERNEL[::-1]])[:, None]
    op = varying_blur(psfs, [[-3, 21], [0]], PICTURE.shape, at=at)
    found = deblur(PICTURE, op, rule=0.1)
    # Nodes may be outside of the picture, and rule in the field beyond it.
    field = varying_blur(psfs, [[-2, 22], [1]], found.field.shape, at=at, padding_mode="zeros")
    left = PICTURE - field.apply(found.field)[1:-1, 1:-1]
    assert found.residual_norm == pytest.approx(np.linalg.norm(left))


def test_the_picture_of_a_lens_is_nearer_to_the_truth_than_by_any_one_psf():
    problem = problems.varying(48, nodes=3, image="phantom")
    found = deblur(problem.y, problem.op)
    kernels = problem.op.psfs.reshape(-1, *problem.op.psfs.shape[2:])
    single = [deblur(problem.y, kernel) for kernel in (*kernels, kernels.mean(axis=0))]
    best = min(problem.error(one.x) for one in single)
    assert problem.error(found.x) < 0.8 * min(best, problem.error(problem.y))
    assert found.findings == ()


def test_channels_go_through_the_lens_alike():
    color = np.stack([PICTURE, 2 * PICTURE], axis=-1)
    found = deblur(color, alike(), channel_axis=-1, rule=0.1)
    assert found.x == pytest.approx(
        np.stack([deblur(PICTURE, alike(), rule=0.1).x] * 2, axis=-1) * [1, 2], rel=1e-2, abs=0.05
    )


def test_an_odd_psf_among_others_has_a_finding():
    psfs = np.stack([psf.gauss(1, 5), 1.2 * psf.gauss(1, 5)])[:, None]
    found = deblur(PICTURE, varying_blur(psfs, [[0, 19], [0]], PICTURE.shape), rule=0.1)
    assert any(line.startswith("the PSF sums to 1.2") for line in found.findings)


@pytest.mark.parametrize(
    ("call", "kind", "match"),
    [
        (
            lambda: deblur(PICTURE, alike(), center=1),
            st.GeometryError,
            "`center` must be None where psf is a VaryingBlur",
        ),
        (lambda: deblur(PICTURE[1:], alike()), st.ShapeError, "`psf` must be an operator on"),
        (
            lambda: deblur(PICTURE, varying_blur(np.ones((1, 1, 3, 3)) * 1j, [[0], [0]], (20, 24))),
            st.DTypeError,
            "`psf` must be real; got complex128",
        ),
        (
            lambda: deblur(PICTURE, varying_blur(np.zeros((1, 1, 3, 3)), [[0], [0]], (20, 24))),
            st.GeometryError,
            "`psf` must be finite and not all zero",
        ),
    ],
)
def test_a_lens_that_does_not_fit_is_named(call, kind, match):
    with pytest.raises(kind, match=match):
        call()
