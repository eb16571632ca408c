"""The fft engine: agreement with the matrix however it is cut, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine_laws import (
    assert_agrees_with_the_matrix,
    assert_keeps_samples_apart,
    assert_repeatable_and_fresh,
    assert_takes_an_empty_batch,
    pair,
    random_geometry,
)
from factories import FLOATS, random_array

from sparse_tconv.engines.fft import FftEngine, plan, spectra
from sparse_tconv.geometry import ConvGeometry
from sparse_tconv.threads import threads

Settings = Callable[[int], int]

# name -> ((C_out, C_in / groups, *kernel), (C_in, *size), arguments): more than one block, chunk and phase each
LARGE: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "a line": ((1, 1, 33), (1, 20_000), {"padding": 16}),
    "an image": ((1, 1, 5, 7), (1, 210, 190), {"padding": ((2, 1), (0, 4)), "flip": True}),
    "a circle": ((1, 1, 9, 9), (1, 256, 300), {"padding": "same", "padding_mode": "circular"}),
    "a mirrored image": ((2, 1, 9, 9), (1, 200, 200), {"padding": 4, "padding_mode": "symmetric"}),
    "phases": ((2, 2, 5, 5), (2, 160, 160), {"padding": 2, "stride": 2, "padding_mode": "reflect"}),
    "a dilated kernel": ((1, 1, 3, 3), (1, 150, 150), {"padding": 12, "dilation": 12}),
    "a volume": ((1, 1, 3, 3, 3), (1, 40, 48, 50), {"padding": 1, "padding_mode": "replicate"}),
    "depthwise": ((12, 1, 3, 3), (12, 64, 64), {"padding": 1, "groups": 12}),
    "many channels": ((24, 20, 3, 3), (20, 24, 20), {"padding": 1}),
}


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Cut even tiny samples into blocks, as large ones are."""
    monkeypatch.setattr(plan, "BLOCK_LENGTHS", (4, 6, 8))
    monkeypatch.setattr(plan, "FEWEST_POINTS", 1)
    monkeypatch.setattr(plan, "CACHE_BYTES", 64)
    monkeypatch.setattr(plan, "OUT_OF_CACHE", 20.0)
    monkeypatch.setattr(plan, "CHUNK_POINTS", 50)
    plan.plan.cache_clear()
    yield
    plan.plan.cache_clear()


def large(name: str, rng: np.random.Generator, dtype: Any) -> FftEngine:
    weight_shape, in_shape, arguments = LARGE[name]
    geometry = ConvGeometry.from_conv(weight_shape, in_shape, **arguments)
    return FftEngine(geometry, random_array(rng, weight_shape, dtype))


def check_random(rng: np.random.Generator, dtype: Any, count: int) -> None:
    for _ in range(count):
        geometry = random_geometry(rng)
        engine = FftEngine(geometry, random_array(rng, geometry.weight_shape, dtype))
        x, y = pair(rng, engine, int(rng.integers(1, 4)))
        assert_agrees_with_the_matrix(engine, x, y, spectral=True)
        assert_takes_an_empty_batch(engine)


@pytest.mark.parametrize("dtype", FLOATS)
def test_products_are_those_of_the_matrix(
    dtype: Any, rng: np.random.Generator, settings_count: Settings
) -> None:
    check_random(rng, dtype, settings_count(800))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", FLOATS)
def test_blocks_change_nothing(
    dtype: Any, rng: np.random.Generator, settings_count: Settings
) -> None:
    check_random(rng, dtype, settings_count(800))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", FLOATS)
def test_matrix_products_by_frequency_change_nothing(
    dtype: Any, rng: np.random.Generator, settings_count: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spectra, "MATMUL_FROM", 1)
    check_random(rng, dtype, settings_count(300))


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("dtype", FLOATS)
def test_large_samples_agree_too(name: str, dtype: Any, rng: np.random.Generator) -> None:
    engine = large(name, rng, dtype)
    x, y = pair(rng, engine, 2)
    assert_agrees_with_the_matrix(engine, x, y, spectral=True)


@pytest.mark.parametrize("name", LARGE)
def test_products_repeat_bit_for_bit_from_any_thread(name: str, rng: np.random.Generator) -> None:
    engine = large(name, rng, np.float32)
    assert_repeatable_and_fresh(engine, *pair(rng, engine, 2))


@pytest.mark.parametrize("name", LARGE)
def test_what_is_not_finite_stays_in_its_sample(name: str, rng: np.random.Generator) -> None:
    engine = large(name, rng, np.float64)
    assert_keeps_samples_apart(engine, *pair(rng, engine, 3))


@pytest.mark.parametrize("count", [1, 3])
def test_any_number_of_threads_keeps_the_bounds(count: int, rng: np.random.Generator) -> None:
    engine = large("phases", rng, np.float64)
    with threads(count):
        assert_agrees_with_the_matrix(engine, *pair(rng, engine, 2), spectral=True)


def test_the_spectrum_of_a_direction_is_made_at_its_first_product_and_counted(
    rng: np.random.Generator,
) -> None:
    engine = large("an image", rng, np.float64)
    x, y = pair(rng, engine, 1)
    assert engine.nbytes == 0
    engine.forward(x)
    one = engine.nbytes
    assert one > 0
    engine.transpose(y)
    assert engine.nbytes > one
    both = engine.nbytes
    engine.forward(x)
    engine.transpose(y)
    assert engine.nbytes == both


@pytest.mark.parametrize("dtype", [np.int64, np.longdouble, np.clongdouble])
def test_it_refuses_other_numbers_with_a_clause(dtype: Any) -> None:
    geometry = ConvGeometry.from_conv((1, 1, 3), (1, 9))
    reason = FftEngine.refuses(geometry, np.dtype(dtype))
    assert reason is not None
    assert str(np.dtype(dtype)) in reason
    assert FftEngine.refuses(geometry, np.dtype(np.complex64)) is None


def test_the_estimate_grows_with_batch_and_size() -> None:
    small, wide = (ConvGeometry.from_conv((1, 1, 9, 9), (1, n, n), padding=4) for n in (64, 512))
    dtype = np.dtype(np.float64)
    assert (
        0
        < FftEngine.seconds(small, dtype, 1)
        < FftEngine.seconds(wide, dtype, 1)
        < FftEngine.seconds(wide, dtype, 8)
    )
