"""Norm bounds: the norm is always between them, and at any size they answer."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from factories import MODES
from scipy.sparse.linalg import svds
from spectra import EVERY, KINDS, random_operator, true_values

import sparse_tconv as st
from sparse_tconv import analysis
from sparse_tconv.analysis import _norm_bounds, _patch, norm_bounds


@pytest.fixture
def matrix_free(monkeypatch):
    """Without the exact answers that small operators have."""
    monkeypatch.setattr(_norm_bounds, "_EXACT_SIZE", 0)


@pytest.fixture
def small_patches(matrix_free, monkeypatch):
    """With patches that are smaller than small operators, too."""
    monkeypatch.setattr(_patch, "_LEAST", 3)
    monkeypatch.setattr(_patch, "_PER_REACH", 2)


def assert_between(op):
    lower, upper = norm_bounds(op)
    true = true_values(op)[0]
    rounding = 1e-13 * true
    assert lower - rounding <= true <= upper + rounding, op


@pytest.mark.parametrize("kind", KINDS)
def test_the_norm_is_between_the_bounds(kind, settings_count, rng):
    for _ in range(settings_count(200)):
        assert_between(random_operator(rng, kind, EVERY))


@pytest.mark.usefixtures("matrix_free")
@pytest.mark.parametrize("kind", KINDS)
def test_the_norm_is_between_the_bounds_that_large_operators_have(kind, settings_count, rng):
    for _ in range(settings_count(200)):
        assert_between(random_operator(rng, kind, EVERY))


@pytest.mark.usefixtures("small_patches")
@pytest.mark.parametrize("kind", KINDS)
def test_the_norm_is_between_the_bounds_that_patches_give(kind, settings_count, rng):
    for _ in range(settings_count(200)):
        assert_between(random_operator(rng, kind, EVERY))


@pytest.mark.usefixtures("small_patches")
@pytest.mark.parametrize("kind", KINDS)
def test_the_norm_is_between_the_bounds_that_a_tolerance_gets(kind, settings_count, rng):
    for _ in range(settings_count(100)):
        op = random_operator(rng, kind, EVERY)
        true = true_values(op)[0]
        for rtol in (0.5, 1e-2):
            lower, upper = _norm_bounds.narrow_bounds(op, rtol)
            assert lower - 1e-13 * true <= true <= upper + 1e-13 * true, op


def test_large_layers_reach_their_tolerance_in_few_products(rng):
    for channels, size, kernel, stride in ((8, 32, 3, 1), (3, 40, 7, 2), (2, 60, 5, 3)):
        weight = rng.standard_normal((channels, channels, kernel, kernel))
        op = st.Conv(weight, (channels, size, size), padding=kernel // 2, stride=stride)
        top = svds(op, 1, tol=1e-6, random_state=0)[2][0]
        for rtol in (0.1, 1e-2):
            norm = analysis.spectral_norm(op, rtol=rtol)
            lower, upper = norm.bounds
            assert norm.complete == "proved"
            assert upper - lower <= rtol * upper
            true = float(np.linalg.norm(op.H @ (op @ top)) ** 0.5)
            assert lower <= true * (1 + 1e-6)
            assert true <= upper


@pytest.mark.usefixtures("matrix_free")
def test_under_zero_padding_they_are_one_percent_apart(settings_count, rng):
    for _ in range(settings_count(100)):
        axes = int(rng.integers(1, 3))
        kernel = rng.integers(2, {1: 9, 2: 5}[axes], axes)
        channels = rng.integers(1, {1: 6, 2: 4}[axes], 2)
        sizes = 16 * (kernel - 1) + rng.integers(0, 9, axes)
        weight = rng.standard_normal((*channels, *kernel))
        padding = rng.integers(0, 5, (axes, 2))
        lower, upper = norm_bounds(st.Conv(weight, (channels[1], *sizes), padding=padding))
        assert 0 < upper - lower <= 0.01 * lower, (weight.shape, sizes, padding)


@pytest.mark.usefixtures("matrix_free")
def test_kernels_that_oscillate_are_no_exception():
    comb = np.outer([1.0, 0.0, 1.0], [1.0, 0.0, -1.0])
    lower, upper = norm_bounds(st.Conv(comb, (32, 32), padding=1, channels=False))
    assert upper - lower <= 0.01 * lower


@pytest.mark.usefixtures("matrix_free")
@pytest.mark.parametrize("mode", MODES)
def test_a_patch_knows_the_norm_of_a_long_operator(mode, settings_count, rng):
    """The border, where samples are repeated, may have more norm than the middle."""
    for _ in range(settings_count(50)):
        stride, dilation = (int(n) for n in rng.integers(1, 4, 2))
        options = {
            "stride": stride,
            "dilation": dilation,
            "padding": (tuple(int(p) for p in rng.integers(-3, 9, 2)),),
            "padding_mode": mode,
        }
        op = st.Conv(rng.standard_normal((2, 1, 3)), (1, int(rng.integers(400, 500))), **options)
        lower, _ = norm_bounds(op)
        true = true_values(op)[0]
        assert 0.99 * true <= lower <= true * (1 + 1e-12), op


@pytest.mark.parametrize("mode", MODES)
def test_sizes_that_no_memory_holds_are_answered(mode, rng):
    """More samples than could be stored, wide borders, long strides, few windows."""
    weight = rng.standard_normal((3, 3))
    for options in (
        {"padding": 1},
        {"padding": 9},
        {"padding": ((10**5, 3), (0, 7))},
        {"padding": -(10**6)},
        {"padding": ((1 - 10**7, 2), (2, 1 - 10**7))},
        {"stride": 10**6, "padding": 1},
        {"stride": 7, "dilation": 5, "padding": 2},
    ):
        op = st.Conv(weight, (10**7, 10**7), padding_mode=mode, channels=False, **options)
        for side in (op, op.T):
            lower, upper = norm_bounds(side)
            assert 0 < lower <= upper < np.inf, options
            if mode == "zeros" and side.geometry.y_shape != (1, 1):
                assert upper <= 1.01 * lower, options


@pytest.mark.parametrize("mode", ["circular", "reflect", "symmetric", "replicate"])
def test_a_line_of_a_trillion_samples_is_answered(mode):
    op = st.Conv([1.0, 2.0], (10**12,), padding=1, padding_mode=mode, channels=False)
    lower, upper = norm_bounds(op)
    assert 2.99 < lower <= upper <= 3 * 2**0.5 * 1.01


LARGE = """
import json, re, numpy as np, sparse_tconv as st
from sparse_tconv.analysis import norm_bounds
weight = np.random.default_rng(0).standard_normal((64, 3, 3, 3))
lower, upper = norm_bounds(st.Conv(weight, (3, 12000, 12000), padding=1))
peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
print(json.dumps([lower, upper, peak]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_layer_on_an_image_of_144_million_pixels_takes_less_than_a_gigabyte():
    answer = subprocess.run(
        [sys.executable, "-c", LARGE], capture_output=True, text=True, check=True
    )
    lower, upper, peak = json.loads(answer.stdout)
    assert lower <= upper <= 1.01 * lower
    assert peak < 1e9 / 1024
