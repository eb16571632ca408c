"""A batch of no samples is a batch: right shape, right dtype, no error, wherever samples come in batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from factories import MODES

import sparse_tconv as st
from sparse_tconv.engines import engine_class, engine_names

DTYPES = (np.float32, np.complex128)


def operators(mode: str, dtype: Any, engine: str = "auto") -> list[Any]:
    """Small and large, with and without channels, both directions."""
    made = [
        st.Conv(np.ones((6, 2, 3, 2), dtype), (4, 9, 8), stride=2, padding=2, groups=2,
                padding_mode=mode, engine=engine),
        st.Conv(np.ones(5, dtype), (40,), padding=2, padding_mode=mode, channels=False, engine=engine),
        st.Conv(np.ones((32, 32, 3, 3), dtype), (32, 30, 30), padding=1, engine=engine),
    ]  # fmt: skip
    return made + [op.T for op in made] + [op.H for op in made]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_operators_take_it(mode: str, dtype: Any) -> None:
    for op in operators(mode, dtype):
        for lead in ((0,), (3, 0), (0, 2)):
            y = op.apply(np.zeros((*lead, *op.in_shape), np.float32))
            assert y.shape == (*lead, *op.out_shape)
            assert y.dtype == dtype
        columns = op @ np.zeros((op.shape[1], 0), np.float32)
        assert columns.shape == (op.shape[0], 0)
        assert columns.dtype == dtype
        assert (op.gram() @ np.zeros((op.shape[1], 0))).shape == (op.shape[1], 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernel_operators_take_it(dtype: Any) -> None:
    for op in operators("reflect", dtype):
        if op.conjugated:
            continue
        fixed = op.kernel_operator(np.ones((2, *op.in_shape), dtype))
        for turned, lead in ((fixed, (0,)), (fixed.T, (0, 3)), (fixed.H, (2, 0))):
            found = turned.apply(np.zeros((*lead, *turned.in_shape), dtype))
            assert found.shape == (*lead, *turned.out_shape)
            assert found.dtype == dtype
        none = op.kernel_operator(np.ones((0, *op.in_shape), dtype))
        assert none.apply(op.weight).shape == (0, *op.out_shape)
        gradient = none.H.apply(np.ones((0, *op.out_shape), dtype))
        np.testing.assert_array_equal(gradient, np.zeros_like(op.weight))
        assert none.matrix.shape == (0, op.weight.size)


@pytest.mark.parametrize("name", [name for name in engine_names() if name != "auto"])
@pytest.mark.parametrize("mode", MODES)
def test_every_engine_takes_it(name: str, mode: str) -> None:
    for op in operators(mode, np.float64):
        engine = engine_class(name)
        if engine.package is not None:
            pytest.importorskip(engine.package)
        if engine.refuses(op.geometry, op.dtype) is not None:
            continue
        made = engine(op.geometry, op.weight)
        assert made.forward(np.zeros((0, *made.x_shape))).shape == (0, *made.y_shape)
        assert made.transpose(np.zeros((0, *made.y_shape))).shape == (0, *made.x_shape)


def test_functions_take_it() -> None:
    y = st.conv2d(np.zeros((0, 3, 9, 9), np.float32), np.ones((4, 3, 3, 3)), np.ones(4))
    assert y.shape == (0, 4, 7, 7)
    assert y.dtype == np.float64


def test_autograd_takes_it() -> None:
    torch = pytest.importorskip("torch")
    from sparse_tconv.interop.torch import apply

    op = st.Conv(np.ones((4, 3, 3, 3)), (3, 9, 9), padding=1)
    x = torch.zeros((0, 3, 9, 9), dtype=torch.float64, requires_grad=True)
    weight = torch.ones((4, 3, 3, 3), dtype=torch.float64, requires_grad=True)
    y = apply(op, x, weight)
    assert y.shape == (0, 4, 9, 9)
    y.sum().backward()
    assert x.grad.shape == x.shape
    assert torch.equal(weight.grad, torch.zeros_like(weight))


def test_chunked_arrays_take_it() -> None:
    array = pytest.importorskip("dask.array")
    x = array.zeros((0, 20, 21), chunks=(1, 7, 8))
    weight = np.ones((3, 3))
    for mode in MODES:
        y = st.chunked.conv(x, weight, padding=1, padding_mode=mode, channels=False)
        assert y.compute().shape == (0, 20, 21)
        y = st.chunked.conv_transpose(x, weight, padding=1, padding_mode=mode, channels=False)
        assert y.compute().shape == (0, 20, 21)
