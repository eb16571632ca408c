"""Every way of laying out a matrix gives the same one: rows written out whole, in periods, slab by
slab, or box by box."""

from __future__ import annotations

import numpy as np
import pytest
from factories import random_array, random_setting

import sparse_tconv as st
from sparse_tconv.assembly import _by_boxes, _by_template, _layout, _pointers, _repeat, _template
from sparse_tconv.pattern import _patch
from sparse_tconv.testing import oracles

# Limits that lead to each of the ways, whatever the size of the matrix.
ANY = {(_layout, "_LITTLE"): 10**12}
WAYS = {
    "whole": {**ANY, (_template, "_SMALL"): 10**9, (_template, "_LARGEST"): 10**9},
    "periods": {
        **ANY,
        (_template, "_SMALL"): 0,
        (_template, "_SHARE"): 10**12,
        (_template, "_LARGEST"): 10**9,
    },
    "slabs": {**ANY, (_template, "_LARGEST"): -1},
    "boxes": {
        (_layout, "_PER_TAP"): 10**12,
        (_by_boxes, "_LEAST"): 1,
        (_pointers, "_AT_ONCE"): 3,
        (_patch, "_AT_ONCE"): 2,
    },
}


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """The name of a way that all matrices go while the test runs."""
    for (module, name), value in WAYS[request.param].items():
        monkeypatch.setattr(module, name, value)
    st.cache_clear()
    yield request.param
    st.cache_clear()


@pytest.fixture(params=["long", "short"])
def copies(request, monkeypatch):
    """Whether stretches count as long, to be written at once, or are doubled first."""
    monkeypatch.setattr(_by_template, "_LONG", 1 if request.param == "long" else 10**9)
    monkeypatch.setattr(_repeat, "_RUN", 8 if request.param == "long" else 10**9)
    monkeypatch.setattr(_by_template, "_TOGETHER", 8)


def layouts_made(monkeypatch):
    """The class names of the layouts that are made from now on."""
    names = []

    def seen(*arguments, layout=_layout.layout):
        made = layout(*arguments)
        names.append(type(made).__name__)
        return made

    monkeypatch.setattr("sparse_tconv.assembly._csr.layout", seen)
    return names


def test_matrices_laid_out_each_way_equal_nested_loops(
    way, copies, monkeypatch, rng, settings_count
):
    names = layouts_made(monkeypatch)
    for _ in range(settings_count(120)):
        setting = random_setting(rng, dtypes=(np.int64,))
        g = st.ConvGeometry.from_conv(setting.weight.shape, setting.in_shape, **setting.options)
        if g.nnz > 3000:
            continue
        wanted = oracles.matrix(setting.weight, setting.in_shape, **setting.options)
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        for matrix, dense in ((op.to_matrix(), wanted), (op.T.to_matrix(), wanted.T)):
            np.testing.assert_array_equal(matrix.toarray(), dense)
            assert matrix.nnz == g.nnz
    wanted = {"slabs": "BySlabs", "boxes": "ByBoxes"}.get(way, "ByTemplate")
    assert wanted in names
    # Rows that are nearly all empty have a way of their own.
    assert set(names) <= {wanted, "BySlabs", "ByEntries"}


def test_dropped_taps_are_left_out_each_way(way, copies, rng, settings_count):
    for _ in range(settings_count(60)):
        setting = random_setting(rng, dtypes=(np.int64,))
        weight = setting.weight * (rng.random(setting.weight.shape[2:]) < 0.5)
        op = st.Conv(weight, setting.in_shape, **setting.options)
        # Marks no sums and differences of which come to zero.
        marks = (weight != 0).any(axis=(0, 1)) * rng.uniform(1, 2, weight.shape[2:])
        marks = np.broadcast_to(marks, weight.shape)
        touched = st.Conv(marks, setting.in_shape, **setting.options)
        for ours, pattern in ((op, touched), (op.T, touched.T)):
            dropped = ours.to_matrix(drop_zeros=True)
            np.testing.assert_array_equal(dropped.toarray(), ours.to_matrix().toarray())
            stored = pattern.to_matrix()
            stored.eliminate_zeros()
            np.testing.assert_array_equal(dropped.indices, stored.indices)
            np.testing.assert_array_equal(dropped.indptr, stored.indptr)


def test_long_strided_transposes_repeat_as_convolutions_do(way, copies, rng):
    for size, kernel, options in (
        ((40,), (4,), {"stride": 2, "padding": 1}),
        ((23, 31), (3, 3), {"stride": 2, "padding": 1}),
        ((17, 20), (5, 4), {"stride": (3, 2), "dilation": (1, 3), "padding": 2}),
        ((9, 10, 11), (3, 3, 3), {"stride": 2, "padding": 1, "padding_mode": "reflect"}),
    ):
        weight = random_array(rng, (4, 2, *kernel), np.int64)
        T = st.conv_transpose_matrix(weight, (4, *size), groups=2, **options)
        T32 = st.ConvTranspose(weight, (4, *size), groups=2, **options)
        C = T32.T.to_matrix(index_dtype=np.int64)
        assert C.indices.dtype == np.int64
        wanted = C.T.tocsr()
        np.testing.assert_array_equal(T.indptr, wanted.indptr)
        np.testing.assert_array_equal(T.indices, wanted.indices)
        np.testing.assert_array_equal(T.data, wanted.data)


def test_threads_share_the_values_of_few_and_of_many_channels(monkeypatch, rng):
    monkeypatch.setattr(_by_template, "_SHARED", 1)
    for weight, in_shape in (
        (rng.standard_normal((1, 1, 3, 3)), (1, 300, 200)),
        (rng.standard_normal((5, 2, 3, 3)), (2, 40, 30)),
        (rng.standard_normal((1, 1, 3)), (1, 40_000)),
    ):
        with st.threads(1):
            alone = st.conv_matrix(weight, in_shape, padding=1)
        with st.threads(3):
            shared = st.conv_matrix(weight, in_shape, padding=1)
        np.testing.assert_array_equal(alone.data, shared.data)


def test_templates_are_kept_by_geometry_and_bounded(rng):
    st.cache_clear()
    st.conv_matrix(rng.standard_normal((3, 3)), (12, 13), channels=False)
    held = st.cache_info().patterns
    st.conv_matrix(rng.standard_normal((3, 3)), (12, 13), channels=False)
    assert st.cache_info().patterns == held
    st.conv_matrix(rng.standard_normal((3, 3)), (12, 14), channels=False)
    assert st.cache_info().patterns > held
    assert 0 < st.cache_info().nbytes < 2**17
