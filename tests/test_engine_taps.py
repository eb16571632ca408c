"""The taps engine: rows of taps, one-axis passes, and the line that both walk along."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pytest
from engine_laws import (
    assert_agrees_with_the_matrix,
    assert_gradient_agrees,
    assert_keeps_samples_apart,
    assert_repeatable_and_fresh,
    pair,
    random_geometry,
)
from factories import random_array

from sparse_tconv.engines import rows
from sparse_tconv.engines.separable import factors
from sparse_tconv.engines.taps import TapsEngine
from sparse_tconv.geometry import ConvGeometry

Settings = Callable[[int], int]
REALS = (np.float32, np.float64)

LARGE: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "a line": ((1, 1, 33), (1, 60_000), {"padding": 16}),
    "an image": ((1, 1, 5, 7), (1, 410, 390), {"padding": ((2, 1), (0, 4)), "flip": True}),
    "a mirrored image": ((2, 1, 3, 3), (1, 400, 300), {"padding": 1, "padding_mode": "symmetric"}),
    "phases": ((2, 2, 5, 5), (2, 260, 260), {"padding": 2, "stride": 2, "padding_mode": "reflect"}),
    "a volume": ((1, 1, 3, 3, 3), (1, 40, 90, 100), {"padding": 1, "padding_mode": "replicate"}),
    "depthwise": ((12, 1, 3, 3), (12, 128, 128), {"padding": 1, "groups": 12}),
}


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut even tiny samples into blocks for the pool, as large ones are."""
    monkeypatch.setattr(rows, "BLOCK_BYTES", 64)
    monkeypatch.setattr(rows, "TAPS_FOR_THREADS", 1)


def large(name: str, rng: np.random.Generator, dtype: Any) -> TapsEngine:
    weight_shape, in_shape, arguments = LARGE[name]
    geometry = ConvGeometry.from_conv(weight_shape, in_shape, **arguments)
    return TapsEngine(geometry, random_array(rng, weight_shape, dtype))


def check(engine: TapsEngine, rng: np.random.Generator) -> None:
    x, y = pair(rng, engine, int(rng.integers(1, 4)))
    assert_agrees_with_the_matrix(engine, x, y, spectral=False)
    assert_gradient_agrees(engine, x, y)


@pytest.mark.parametrize("dtype", REALS)
def test_products_are_those_of_the_matrix(
    dtype: Any, rng: np.random.Generator, settings_count: Settings
) -> None:
    for _ in range(settings_count(800)):
        geometry = random_geometry(rng)
        check(TapsEngine(geometry, random_array(rng, geometry.weight_shape, dtype)), rng)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", REALS)
def test_blocks_change_nothing(
    dtype: Any, rng: np.random.Generator, settings_count: Settings
) -> None:
    for _ in range(settings_count(800)):
        geometry = random_geometry(rng)
        check(TapsEngine(geometry, random_array(rng, geometry.weight_shape, dtype)), rng)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", REALS)
def test_separable_kernels_agree_entry_by_entry(
    dtype: Any, rng: np.random.Generator, settings_count: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "separable_passes", lambda kernel_size: 0)
    for _ in range(settings_count(800)):
        geometry = random_geometry(rng)
        # Tails many orders below the peak, and zeros, must keep their digits.
        parts = [
            random_array(rng, (k,), np.float64) * 10.0 ** rng.integers(-8, 1, k)
            for k in geometry.kernel_size
        ]
        parts = [part * (rng.random(part.shape) > 0.1) for part in parts]
        weight = np.broadcast_to(reduce(np.multiply.outer, parts), geometry.weight_shape).astype(
            dtype
        )
        check(TapsEngine(geometry, weight), rng)


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("dtype", REALS)
def test_large_samples_agree_too(name: str, dtype: Any, rng: np.random.Generator) -> None:
    check(large(name, rng, dtype), rng)


@pytest.mark.parametrize("name", LARGE)
def test_products_repeat_bit_for_bit_from_any_thread(name: str, rng: np.random.Generator) -> None:
    engine = large(name, rng, np.float32)
    assert_repeatable_and_fresh(engine, *pair(rng, engine, 2))


@pytest.mark.parametrize("name", LARGE)
def test_what_is_not_finite_stays_in_its_sample(name: str, rng: np.random.Generator) -> None:
    engine = large(name, rng, np.float64)
    assert_keeps_samples_apart(engine, *pair(rng, engine, 3))


@pytest.mark.parametrize("dtype", [np.complex128, np.int32, np.longdouble])
def test_it_refuses_other_numbers_with_a_clause(dtype: Any) -> None:
    geometry = ConvGeometry.from_conv((1, 1, 3), (1, 9))
    reason = TapsEngine.refuses(geometry, np.dtype(dtype))
    assert reason is not None
    assert str(np.dtype(dtype)) in reason
    assert TapsEngine.refuses(geometry, np.dtype(np.float32)) is None


def test_the_factors_of_an_outer_product_multiply_to_it(rng: np.random.Generator) -> None:
    kernel = reduce(np.multiply.outer, [rng.standard_normal(k) for k in (3, 5, 4)])
    found = factors(kernel)
    assert found is not None
    np.testing.assert_allclose(reduce(np.multiply.outer, found), kernel, rtol=1e-15)


@pytest.mark.parametrize(
    "kernel", [np.zeros((3, 3)), np.eye(3), np.array([[1.0, np.nan], [1.0, 1.0]])]
)
def test_kernels_without_factors_have_none(kernel: Any) -> None:
    assert factors(kernel) is None


def test_the_estimate_grows_with_batch_and_kernel() -> None:
    small, wide = (
        ConvGeometry.from_conv((1, 1, k, k), (1, 256, 256), padding=k // 2) for k in (3, 9)
    )
    dtype = np.dtype(np.float64)
    assert 0 < TapsEngine.seconds(small, dtype, 1) < TapsEngine.seconds(wide, dtype, 1)
    assert TapsEngine.seconds(wide, dtype, 1) < TapsEngine.seconds(wide, dtype, 8)
