"""The gemm engine against the explicit matrix, the kernel's gradient and the naive oracles."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sparse_tconv.engines import CsrEngine
from sparse_tconv.engines.borders import extend, fold, within
from sparse_tconv.engines.gemm import GemmEngine, blas, cost
from sparse_tconv.engines.windows import extended, kernel_gradient
from sparse_tconv.geometry import ConvGeometry
from sparse_tconv.testing import oracles
from sparse_tconv.threads import threads

MODES = ("zeros", "circular", "reflect", "symmetric", "replicate")
METHODS = (None, "taps", "whole", "scatter")
DTYPES = tuple(np.dtype(code) for code in ("f4", "f8", "c8", "c16"))
Settings = Callable[[int], int]


def random_geometry(rng: np.random.Generator) -> ConvGeometry:
    """A valid geometry of 1 to 4 axes, often with a kernel wider than the axis, negative pads, wide pads, leftover samples."""
    while True:
        axes = int(rng.integers(1, 5))
        most = {1: 30, 2: 12, 3: 6, 4: 4}[axes]
        groups = int(rng.choice([1, 1, 2, 3]))
        taken, given = (int(channels) for channels in rng.integers(1, 5, 2))
        kernel_size = tuple(rng.integers(1, {1: 9, 2: 5, 3: 4, 4: 3}[axes], axes).tolist())
        arguments: dict[str, Any] = {
            "stride": rng.integers(1, 4, axes).tolist(),
            "padding": rng.integers(-1, 6, (axes, 2)).tolist(),
            "dilation": rng.integers(1, 4, axes).tolist(),
            "padding_mode": [str(mode) for mode in rng.choice(MODES, axes)],
            "flip": bool(rng.integers(2)),
        }
        size = rng.integers(1, most + 1, axes).tolist()
        try:
            if rng.integers(2):
                shape = (groups * given, taken, *kernel_size)
                return ConvGeometry.from_conv(
                    shape, (groups * taken, *size), groups=groups, **arguments
                )
            room = zip(arguments["stride"], arguments["dilation"], strict=True)
            extra = [int(rng.integers(max(s, d))) for s, d in room]
            shape = (groups * given, taken, *kernel_size)
            return ConvGeometry.from_conv_transpose(
                shape, (groups * given, *size), groups=groups, output_padding=extra, **arguments
            )
        except ValueError:
            continue


def normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    values = rng.standard_normal(shape)
    return np.asarray(
        values + 1j * rng.standard_normal(shape) if dtype.kind == "c" else values
    ).astype(dtype)


def images(rng: np.random.Generator, engine: Any, batch: int) -> tuple[NDArray[Any], NDArray[Any]]:
    dtype = engine.weight.dtype
    return normal(rng, (batch, *engine.x_shape), dtype), normal(
        rng, (batch, *engine.y_shape), dtype
    )


def assert_agrees(engine: GemmEngine, x: NDArray[Any], y: NDArray[Any]) -> None:
    """Entrywise: 4 eps (r + 2) times the product of the absolute values, r the taps that meet in the entry."""
    geometry, weight = engine.geometry, engine.weight
    eps = np.finfo(weight.dtype).eps
    wide = CsrEngine(geometry, weight.astype(np.result_type(weight, np.float64)))
    sizes = CsrEngine(geometry, np.abs(wide.weight))
    counts = CsrEngine(geometry, np.ones(weight.shape))
    for product, exact, bound, taps in (
        (
            engine.forward(x),
            wide.forward(x),
            sizes.forward(np.abs(x)),
            counts.forward(np.ones(x.shape)),
        ),
        (
            engine.transpose(y),
            wide.transpose(y),
            sizes.transpose(np.abs(y)),
            counts.transpose(np.ones(y.shape)),
        ),
    ):
        assert product.dtype == weight.dtype
        assert product.flags.c_contiguous
        assert product.shape == exact.shape
        np.testing.assert_array_less(
            np.abs(product - exact), 4 * eps * (taps + 2) * bound + np.finfo(weight.dtype).tiny
        )
    found, exact = engine.weight_gradient(x, y), kernel_gradient(geometry, x, y)
    bound = kernel_gradient(geometry, np.abs(x), np.abs(y))
    assert found.dtype == weight.dtype
    assert found.shape == weight.shape
    summed = len(x) * y[0, 0].size
    np.testing.assert_array_less(
        np.abs(found - exact), 8 * eps * (summed + 2) * bound + np.finfo(weight.dtype).tiny
    )


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_products_are_those_of_the_matrix(
    method: str | None, dtype: np.dtype[Any], rng: np.random.Generator, settings_count: Settings
) -> None:
    for _ in range(settings_count(600)):
        geometry = random_geometry(rng)
        engine = GemmEngine(geometry, normal(rng, geometry.weight_shape, dtype), method)
        with threads(int(rng.integers(1, 4))):
            assert_agrees(engine, *images(rng, engine, int(rng.integers(1, 4))))


def test_products_are_those_of_the_nested_loops(rng: np.random.Generator) -> None:
    options: dict[str, Any] = {
        "stride": [2, 1],
        "padding": [[1, 2], [3, 0]],
        "dilation": [1, 2],
        "groups": 2,
    }
    weight = rng.integers(-3, 4, (4, 2, 3, 2)).astype(float)
    geometry = ConvGeometry.from_conv(
        weight.shape, (4, 6, 5), padding_mode=["reflect", "zeros"], **options
    )
    matrix = oracles.matrix(weight, (4, 6, 5), padding_mode=["reflect", "zeros"], **options)
    engine = GemmEngine(geometry, weight)
    x = rng.integers(-3, 4, (1, *engine.x_shape)).astype(float)
    y = rng.integers(-3, 4, (1, *engine.y_shape)).astype(float)
    np.testing.assert_array_equal(engine.forward(x).ravel(), matrix @ x.ravel())
    np.testing.assert_array_equal(engine.transpose(y).ravel(), matrix.T @ y.ravel())


def layer(rng: np.random.Generator, method: str | None = None, dtype: str = "f8") -> GemmEngine:
    """Large enough to be split over the pool."""
    geometry = ConvGeometry.from_conv(
        (48, 32, 3, 3), (32, 40, 41), padding=1, padding_mode=["zeros", "circular"]
    )
    return GemmEngine(geometry, normal(rng, geometry.weight_shape, np.dtype(dtype)), method)


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_same_threads_give_the_same_bits(
    rng: np.random.Generator, method: str | None, workers: int
) -> None:
    engine = layer(rng, method)
    x, y = images(rng, engine, 3)
    with threads(workers):
        first = engine.forward(x), engine.transpose(y), engine.weight_gradient(x, y)
        for _ in range(3):
            again = engine.forward(x), engine.transpose(y), engine.weight_gradient(x, y)
            for one, other in zip(first, again, strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_four_threads_at_once_get_what_one_gets(
    rng: np.random.Generator, method: str | None
) -> None:
    engine = layer(rng, method, "f4")
    x, y = images(rng, engine, 8)

    def products(sample: int) -> tuple[NDArray[Any], ...]:
        one, other = x[sample : sample + 1], y[sample : sample + 1]
        return engine.forward(one), engine.transpose(other), engine.weight_gradient(one, other)

    alone = [products(sample) for sample in range(8)]
    fresh = GemmEngine(engine.geometry, engine.weight, method)
    engine = fresh
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(products, range(8)))
    for one, other in zip(alone, together, strict=True):
        for array, same in zip(one, other, strict=True):
            np.testing.assert_allclose(array, same, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_stays_in_its_sample(
    rng: np.random.Generator, method: str | None, mode: str, bad: float
) -> None:
    geometry = ConvGeometry.from_conv(
        (6, 2, 3, 4), (4, 9, 8), padding=2, padding_mode=mode, groups=2, stride=(1, 2)
    )
    engine = GemmEngine(geometry, normal(rng, geometry.weight_shape, np.dtype("f8")), method)
    x, y = images(rng, engine, 3)
    clean = engine.forward(x), engine.transpose(y)
    x[1, 0, 4, 4] = y[1, 0, 4, 2] = bad
    for product, before in zip((engine.forward(x), engine.transpose(y)), clean, strict=True):
        np.testing.assert_array_equal(product[[0, 2]], before[[0, 2]])
        assert not np.isfinite(product[1]).all()


@pytest.mark.parametrize("code", ["i4", "i8", "u1", "g"])
def test_a_type_that_blas_does_not_have_is_refused(code: str) -> None:
    geometry = ConvGeometry.from_conv((3,), (5,), channels=False)
    assert "float32, float64, complex64 and complex128 only" in (
        GemmEngine.refuses(geometry, np.dtype(code)) or ""
    )
    assert all(GemmEngine.refuses(geometry, dtype) is None for dtype in DTYPES)


def test_the_kernel_is_packed_once_and_counted(rng: np.random.Generator) -> None:
    engine = layer(rng)
    x, y = images(rng, engine, 1)
    assert engine.nbytes == 0
    engine.forward(x)
    assert engine.nbytes == engine.weight.nbytes
    engine.transpose(y)
    engine.transpose(y)
    assert engine.nbytes == 2 * engine.weight.nbytes


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_inputs_are_only_read(rng: np.random.Generator, method: str | None) -> None:
    engine = layer(rng, method)
    x, y = images(rng, engine, 1)
    for array in (x, y, engine.weight):
        array.flags.writeable = False
    for product in (engine.forward(x), engine.transpose(y), engine.weight_gradient(x, y)):
        assert product.flags.writeable
        assert not any(np.shares_memory(product, array) for array in (x, y, engine.weight))


def test_products_do_not_need_scipys_routines(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blas, "_routine", lambda *_: None)
    for method in METHODS:
        engine = layer(rng, method)
        assert_agrees(engine, *images(rng, engine, 1))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("add", [False, True])
def test_blas_multiplies_parts_of_arrays_by_rows_or_by_columns(
    rng: np.random.Generator, dtype: np.dtype[Any], add: bool
) -> None:
    multiply = blas.multiplier(dtype)
    for _ in range(50):
        m, n, k = (int(size) for size in rng.integers(1, 7, 3))
        a, b = (
            normal(rng, (m + 2, k + 3), dtype)[1 : m + 1, 2 : k + 2],
            normal(rng, (k + 1, n + 2), dtype)[:k, 1 : n + 1],
        )
        a = a.T.copy().T if rng.integers(2) else a
        b = b.T.copy().T if rng.integers(2) else b
        whole = normal(rng, (m + 1, n + 2), dtype)
        before = whole.copy()
        multiply(a, b, whole[1:, :n], add)
        before[1:, :n] = a @ b + (before[1:, :n] if add else 0)
        np.testing.assert_allclose(whole, before, rtol=1e-4, atol=1e-4)


def test_folding_is_the_transpose_of_extending(
    rng: np.random.Generator, settings_count: Settings
) -> None:
    for _ in range(settings_count(2000)):
        geometry = random_geometry(rng)
        inside = within(geometry)
        size = [axis.n_in for axis in geometry.axes]
        x = rng.integers(-9, 10, (2, 3, *size)).astype(float)
        wide = extend(geometry, x)
        assert wide.shape == (2, 3, *(axis.n_in for axis in inside.axes))
        np.testing.assert_array_equal(extended(inside, wide), extended(geometry, x))
        z = rng.integers(-9, 10, wide.shape).astype(float)
        assert np.vdot(z, wide) == np.vdot(fold(geometry, z), x)


def test_the_estimate_grows_with_the_batch_the_channels_and_the_kernel() -> None:
    small = ConvGeometry.from_conv((8, 8, 3, 3), (8, 32, 32), padding=1)
    wide = ConvGeometry.from_conv((32, 32, 3, 3), (32, 32, 32), padding=1)
    large = ConvGeometry.from_conv((8, 8, 9, 9), (8, 32, 32), padding=4)
    reflecting = ConvGeometry.from_conv(
        (8, 8, 3, 3), (8, 32, 32), padding=1, padding_mode="reflect"
    )
    for dtype in DTYPES:
        with threads(1):
            least = GemmEngine.seconds(small, dtype, 1)
            assert (
                0
                < least
                < min(GemmEngine.seconds(other, dtype, 1) for other in (wide, large, reflecting))
            )
            assert 5 * least < GemmEngine.seconds(small, dtype, 16) < 16 * least


def test_blocks_cover_every_row_once() -> None:
    geometry = ConvGeometry.from_conv((64, 64, 3, 3), (64, 57, 56), padding=1)
    for way in cost.METHODS:
        for workers in (1, 2, 5, 100):
            ranges = cost.blocks(geometry, np.dtype("f8"), False, way, 1, workers)
            assert [row for start, stop in ranges for row in range(start, stop)] == list(range(57))
