"""What a call remembers: arguments by value and type, weights by content, products by kind."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv.geometry import _seen

SHAPES = (1, 1, 3), (1, 9)


def test_equal_arguments_make_one_geometry(monkeypatch):
    first = st.ConvGeometry.from_conv(*SHAPES, stride=2, padding=((1, 2),))

    def fail(*args):
        pytest.fail("arguments were parsed again")

    monkeypatch.setattr("sparse_tconv.geometry._arguments.Arguments.check", fail)
    assert st.ConvGeometry.from_conv(*SHAPES, stride=2, padding=((1, 2),)) is first
    op = st.Conv(np.ones(SHAPES[0]), SHAPES[1], stride=2, padding=((1, 2),))
    assert op.geometry is first


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("stride", 1, True),
        ("stride", 1, 1.0),
        ("stride", (1,), (True,)),
        ("stride", (1,), (1.0,)),
        ("padding", ((1, 1),), ((True, 1),)),
        ("padding", ((1, 1),), ((1.0, 1),)),
        ("padding", 0, False),
        ("dilation", 2, 2.0),
        ("groups", 1, True),
        ("flip", False, 0),
        ("flip", True, 1),
        ("channels", True, 1),
    ],
)
def test_equal_values_of_a_wrong_type_are_refused_after_the_right_ones(name, good, bad):
    for make in (st.ConvGeometry.from_conv, st.ConvGeometry.from_conv_transpose):
        for _ in range(2):
            make(*SHAPES, **{name: good})
            with pytest.raises(st.GeometryError, match=f"`{name}` must"):
                make(*SHAPES, **{name: bad})
    weight = np.ones(SHAPES[0])
    st.conv(np.ones(SHAPES[1]), weight, **{name: good})
    with pytest.raises(st.GeometryError, match=f"`{name}` must"):
        st.conv(np.ones(SHAPES[1]), weight, **{name: bad})
    st.conv_matrix(weight, SHAPES[1], **{name: good})
    with pytest.raises(st.GeometryError, match=f"`{name}` must"):
        st.conv_matrix(weight, SHAPES[1], **{name: bad})


def test_wrong_shapes_are_refused_after_the_right_ones():
    st.ConvGeometry.from_conv((1, 1, 1), (1, 9))
    with pytest.raises(st.GeometryError, match="`in_shape` must"):
        st.ConvGeometry.from_conv((1, 1, 1), (True, 9))
    with pytest.raises(st.GeometryError, match="`weight_shape` must"):
        st.ConvGeometry.from_conv((1.0, 1, 1), (1, 9))


def test_arguments_that_change_are_read_each_time():
    stride = np.array([1])
    assert st.ConvGeometry.from_conv(*SHAPES, stride=stride).stride == (1,)
    stride[0] = 2
    assert st.ConvGeometry.from_conv(*SHAPES, stride=stride).stride == (2,)
    padding = [[1, 2]]
    before = st.ConvGeometry.from_conv(*SHAPES, padding=padding)
    padding[0][0] = 0
    assert st.ConvGeometry.from_conv(*SHAPES, padding=padding) != before


def test_convolutions_and_their_transposes_do_not_share_arguments():
    forward = st.ConvGeometry.from_conv((1, 1, 3), (1, 9), stride=2)
    backward = st.ConvGeometry.from_conv_transpose((1, 1, 3), (1, 9), stride=2)
    assert forward.y_shape == (1, 4)
    assert backward.x_shape == (1, 19)
    larger = st.ConvGeometry.from_conv_transpose((1, 1, 3), (1, 9), stride=2, output_padding=1)
    sized = st.ConvGeometry.from_conv_transpose((1, 1, 3), (1, 9), stride=2, output_size=20)
    assert larger.x_shape == sized.x_shape == (1, 20)


def test_arguments_are_forgotten_before_they_are_many(monkeypatch):
    monkeypatch.setattr(_seen, "_MOST", 3)
    monkeypatch.setattr(_seen, "_made", {})
    for n in range(5, 20):
        assert st.ConvGeometry.from_conv((3,), (n,), channels=False).y_shape == (n - 2,)
        assert len(_seen._made) <= 3


def test_geometries_of_other_processes_compare_and_hash_equal_here():
    code = (
        "import pickle, sys, sparse_tconv as st;"
        "g = st.ConvGeometry.from_conv((2, 3), (5, 6), padding=1, padding_mode='reflect', channels=False);"
        "hash(g); sys.stdout.buffer.write(pickle.dumps(g))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    theirs = pickle.loads(answer.stdout)
    ours = st.ConvGeometry.from_conv(
        (2, 3), (5, 6), padding=1, padding_mode="reflect", channels=False
    )
    assert theirs == ours
    assert hash(theirs) == hash(ours)
    assert theirs.nnz == ours.nnz
    assert {theirs: 1}[ours] == 1


@pytest.mark.parametrize("size", [3, 20_000])
def test_a_weight_changed_in_place_is_another_weight(size, rng):
    x, w = rng.standard_normal(size + 40), rng.standard_normal(size)
    st.cache_clear()
    first = st.conv(x, w, channels=False, engine="fft")
    np.testing.assert_array_equal(st.conv(x, w.copy(), channels=False, engine="fft"), first)
    w[-1] += 1
    second = st.conv(x, w, channels=False, engine="fft")
    np.testing.assert_allclose(second - first, x[size - 1 :], atol=1e-9)
    assert st.cache_info()[:2] == (1, 2)


def test_zeros_of_either_sign_are_told_apart(rng):
    x = np.array([np.inf, 1.0, 2.0])
    with np.errstate(invalid="ignore"):
        st.cache_clear()
        st.conv(np.ones(3), np.array([0.0, 1.0]), channels=False)
        st.conv(np.ones(3), np.array([-0.0, 1.0]), channels=False)
    assert st.cache_info().misses == 2
    assert x[0] == np.inf


def test_each_kind_of_sample_has_its_own_product(rng):
    op = st.Conv(rng.standard_normal((3, 2, 3)), (2, 9))
    x = rng.integers(-9, 9, op.in_shape)
    for dtype in (np.float32, np.float64, np.complex64, np.complex128, np.int8, np.longdouble):
        y = op.apply(x.astype(dtype))
        assert y.dtype == np.result_type(dtype, np.float64)
        np.testing.assert_allclose(y, (op.matrix @ x.reshape(-1)).reshape(op.out_shape), rtol=1e-12)
    weight = rng.standard_normal((3, 2, 3)) + 1j * rng.standard_normal((3, 2, 3))
    complex_op = op.with_weight(weight)
    u = rng.standard_normal(op.out_shape)
    for A, M in (
        (complex_op.H, complex_op.matrix.conj().T),
        (complex_op.T, complex_op.matrix.T),
        (complex_op.H, complex_op.matrix.conj().T),
    ):
        np.testing.assert_allclose(A.apply(u).reshape(-1), M @ u.reshape(-1), atol=1e-12)


def test_functions_take_any_batch_with_and_without_channels(rng):
    w = rng.standard_normal((4, 2, 3))
    for batch in ((), (1,), (3,), (2, 3), (0,), (2, 0)):
        x = rng.standard_normal((*batch, 2, 9))
        y = st.conv1d(x, w, rng.standard_normal(4))
        assert y.shape == (*batch, 4, 7)
        assert st.conv_transpose1d(y, w).shape == (*batch, 2, 9)
        bare = rng.standard_normal((*batch, 9))
        assert st.conv(bare, w[0, 0], channels=False).shape == (*batch, 7)
