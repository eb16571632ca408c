"""Products linear in the kernel, by taps and by transforms; and extending samples, with its transpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine_laws import assert_agrees_with_the_matrix, assert_gradient_agrees, random_geometry
from factories import FLOATS, random_array

import sparse_tconv as st
from sparse_tconv import kernel_products
from sparse_tconv.engines import CsrEngine, extend, fold
from sparse_tconv.geometry import ConvGeometry
from sparse_tconv.kernel_products import apply_kernel, kernel_gradient, tap_images
from sparse_tconv.testing.oracles import extension_matrix

Settings = Callable[[int], int]


class ForOneKernel:
    """:func:`apply_kernel` in an engine's words."""

    def __init__(self, geometry: ConvGeometry, weight: Any) -> None:
        self.geometry, self.weight = geometry, weight

    def forward(self, x: Any) -> Any:
        return apply_kernel(self.geometry, self.weight, x)

    def transpose(self, y: Any) -> Any:
        return apply_kernel(self.geometry, self.weight, y, transposed=True)


def samples(rng: np.random.Generator, geometry: ConvGeometry, dtype: Any) -> tuple[Any, Any]:
    engine = CsrEngine(geometry, np.zeros(geometry.weight_shape))
    batch = int(rng.integers(0, 4))
    x_shape, y_shape = (batch, *engine.x_shape), (batch, *engine.y_shape)
    return random_array(rng, x_shape, dtype), random_array(rng, y_shape, dtype)


@pytest.mark.parametrize("moved", [None, 1.0], ids=["estimated", "transforms"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_products_are_those_of_the_matrix_and_the_gradient_their_transpose(
    dtype: Any,
    moved: float | None,
    rng: np.random.Generator,
    settings_count: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if moved is not None:
        monkeypatch.setattr(kernel_products, "MOVED", moved)
    for _ in range(settings_count(400)):
        geometry = random_geometry(rng)
        x, y = samples(rng, geometry, dtype)
        weight = random_array(rng, geometry.weight_shape, dtype)
        engine: Any = ForOneKernel(geometry, weight)
        if len(x):
            assert_agrees_with_the_matrix(engine, x, y, spectral=moved is not None)
        assert engine.forward(x).shape == y.shape
        assert engine.transpose(y).shape == x.shape
        assert_gradient_agrees(kernel_gradient(geometry, x, y), geometry, x, y, rng)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.longdouble])
def test_any_type_of_numbers_is_exact(
    dtype: Any, rng: np.random.Generator, settings_count: Settings
) -> None:
    for _ in range(settings_count(200)):
        geometry = random_geometry(rng)
        x, y = (a.astype(np.int64).astype(dtype) for a in samples(rng, geometry, np.float64))
        weight = rng.integers(-2, 3, geometry.weight_shape).astype(dtype)
        exact = CsrEngine(geometry, weight.astype(np.int64))
        for transposed, given, wanted in (
            (False, x, exact.forward(x.astype(np.int64))),
            (True, y, exact.transpose(y.astype(np.int64))),
        ):
            found = apply_kernel(geometry, weight, given, transposed)
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, wanted.astype(dtype))


@pytest.mark.parametrize("transposed", [False, True])
def test_images_of_taps_sum_up_to_the_product(
    transposed: bool, rng: np.random.Generator, settings_count: Settings
) -> None:
    for _ in range(settings_count(200)):
        shape = tuple(int(k) for k in rng.integers(1, 4, 2))
        geometry = ConvGeometry.from_conv(
            shape, tuple(int(n) for n in rng.integers(3, 9, 2)), stride=(2, 1), padding=2,
            padding_mode="symmetric", channels=False,
        )  # fmt: skip
        weight = rng.integers(-3, 4, shape).astype(float)
        x, y = (np.round(9 * a) for a in samples(rng, geometry, np.float64))
        given = y if transposed else x
        images = tap_images(geometry, given, transposed)
        total: Any = 0
        for tap, image in zip(weight.ravel(), images, strict=True):
            total = total + tap * image
        product = apply_kernel(geometry, weight, given, transposed)
        np.testing.assert_array_equal(total, product)


def test_a_large_kernel_is_a_matter_of_transforms(rng: np.random.Generator) -> None:
    x = rng.standard_normal((200, 200))
    op = st.Conv(np.zeros((60, 60)), x.shape, padding="same", channels=False)
    kernels = op.kernel_operator(x)
    w, y = rng.standard_normal((60, 60)), rng.standard_normal((200, 200))
    np.testing.assert_allclose(kernels.apply(w), op.with_weight(w).apply(x), atol=1e-9)
    gap = np.vdot(kernels.apply(w), y) - np.vdot(w, kernels.H.apply(y))
    assert abs(gap) < 1e-12 * np.linalg.norm(w) * np.linalg.norm(x) * np.linalg.norm(y)
    geometry = op.geometry
    by_transforms = kernel_products.by_transforms(geometry, x[None, None])
    assert by_transforms
    small = st.Conv(np.zeros((3, 3)), x.shape, padding=1, channels=False).geometry
    assert not kernel_products.by_transforms(small, x[None, None])


def test_extending_is_what_the_boundary_says_and_folding_its_transpose(
    rng: np.random.Generator, settings_count: Settings
) -> None:
    for _ in range(settings_count(1000)):
        axes = random_geometry(rng).axes
        x = rng.integers(-9, 10, (2, 3, *(axis.n_in for axis in axes))).astype(float)
        wanted = x
        for number, axis in enumerate(axes, 2):
            matrix = extension_matrix(axis.mode, axis.n_in, axis.first, axis.last + 1)
            wanted = np.moveaxis(np.tensordot(matrix, wanted, (1, number)), 0, number)
        wide = extend(axes, x).copy()
        np.testing.assert_array_equal(wide, wanted)
        lengths = [n + int(rng.integers(3)) for n in wide.shape[2:]]
        longer = extend(axes, x, lengths)
        inner = (..., *(slice(n) for n in wide.shape[2:]))
        assert longer.shape[2:] == tuple(lengths)
        assert np.abs(longer).sum() == np.abs(wide).sum()
        np.testing.assert_array_equal(longer[inner], wide)
        z = rng.integers(-9, 10, wide.shape).astype(float)
        folded = np.vdot(fold(axes, z.copy()), x)
        assert np.vdot(z, wide) == folded
