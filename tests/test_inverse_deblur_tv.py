"""deblur(penalty="tv") chooses the weight at which the residual is as large as the noise."""

from __future__ import annotations

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv.inverse import deblur, problems, psf, tv

KERNEL = psf.gauss(0.8, 3)


@pytest.fixture(scope="module")
def problem():
    return problems.deblurring(KERNEL, 20, image="phantom", noise=0.03)


@pytest.mark.parametrize("nonnegative", [False, True])
def test_the_weight_is_that_of_the_discrepancy_and_said(nonnegative, problem):
    sigma = problem.noise_norm / 20
    found = deblur(problem.y, KERNEL, sigma=sigma, penalty="tv", nonnegative=nonnegative)
    assert found.x.shape == problem.y.shape
    assert found.chosen_by.startswith("discrepancy, sigma")
    assert found.residual_norm == pytest.approx(problem.noise_norm, rel=0.02)
    assert found.gap <= 1e-3 * (found.residual_norm**2 / 2 + found.damp * found.solution_norm)
    assert problem.error(found.x) < 1.2 * problem.error(problem.y)
    assert not nonnegative or found.x.min() >= 0


def test_a_number_is_the_weight(problem):
    found = deblur(problem.y, KERNEL, penalty="tv", rule=1e-3, boundary="symmetric")
    wanted = tv(problem.op, problem.y, 1e-3, joint=True)
    assert found.damp == 1e-3
    np.testing.assert_allclose(found.x, wanted.x, atol=1e-6)


def test_masks_and_channels_go_through(problem):
    picture = np.stack([problem.y, 0.5 * problem.y], axis=-1)
    mask = np.ones(problem.y.shape, bool)
    mask[10:12, 12:14] = False
    picture[~mask] = np.nan
    found = deblur(picture, KERNEL, penalty="tv", channel_axis=-1, mask=mask, sigma=0.01)
    assert found.x.shape == picture.shape
    assert np.isfinite(found.x).all()
    assert found.residual_norm == pytest.approx(0.01 * np.sqrt(2 * mask.sum()), rel=0.02)


def test_noise_that_no_weight_leaves_is_a_finding(problem):
    found = deblur(problem.y, KERNEL, penalty="tv", sigma=10.0)
    assert any("for the weight nearest to the discrepancy" in line for line in found.findings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "gcv"}, "`rule` must be 'auto', 'discrepancy' or a weight for penalty='tv'; got"),
        ({"rule": 0}, "`rule` must be a finite number, above 0; got 0"),
        ({"regularizer": "laplacian"}, "`regularizer` must be 'gradient' for penalty='tv'; got"),
    ],
)
def test_what_total_variation_does_not_use_is_refused(options, message):
    with pytest.raises(st.GeometryError, match=message):
        deblur(np.ones((20, 20)), KERNEL, penalty="tv", **options)


def test_rings_are_told():
    problem = problems.deblurring(psf.gauss(1.5), 24, image="phantom")
    found = deblur(problem.y, psf.gauss(2.5), penalty="tv", rule=1e-4, boundary="symmetric")
    assert problem.error(found.x) > problem.error(problem.y)
    assert any("its own blur" in line for line in found.findings)
    right = deblur(problem.y, psf.gauss(1.5), penalty="tv", rule=3e-3)
    assert problem.error(right.x) < problem.error(problem.y)
    assert right.findings == ()
