"""The engines gemm and taps: agreement with the matrix however it is cut, and what they keep."""

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
from factories import FLOATS, MODES, random_array

from sparse_tconv.engines import correlating, gemm, taps
from sparse_tconv.engines.correlating import CorrelatingEngine
from sparse_tconv.geometry import ConvGeometry
from sparse_tconv.testing import oracles
from sparse_tconv.threads import threads

Settings = Callable[[int], int]

# name -> (weight, in_shape, arguments): large enough to be divided among threads
LARGE: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "a layer": ((48, 32, 3, 3), (32, 40, 41), {"padding": 1, "padding_mode": "circular"}),
    "few rows": ((64, 48, 5, 3), (48, 9, 30), {"padding": (2, 1)}),
    "a decoder": ((32, 3, 4, 4), (3, 96, 90), {"padding": 1, "stride": 2}),
    "a line": ((16, 8, 9), (8, 4000), {"padding": 4, "stride": 3, "dilation": 2}),
    "a volume": ((8, 6, 3, 3, 3), (6, 20, 18, 19), {"padding": 1, "padding_mode": "reflect"}),
    "depthwise": ((12, 1, 3, 3), (12, 120, 130), {"padding": 1, "groups": 12}),
}


ENGINES = [gemm.GemmEngine, taps.TapsEngine]
TYPES = {gemm.GemmEngine: FLOATS, taps.TapsEngine: [np.float32, np.float64]}
both = pytest.mark.parametrize("engine_class", ENGINES)


def large(
    engine_class: type[CorrelatingEngine], name: str, rng: np.random.Generator, dtype: Any
) -> CorrelatingEngine:
    weight_shape, in_shape, arguments = LARGE[name]
    geometry = ConvGeometry.from_conv(weight_shape, in_shape, **arguments)
    return engine_class(geometry, random_array(rng, weight_shape, dtype))


def check_random(
    engine_class: type[CorrelatingEngine], rng: np.random.Generator, dtype: Any, count: int
) -> None:
    for _ in range(count):
        geometry = random_geometry(rng)
        engine = engine_class(geometry, random_array(rng, geometry.weight_shape, dtype))
        with threads(int(rng.integers(1, 4))):
            pairs = pair(rng, engine, int(rng.integers(1, 4)))
            assert_agrees_with_the_matrix(engine, *pairs, spectral=False)
            assert_takes_an_empty_batch(engine)


