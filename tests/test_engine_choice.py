"""The choice of an engine: by estimate, by name, by the environment."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv.engines import engine_names


@pytest.mark.parametrize("name", [name for name in engine_names() if name != "auto"])
def test_an_engine_asked_for_by_name_computes_and_agrees_with_the_matrix(name, rng):
    weight = rng.standard_normal((4, 2, 3, 2))
    mode = "zeros" if name == "blocks" else "reflect"
    options = {"groups": 2, "stride": (2, 1), "padding": 1, "padding_mode": mode}
    try:
        op = st.Conv(weight, (4, 7, 6), engine=name, **options)
    except st.MissingExtraError:
        assert name in ("direct", "blocks")
        return
    assert op.engine == name
    assert op.T.engine == name
    x, y = rng.standard_normal(op.shape[1]), rng.standard_normal(op.shape[0])
    np.testing.assert_allclose(op @ x, op.matrix @ x, atol=1e-12)
    np.testing.assert_allclose(op.T @ y, op.matrix.T @ y, atol=1e-12)


def test_auto_avoids_the_matrix_on_many_channels_and_takes_it_for_integers():
    layer = st.Conv(np.ones((64, 64, 3, 3)), (64, 32, 32), padding=1)
    assert layer.engine in ("gemm", "blocks")
    assert st.Conv(np.ones((64, 64, 3, 3), int), (64, 32, 32), padding=1).engine == "csr"
    assert st.Conv(np.ones((1, 1, 65, 65)), (1, 512, 512), padding=32).engine == "fft"


def test_engines_refuse_by_name_with_their_reason():
    for name in ("gemm", "fft"):
        with pytest.raises(
            st.DTypeError, match=f"`engine` must be able .*got '{name}', but .*int64"
        ):
            st.Conv(np.ones(3, int), (9,), channels=False, engine=name)
        with pytest.raises(st.DTypeError, match="Pass engine='auto'"):
            st.Conv(np.ones(3, np.longdouble), (9,), channels=False, engine=name)


def test_the_environment_stands_in_for_auto(monkeypatch):
    monkeypatch.setenv("SPARSE_TCONV_ENGINE", "fft")
    assert st.Conv(np.ones(3), (9,), channels=False).engine == "fft"
    assert st.Conv(np.ones(3), (9,), channels=False, engine="csr").engine == "csr"
    assert st.Conv(np.ones(3, int), (9,), channels=False).engine == "csr"  # fft cannot
    monkeypatch.setenv("SPARSE_TCONV_ENGINE", "warp")
    with pytest.raises(
        st.GeometryError, match=r"`SPARSE_TCONV_ENGINE` must be one of 'auto', .*'warp'"
    ):
        st.Conv(np.ones(3), (9,), channels=False)


def test_no_optional_package_is_imported_to_decide():
    code = (
        "import sys, numpy as np, sparse_tconv as st;"
        "st.Conv(np.ones((1, 1, 9, 9)), (1, 64, 64)).apply(np.ones((1, 64, 64)));"
        "print('numba' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"


def test_sizes_that_no_memory_holds_are_planned_for_in_no_time():
    op = st.Conv(np.ones((1, 1, 3)), (1, 10**17), padding=1)
    assert op.engine == "csr"
    assert op.geometry.nnz == 3 * 10**17 - 2


def test_another_precision_may_choose_another_engine(rng):
    op = st.Conv(rng.integers(-9, 9, (64, 64, 3, 3)), (64, 16, 16), padding=1)
    x = rng.standard_normal(op.in_shape)
    wanted = op.with_weight(op.weight.astype(float)).apply(x)
    np.testing.assert_allclose(op.apply(x), wanted, rtol=1e-12)
    assert op.apply(x).dtype == np.float64


@pytest.mark.parametrize("value", [np.array(["auto", "csr"]), np.array([1, 2]), None, ["auto"]])
def test_an_engine_that_is_no_word_is_refused(value):
    for make, weight in ((st.Conv, np.ones((1, 1, 3))), (st.LocalConv, np.ones((1, 1, 3, 1)))):
        with pytest.raises(st.GeometryError, match="`engine` must be one of 'auto', 'csr'"):
            make(weight, (1, 3), engine=value)
