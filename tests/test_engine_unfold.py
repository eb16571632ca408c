"""The unfold engine: gathered windows times the kernel, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine_laws import (
    assert_agrees_with_the_matrix,
    assert_keeps_samples_apart,
    assert_repeatable_and_fresh,
    pair,
    random_geometry,
)
from factories import random_array

import sparse_tconv as st
from sparse_tconv.engines import engine_class
from sparse_tconv.engines import unfold as module
from sparse_tconv.engines.unfold import UnfoldEngine, places

DTYPES = (np.float32, np.float64, np.complex64, np.complex128)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("together", [1, 10**9])
def test_products_are_those_of_the_matrix(
    dtype: Any,
    together: int,
    monkeypatch: pytest.MonkeyPatch,
    rng: np.random.Generator,
    settings_count: Callable[[int], int],
) -> None:
    monkeypatch.setattr(module, "_TOGETHER", together)
    for _ in range(settings_count(150)):
        geometry = random_geometry(rng)
        engine = UnfoldEngine(geometry, random_array(rng, geometry.weight_shape, dtype))
        x, y = pair(rng, engine, int(rng.integers(1, 4)))
        assert_agrees_with_the_matrix(engine, x, y, spectral=False)


def test_answers_repeat_and_samples_stay_apart(rng: np.random.Generator) -> None:
    for mode, groups in (("zeros", 1), ("reflect", 2)):
        geometry = st.ConvGeometry.from_conv(
            (4, 4 // groups, 3, 2), (4, 9, 8), padding=1, groups=groups, padding_mode=mode
        )
        engine = UnfoldEngine(geometry, random_array(rng, geometry.weight_shape, np.float64))
        x, y = pair(rng, engine, 3)
        assert_repeatable_and_fresh(engine, x, y)
        assert_keeps_samples_apart(engine, x, y)


def test_entries_that_are_not_finite_go_where_the_matrix_sends_them(
    rng: np.random.Generator,
) -> None:
    weight = rng.standard_normal((3, 2, 3, 3))
    auto = st.Conv(weight, (2, 7, 8), padding=1)
    exact = st.Conv(weight, (2, 7, 8), padding=1, engine="csr")
    assert auto.engine == "unfold"
    for op, wanted in ((auto, exact), (auto.T, exact.T)):
        x = rng.standard_normal(op.in_shape)
        x[1, 3, 0], x[0, 0, 5] = np.nan, np.inf
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(np.isfinite(op.apply(x)), np.isfinite(wanted.apply(x)))


def test_places_written_by_hand() -> None:
    geometry = st.ConvGeometry.from_conv((2,), (3,), padding=1, channels=False)
    np.testing.assert_array_equal(places(geometry), [[3, 0, 1, 2], [0, 1, 2, 3]])
    image = st.ConvGeometry.from_conv((1, 2, 1, 2), (2, 1, 3), stride=1)
    np.testing.assert_array_equal(places(image), [[0, 1], [1, 2], [3, 4], [4, 5]])


def test_it_refuses_what_bincount_would_round_and_what_would_not_fit() -> None:
    refuses = engine_class("unfold").refuses
    small = st.ConvGeometry.from_conv((3,), (9,), channels=False)
    assert "bincount" in str(refuses(small, np.dtype(int)))
    assert "bincount" in str(refuses(small, np.dtype(np.longdouble)))
    large = st.ConvGeometry.from_conv((65, 65), (512, 512), channels=False)
    assert "unfold into 847,974,400" in str(refuses(large, np.dtype(float)))
    with pytest.raises(st.DTypeError, match=r"`engine` must be able .*bincount.*engine='auto'"):
        st.Conv([1, 2], (4,), channels=False, engine="unfold")
    with pytest.raises(st.GeometryError, match=r"`engine` must be able .*would unfold into"):
        st.Conv(np.ones((65, 65)), (512, 512), channels=False, engine="unfold")


def test_auto_takes_it_for_small_samples_and_the_matrix_where_that_is_less() -> None:
    assert st.Conv(np.ones((8, 3, 3, 3)), (3, 16, 16)).engine == "unfold"
    assert st.Conv(np.ones((1, 1, 5)), (1, 64)).engine == "unfold"
    assert st.Conv(np.ones((1, 1, 3, 3)), (1, 46, 46)).engine == "csr"
    assert st.Conv(np.ones((32, 1, 3, 3)), (32, 8, 8), groups=32).engine == "csr"