@pytest.mark.parametrize(
    ("engine_class", "dtype"), [(each, dtype) for each in ENGINES for dtype in TYPES[each]]
)
def test_products_are_those_of_the_matrix(
    engine_class: type[CorrelatingEngine],
    dtype: Any,
    rng: np.random.Generator,
    settings_count: Settings,
) -> None:
    check_random(engine_class, rng, dtype, settings_count(350))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_blocks_and_which_taps_are_rows_change_nothing(
    dtype: Any,
    rows: int,
    rng: np.random.Generator,
    settings_count: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    splits = gemm.splits
    monkeypatch.setattr(correlating, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(gemm, "BLOCK_BYTES", 200)
    monkeypatch.setattr(gemm, "MANY", 1)
    monkeypatch.setattr(gemm, "APART", 2)
    monkeypatch.setattr(gemm, "splits", lambda made: splits(made)[: rows + 1][-1:])
    check_random(gemm.GemmEngine, rng, dtype, settings_count(250))


@both
def test_threads_that_share_channels_or_phases_change_nothing(
    engine_class: type[CorrelatingEngine],
    rng: np.random.Generator,
    settings_count: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(correlating, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(correlating, "NARROW", 1 << 40)
    check_random(engine_class, rng, np.float64, settings_count(250))


@pytest.mark.parametrize("dtype", TYPES[taps.TapsEngine])
def test_blocks_change_nothing(
    dtype: Any,
    rng: np.random.Generator,
    settings_count: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(correlating, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(taps, "BLOCK_BYTES", 200)
    check_random(taps.TapsEngine, rng, dtype, settings_count(250))


@both
def test_products_are_those_of_the_nested_loops(
    engine_class: type[CorrelatingEngine], rng: np.random.Generator
) -> None:
    options: dict[str, Any] = {
        "stride": [2, 1],
        "padding": [[1, 2], [3, 0]],
        "dilation": [1, 2],
        "groups": 2,
        "padding_mode": ["reflect", "zeros"],
    }
    weight = rng.integers(-3, 4, (4, 2, 3, 2)).astype(float)
    engine = engine_class(ConvGeometry.from_conv(weight.shape, (4, 6, 5), **options), weight)
    matrix = oracles.matrix(weight, (4, 6, 5), **options)
    x = rng.integers(-3, 4, (1, *engine.x_shape)).astype(float)
    y = rng.integers(-3, 4, (1, *engine.y_shape)).astype(float)
    np.testing.assert_array_equal(engine.forward(x).ravel(), matrix @ x.ravel())
    np.testing.assert_array_equal(engine.transpose(y).ravel(), matrix.T @ y.ravel())


@both
@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("count", [1, 3])
def test_large_samples_agree_with_any_number_of_threads(
    engine_class: type[CorrelatingEngine], name: str, count: int, rng: np.random.Generator
) -> None:
    engine = large(engine_class, name, rng, np.float32)
    with threads(count):
        assert_agrees_with_the_matrix(engine, *pair(rng, engine, 2), spectral=False)


@both
@pytest.mark.parametrize("name", LARGE)
def test_products_repeat_bit_for_bit_from_any_thread(
    engine_class: type[CorrelatingEngine], name: str, rng: np.random.Generator
) -> None:
    engine = large(engine_class, name, rng, np.float64)
    assert_repeatable_and_fresh(engine, *pair(rng, engine, 2))


@both
@pytest.mark.parametrize("mode", MODES)
def test_a_number_that_is_not_finite_stays_in_its_sample(
    engine_class: type[CorrelatingEngine], mode: str, rng: np.random.Generator
) -> None:
    geometry = ConvGeometry.from_conv(
        (6, 2, 3, 4), (4, 9, 8), padding=2, padding_mode=mode, groups=2, stride=(1, 2)
    )
    engine = engine_class(geometry, random_array(rng, geometry.weight_shape, np.float64))
    assert_keeps_samples_apart(engine, *pair(rng, engine, 3))


@both
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.longdouble])
def test_a_type_that_it_does_not_compute_with_is_refused(
    engine_class: type[CorrelatingEngine], dtype: Any
) -> None:
    geometry = ConvGeometry.from_conv((3,), (5,), channels=False)
    reason = engine_class.refuses(geometry, np.dtype(dtype))
    assert f"only, not in {np.dtype(dtype)}" in (reason or "")
    able = [each for each in FLOATS if engine_class.refuses(geometry, np.dtype(each)) is None]
    assert able == list(TYPES[engine_class])


@both
def test_the_kernel_is_packed_once_and_counted(
    engine_class: type[CorrelatingEngine], rng: np.random.Generator
) -> None:
    engine = large(engine_class, "a layer", rng, np.float64)
    x, y = pair(rng, engine, 1)
    assert engine.nbytes == 0
    engine.forward(x)
    assert engine.nbytes == engine.weight.nbytes
    engine.transpose(y)
    engine.transpose(y)
    assert engine.nbytes == 2 * engine.weight.nbytes


@both
@pytest.mark.parametrize("name", LARGE)
def test_inputs_are_only_read(
    engine_class: type[CorrelatingEngine], name: str, rng: np.random.Generator
) -> None:
    engine = large(engine_class, name, rng, np.float64)
    x, y = pair(rng, engine, 1)
    for array in (x, y, engine.weight):
        array.flags.writeable = False
    for product in (engine.forward(x), engine.transpose(y)):
        assert product.flags.writeable
        assert not any(np.shares_memory(product, array) for array in (x, y, engine.weight))


@both
def test_the_estimate_of_very_many_phases_makes_no_layout(
    engine_class: type[CorrelatingEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correlating, "layout", None)
    many = ConvGeometry.from_conv((500, 500), (1000, 1000), stride=500, channels=False)
    least = engine_class.seconds(many, np.dtype(float), 1)
    assert 1 < least < engine_class.seconds(many, np.dtype(float), 2)


@both
def test_the_estimate_grows_with_the_batch_the_channels_and_the_kernel(
    engine_class: type[CorrelatingEngine],
) -> None:
    small = ConvGeometry.from_conv((8, 8, 3, 3), (8, 32, 32), padding=1)
    wide = ConvGeometry.from_conv((32, 32, 3, 3), (32, 32, 32), padding=1)
    large = ConvGeometry.from_conv((8, 8, 9, 9), (8, 32, 32), padding=4)
    mirrored = ConvGeometry.from_conv((8, 8, 3, 3), (8, 32, 32), padding=1, padding_mode="reflect")
    for dtype in map(np.dtype, TYPES[engine_class]):
        with threads(1):
            least = engine_class.seconds(small, dtype, 1)
            more = [engine_class.seconds(other, dtype, 1) for other in (wide, large, mirrored)]
            assert 0 < least < min(more)
            assert 4 * least < engine_class.seconds(small, dtype, 16) < 16 * least
