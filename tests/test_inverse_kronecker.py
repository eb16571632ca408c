"""Sums of separable blurs reach the least error there is, and precondition what is nearly one."""

from __future__ import annotations

import numpy as np
import pytest
from factories import MODES

import sparse_tconv as st
from sparse_tconv.inverse import (
    blur,
    circulant_preconditioner,
    kronecker_preconditioner,
    kronecker_sum,
    psf,
    solve,
)
from sparse_tconv.testing import check_operator


def test_sums_reach_the_error_of_eckart_and_young(rng, settings_count):
    for _ in range(settings_count(500)):
        shape = rng.integers(1, 9, 2)
        kernel = rng.standard_normal(shape) + (1j * rng.standard_normal(shape) * rng.integers(2))
        values = np.linalg.svd(kernel, compute_uv=False)
        for terms in range(1, min(shape) + 1):
            found = kronecker_sum(kernel, terms)
            rest = kernel - sum(np.outer(column, row) for column, row in found)
            least = np.linalg.norm(values[terms:])
            assert len(found) == terms
            assert abs(np.linalg.norm(rest) - least) <= 1e-13 * values[0]
            assert least <= found.error <= least + 1e-13 * values[0]


def test_the_kernel_makes_the_nearest_matrix(rng, settings_count):
    """No step along either factor comes nearer."""
    for _ in range(settings_count(200)):
        size, k = rng.integers(2, 7, 2), rng.integers(1, 5, 2)
        before = [int(rng.integers(0, side)) for side in k]
        padding = [(b, int(side) - 1 - b) for b, side in zip(before, k, strict=True)]
        op = st.Conv(
            rng.standard_normal(k),
            size,
            padding=padding,
            padding_mode=[str(mode) for mode in rng.choice(MODES, 2)],
            channels=False,
        )
        op = op.T if rng.integers(2) else op
        near = kronecker_preconditioner(op).near
        C, A = op.toarray(), near.toarray()
        least = np.linalg.norm(C - A)
        left, sizes, right = np.linalg.svd(near.weight)
        assert sizes[1:].max(initial=0) <= 1e-12 * max(sizes[0], 1e-300)
        for _ in range(5):
            step = rng.standard_normal(k[0]), rng.standard_normal(k[1])
            for column, row in (
                (left[:, 0] * sizes[0] + 1e-3 * step[0], right[0]),
                (left[:, 0] * sizes[0], right[0] + 1e-3 * step[1]),
            ):
                other = op.with_weight(np.outer(column, row)).toarray()
                assert np.linalg.norm(C - other) >= least * (1 - 1e-9) - 1e-12


def test_it_inverts_what_is_separable(rng):
    for mode in ("zeros", "reflect", "replicate"):
        op = blur(psf.gauss(1.0, 5), (9, 8), padding_mode=mode)
        inverse = kronecker_preconditioner(op, 0.1)
        check_operator(inverse)
        gram = op.gram(0.1)
        assert np.allclose(inverse @ (gram @ np.eye(72)), np.eye(72))


@pytest.mark.parametrize("mode", ["zeros", "reflect"])
def test_it_needs_fewer_steps_than_the_circulant_one(mode, rng):
    """A blur that is the sum of two separable ones, one of which is small."""
    wide, narrow = psf.gauss(2.0, 13), psf.defocus(2.0)
    kernel = wide.copy()
    side = (len(wide) - len(narrow)) // 2
    kernel[side : side + len(narrow), side : side + len(narrow)] += 0.02 * narrow
    op = blur(kernel, (48, 40), padding_mode=mode)
    y = op.apply(rng.random((48, 40)))
    steps = [
        solve(op, y, method="cg", damp=0.01, preconditioner=make(op, 0.01)).iterations
        for make in (kronecker_preconditioner, circulant_preconditioner)
    ]
    assert steps[0] < steps[1]


def test_what_cannot_be_is_refused():
    with pytest.raises(st.ShapeError, match="`psf` must have two axes"):
        kronecker_sum([1.0, 2.0], 1)
    with pytest.raises(st.GeometryError, match="`psf` must be finite"):
        kronecker_sum([[np.nan]], 1)
    with pytest.raises(st.GeometryError, match="`terms` must be at most 2"):
        kronecker_sum(np.eye(2), 3)
    with pytest.raises(st.errors.DTypeError, match="`op` must be a Conv or ConvTranspose"):
        kronecker_preconditioner(np.eye(2))
    with pytest.raises(st.GeometryError, match="`op` must have two axes and one channel"):
        kronecker_preconditioner(st.Conv([1.0, 2.0], (4,), channels=False))
