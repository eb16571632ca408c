"""What products add up, against the matrices of single taps, in which nothing folds."""

from __future__ import annotations

import numpy as np
import pytest
from factories import MODES

import sparse_tconv as st

MODES = (*MODES, "antireflect", "antisymmetric", "smooth")


def _setting(rng):
    n = int(rng.integers(1, 3))
    k = tuple(int(side) for side in rng.integers(1, 5, n))
    options = {
        "stride": tuple(int(step) for step in rng.integers(1, 4, n)),
        "dilation": tuple(int(step) for step in rng.integers(1, 3, n)),
        "padding": tuple((int(a), int(b)) for a, b in rng.integers(0, 7, (n, 2))),
        "padding_mode": tuple(str(mode) for mode in rng.choice(MODES, n)),
        "flip": bool(rng.integers(2)),
    }
    reach = [d * (side - 1) + 1 for d, side in zip(options["dilation"], k, strict=True)]
    sizes = [
        max(int(rng.integers(1, 9)), least - sum(pads))
        for least, pads in zip(reach, options["padding"], strict=True)
    ]
    return k, tuple(sizes), options


def _single_taps(k, sizes, options):
    for tap in np.ndindex(*k):
        unit = np.zeros(k)
        unit[tap] = 1
        yield tap, st.conv_matrix(unit, sizes, channels=False, **options)


def test_the_size_of_terms_is_that_of_the_matrices_of_all_taps(rng, settings_count):
    for _ in range(settings_count(200)):
        k, sizes, options = _setting(rng)
        weight = rng.standard_normal((4, 3, *k)) * 1e200
        op = st.Conv(weight, (6, *sizes), groups=2, **options)
        scaled = weight / 1e200
        wanted, met = 0.0, 0
        for tap, matrix in _single_taps(k, sizes, options):
            wanted += (scaled[:, :, *tap] ** 2).sum() * (matrix.data**2).sum()
            met = met + (abs(matrix.toarray()) > 0)
        found = op.terms()
        assert found.size / 1e200 == pytest.approx(np.sqrt(wanted), rel=1e-12)
        assert found.count >= 3 * max(met.sum(axis=1).max(), met.sum(axis=0).max())
        assert op.T.terms() == op.H.terms() == found


def test_the_terms_of_local_kernels_are_those_of_every_position(rng, settings_count):
    for _ in range(settings_count(100)):
        k, sizes, options = _setting(rng)
        out = st.Conv(np.ones(k), sizes, channels=False, **options).out_shape
        weight = rng.standard_normal((*k, *out)).astype(np.float32)
        op = st.LocalConv(weight, sizes, channels=False, **options)
        wanted = 0.0
        for tap, matrix in _single_taps(k, sizes, options):
            rows = (matrix.toarray() ** 2).sum(axis=1)
            wanted += (weight[tap].astype(float).ravel() ** 2 * rows).sum()
        assert op.terms().size == pytest.approx(np.sqrt(wanted), rel=1e-6)


def test_other_operators_do_not_know_their_terms_and_relatives_know_those_of_what_they_turn():
    assert st.Identity(3).terms() is None
    assert st.Conv([1.0], (1 << 23,), channels=False).terms() is None
    psfs = np.ones((2, 1, 3, 3))
    blur = st.inverse.varying_blur(psfs, ([0, 5], [0]), (6, 4))
    assert blur.H.terms() == blur.terms()
    assert blur.terms().count >= 9
    assert st.as_operator(blur, (24,), (24,)).terms() == blur.terms()
    assert st.Conv([np.inf, 1.0], (4,), channels=False).terms().norm((3, 4)) == 0
    assert st.Conv([0.0, 0.0], (4,), channels=False).terms().size == 0
