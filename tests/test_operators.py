"""Conv and ConvTranspose: products, dtypes, transposes, copies, and that nothing can harm them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from factories import FLOATS, random_array, random_setting

import sparse_tconv as st


def operators(rng, count, **choices):
    for _ in range(count):
        setting = random_setting(rng, **choices)
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        yield op
        yield op.T


def test_apply_matvec_matmat_and_batches_agree(rng, settings_count):
    for op in operators(rng, settings_count(200), dtypes=FLOATS):
        x = random_array(rng, (2, 3, *op.in_shape), op.dtype)
        y = op.apply(x)
        assert y.shape == (2, 3, *op.out_shape)
        assert y.flags.c_contiguous
        assert y.flags.writeable
        flat = x.reshape(6, -1)
        tolerance = {
            "rtol": 1e-4 if op.dtype.itemsize in (4,) or op.dtype == np.complex64 else 1e-10
        }
        tolerance["atol"] = tolerance["rtol"]
        columns = op @ flat.T
        np.testing.assert_allclose(columns.T, y.reshape(6, -1), **tolerance)
        for vector, wanted in zip(flat, y.reshape(6, -1), strict=True):
            np.testing.assert_allclose(op @ vector, wanted, **tolerance)
            np.testing.assert_allclose(op.matvec(vector[:, None])[:, 0], wanted, **tolerance)
        np.testing.assert_allclose(op.apply(x[0, 0]), y[0, 0], **tolerance)


def test_products_equal_the_matrix(rng, settings_count):
    for op in operators(rng, settings_count(200), dtypes=(np.int64,)):
        x = random_array(rng, op.in_shape, np.int64).reshape(-1)
        np.testing.assert_array_equal(op @ x, op.matrix @ x)
        y = random_array(rng, op.out_shape, np.int64).reshape(-1)
        np.testing.assert_array_equal(op.rmatvec(y), op.matrix.T @ y)
        np.testing.assert_array_equal(op.T @ y, op.matrix.T @ y)
        np.testing.assert_array_equal(y @ op, op.matrix.T @ y)


@pytest.mark.parametrize("kernel", [np.int8, np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize(
    "sample", [np.uint8, np.int64, np.float32, np.float64, np.complex64, np.longdouble]
)
def test_results_have_numpys_result_type(kernel, sample, rng):
    weight = random_array(rng, (2, 2, 3), kernel)
    x = random_array(rng, (2, 6), sample)
    for op in (st.Conv(weight, (2, 6), padding=1), st.ConvTranspose(weight, (2, 6), padding=1)):
        y = op.apply(x)
        assert y.dtype == np.result_type(kernel, sample)
        wanted = op.matrix.toarray().astype(y.dtype) @ x.reshape(-1).astype(y.dtype)
        np.testing.assert_allclose(y.reshape(-1), wanted, rtol=1e-4, atol=1e-4)
        assert (op @ x.reshape(-1)).dtype == y.dtype


def test_t_never_conjugates_and_h_always_does(rng):
    weight = random_array(rng, (4, 2, 3), np.complex128)
    op = st.Conv(weight, (4, 7), stride=2, groups=2)
    C = op.matrix.toarray()
    for other, wanted in [
        (op.T, C.T),
        (op.H, C.conj().T),
        (op.H.T, C.conj()),
        (op.T.H, C.conj()),
        (op.H.H, C),
        (op.H.T.T, C.conj().T),
    ]:
        np.testing.assert_array_equal(other.matrix.toarray(), wanted)
        np.testing.assert_array_equal(other.to_matrix().toarray(), wanted)
        x = random_array(rng, other.in_shape, np.complex128)
        np.testing.assert_allclose(other.apply(x).reshape(-1), wanted @ x.reshape(-1), atol=1e-12)
        y = random_array(rng, other.out_shape, np.complex128).reshape(-1)
        np.testing.assert_allclose(other.rmatvec(y), wanted.conj().T @ y, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_transposing_twice_gives_the_operator_itself(dtype, rng):
    op = st.Conv(random_array(rng, (2, 1, 3, 3), dtype), (1, 6, 5), padding=1)
    assert op.T.T is op
    assert op.H.H is op
    transpose = op.T
    assert transpose.T.T is not None
    assert isinstance(transpose, st.ConvTranspose)
    assert isinstance(op.H, st.ConvTranspose)
    assert isinstance(op.H.T, st.Conv)
    assert transpose.T is op
    assert transpose.geometry is op.geometry
    assert transpose.weight is op.weight
    assert op.H.weight is op.weight
    assert (transpose.in_shape, transpose.out_shape) == (op.out_shape, op.in_shape)


def test_with_weight_keeps_class_direction_and_geometry(rng):
    weight = random_array(rng, (2, 1, 3, 3), np.complex128)
    other = random_array(rng, (2, 1, 3, 3), np.complex128)
    op = st.Conv(weight, (1, 6, 5), padding=1)
    for old, wanted in [
        (op, st.Conv(other, (1, 6, 5), padding=1)),
        (op.T, st.Conv(other, (1, 6, 5), padding=1).T),
        (op.H, st.Conv(other, (1, 6, 5), padding=1).H),
    ]:
        new = old.with_weight(other)
        assert type(new) is type(old)
        assert new.geometry is old.geometry
        np.testing.assert_array_equal(new.matrix.toarray(), wanted.matrix.toarray())
    assert op.matrix.indices.base is op.with_weight(other).matrix.indices.base


def test_nothing_done_to_the_matrix_or_the_kernel_reaches_the_operator(rng):
    weight = rng.standard_normal((2, 2, 3, 3))
    op = st.Conv(weight, (2, 8, 8), padding=1)
    x = rng.standard_normal(op.shape[1])
    y = rng.standard_normal(op.shape[0])
    wanted, back = op @ x, op.T @ y
    for get in (lambda: op.matrix, lambda: op.T.matrix):
        matrix = get()
        matrix.resize(3, 3)
        matrix = get()
        matrix.data = np.zeros_like(matrix.data)
        matrix = get()
        matrix.indices = matrix.indices[::-1].copy()
        matrix = get()
        with pytest.raises(ValueError, match="read-only"):
            matrix.data[:] = 0
        with pytest.raises(ValueError, match="read-only"):
            matrix *= 2
    weight[...] = 0
    with pytest.raises(ValueError, match="read-only"):
        op.weight[...] = 0
    np.testing.assert_array_equal(op @ x, wanted)
    np.testing.assert_array_equal(op.T @ y, back)
    owned = op.to_matrix()
    owned.data[:] = 0
    np.testing.assert_array_equal(op @ x, wanted)


def test_inputs_are_never_modified(rng):
    op = st.Conv(random_array(rng, (2, 1, 3), np.complex64), (1, 9), padding=1)
    x = random_array(rng, (4, 1, 9), np.complex128)
    before = x.copy()
    x.flags.writeable = False
    op.apply(x)
    op.H.T.apply(x)
    np.testing.assert_array_equal(x, before)


def test_products_take_any_memory_layout(rng):
    op = st.Conv(rng.standard_normal((2, 3, 3, 3)), (3, 6, 5))
    x = rng.standard_normal((6, 5, 3)).transpose(2, 0, 1)
    np.testing.assert_array_equal(op.apply(x), op.apply(np.ascontiguousarray(x)))
    swapped = np.ascontiguousarray(x).astype(">f8")
    np.testing.assert_array_equal(op.apply(swapped), op.apply(np.ascontiguousarray(x)))
    np.testing.assert_array_equal(op.apply(x.tolist()), op.apply(np.ascontiguousarray(x)))


def test_an_empty_batch_gives_an_empty_batch():
    op = st.Conv(np.ones((2, 1, 3)), (1, 5))
    assert op.apply(np.empty((0, 4, 1, 5))).shape == (0, 4, 2, 3)


def test_not_a_number_goes_exactly_where_the_matrix_sends_it():
    op = st.Conv(np.zeros((1, 1, 3)), (1, 9), padding=1)
    x = np.zeros((2, 1, 9))
    x[0, 0, 4] = np.nan
    y = op.apply(x)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(y[0, 0])), [3, 4, 5])
    assert not np.isnan(y[1]).any()


@pytest.mark.parametrize("make", [pickle.dumps, copy.deepcopy, copy.copy])
@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_pickles_and_copies_carry_the_kernel_and_not_the_matrix(make, dtype, rng):
    weight = random_array(rng, (4, 2, 3, 3), dtype)
    op = st.Conv(weight, (4, 20, 20), groups=2, padding=((1, 0), (2, 2)), padding_mode="reflect")
    assert op.matrix.nnz > 1000
    for old in (op, op.T, op.H, op.H.T):
        new = make(old)
        if isinstance(new, bytes):
            assert len(new) <= weight.nbytes + 4096
            new = pickle.loads(new)
        assert type(new) is type(old)
        assert new.geometry == old.geometry
        assert new.dtype == old.dtype
        np.testing.assert_array_equal(new.matrix.toarray(), old.matrix.toarray())
        assert not new.weight.flags.writeable


def test_repr_says_what_the_operator_is():
    op = st.Conv(np.ones((2, 1, 3, 3)), (1, 8, 8), stride=2, engine="csr")
    assert repr(op) == (
        "<Conv (1, 8, 8) -> (2, 3, 3), kernel_size=(3, 3), stride=(2, 2), "
        "dtype=float64, engine='csr'>"
    )
    assert repr(op.T).startswith("<ConvTranspose (2, 3, 3) -> (1, 8, 8)")


def test_operators_add_scale_and_multiply_as_scipys_do(rng):
    a = st.Conv(rng.standard_normal((2, 1, 3)), (1, 8), padding=1)
    b = st.Conv(rng.standard_normal((2, 1, 5)), (1, 8), padding=2)
    x = rng.standard_normal(8)
    np.testing.assert_allclose((a + 2 * b) @ x, a @ x + 2 * (b @ x))
    np.testing.assert_allclose((a.T @ b) @ x, a.T @ (b @ x))
    np.testing.assert_allclose((a - b).H @ (b @ x), a.T @ (b @ x) - b.T @ (b @ x))
