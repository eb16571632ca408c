"""What is kept: hits by content, a bound in bytes, right answers from many threads."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
from factories import random_array, random_setting

import sparse_tconv as st
from sparse_tconv.cache import Store, store


@pytest.fixture(autouse=True)
def fresh_cache():
    st.cache_clear()
    limit = st.cache_info().limit
    yield
    st.set_cache_limit(limit)
    st.cache_clear()


def test_a_second_call_with_equal_content_builds_nothing(monkeypatch, rng):
    x, w = rng.standard_normal((3, 8, 8)), rng.standard_normal((4, 3, 3, 3))
    first = st.conv(x, w, padding=1, engine="csr")
    assert st.cache_info()[:3] == (0, 1, 1)

    def fail(*args):
        pytest.fail("something was built")

    monkeypatch.setattr("sparse_tconv.assembly._csr.layout", fail)
    again = st.conv(x, w.copy(), None, 1, ((1, 1), (1, 1)), engine="csr")  # equal in another array
    np.testing.assert_array_equal(again, first)
    st.conv(2 * x, np.asfortranarray(w), padding="same", engine="csr")
    assert st.cache_info()[:3] == (2, 1, 1)
    st.conv_transpose(first, w, padding=1, engine="csr")  # the transpose shares the matrix
    assert st.cache_info()[:3] == (3, 1, 1)


def test_changed_content_misses_and_changes_the_answer(rng):
    x, w = rng.standard_normal(9), rng.standard_normal(3)
    first = st.conv(x, w, channels=False)
    w[1] += 1
    second = st.conv(x, w, channels=False)
    np.testing.assert_allclose(second - first, x[1:-1])
    assert st.cache_info().misses == 2


def test_dtypes_and_geometries_are_told_apart(rng):
    x, w = rng.standard_normal(9), np.array([0.0, 1.0, 0.0])
    st.conv(x, w, channels=False)
    assert st.conv(x.astype(np.float32), w.astype(np.float32), channels=False).dtype == np.float32
    st.conv(x, w, padding=1, channels=False)
    st.conv(x, np.zeros(3), channels=False)
    assert st.cache_info().hits == 0
    assert st.cache_info().operators == 4


def test_a_kernel_of_not_a_number_is_found_again():
    w = np.array([np.nan, 1.0])
    st.conv([1.0, 2.0, 3.0], w, channels=False)
    st.conv([1.0, 2.0, 3.0], w.copy(), channels=False)
    assert st.cache_info().hits == 1


def test_the_least_recently_used_leaves_first_and_bytes_stay_within_the_limit(rng):
    x = rng.standard_normal(1000)
    kernels = rng.standard_normal((5, 3))
    st.conv(x, kernels[0], channels=False, engine="csr")
    one = st.cache_info().nbytes
    st.conv(x, kernels[1], channels=False, engine="csr")
    limit = 2 * st.cache_info().nbytes - one + 10_000  # three operators, what they share once
    assert limit - one > 72_000  # the matrices count
    st.set_cache_limit(limit)
    for kernel in kernels[2:]:
        st.conv(x, kernels[0], channels=False, engine="csr")
        st.conv(x, kernel, channels=False, engine="csr")
        assert st.cache_info().nbytes <= limit
    assert st.cache_info().hits == 3
    st.conv(x, kernels[1], channels=False, engine="csr")
    assert st.cache_info().hits == 3  # long gone


def test_a_limit_of_zero_keeps_nothing(rng):
    st.set_cache_limit(0)
    x, w = rng.standard_normal(9), rng.standard_normal(3)
    np.testing.assert_array_equal(
        st.conv(x, w, channels=False), st.Conv(w, (9,), channels=False).apply(x)
    )
    assert st.cache_info()[2:5] == (0, 0, 0)


def test_clearing_never_takes_from_an_operator_in_use(rng):
    op = st.Conv(rng.standard_normal(3), (50,), channels=False, engine="csr")
    x = rng.standard_normal(50)
    wanted, data = op @ x, op.matrix.data
    st.cache_clear()
    assert op.matrix.data is data or np.shares_memory(op.matrix.data, data)
    np.testing.assert_array_equal(op @ x, wanted)


def test_index_arrays_live_as_long_as_an_operator_uses_them(rng):
    from sparse_tconv.assembly._csr import _skeletons

    a = st.Conv(rng.standard_normal(3), (123,), channels=False, engine="csr")
    b = st.Conv(rng.standard_normal(3), (123,), channels=False, engine="csr")
    assert np.shares_memory(a.matrix.indices, b.matrix.indices)
    key = (a.geometry, False)
    del a
    gc.collect()
    assert key in _skeletons
    del b
    gc.collect()
    assert key not in _skeletons


def test_threads_hammering_a_small_cache_get_right_answers_within_the_limit(settings_count):
    limit = 2**20
    st.set_cache_limit(limit)
    failures = []

    def hammer(seed):
        rng = np.random.default_rng(seed)
        settings = [random_setting(rng, dtypes=(np.int64,)) for _ in range(15)]
        for _ in range(settings_count(1000)):
            setting = settings[rng.integers(len(settings))]
            x = random_array(rng, setting.in_shape, np.int64)
            op = st.Conv(setting.weight, setting.in_shape, **setting.options)
            got = st.conv(x, setting.weight, **setting.options)
            if not np.array_equal(got.reshape(-1), op.to_matrix() @ x.reshape(-1)):
                failures.append(setting)
            if st.cache_info().nbytes > limit:
                failures.append("over the limit")

    workers = [threading.Thread(target=hammer, args=(seed,)) for seed in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures
    assert st.cache_info().hits > 0


def test_a_store_measures_what_grows():
    held = Store(100)
    sizes = {"a": 40, "b": 40}
    for name in sizes:
        held.add(name, name, lambda name=name: sizes[name])
    assert held.trim() == 80
    sizes["b"] = 70
    held.refresh("b")
    assert held.find("a") is None  # the older one made room
    assert held.find("b") == "b"
    sizes["b"] = 101
    assert held.trim() == 0


@pytest.mark.parametrize("value", [-1, 1.5, None, True])
def test_a_limit_must_be_a_number_of_bytes(value):
    with pytest.raises(st.GeometryError, match="`nbytes` must be an int, at least 0"):
        st.set_cache_limit(value)
    assert store.limit >= 0
