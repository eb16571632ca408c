"""What is derived from an operator: gram, kernel operator, index, info, a plain convolution, a bias."""

from __future__ import annotations

import numpy as np
import pytest
from factories import FLOATS, random_array, random_setting

import sparse_tconv as st
from sparse_tconv.testing import dot_test


def operators(rng, count, **choices):
    for _ in range(count):
        setting = random_setting(rng, **choices)
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        yield op
        yield op.T


def close(dtype):
    coarse = np.dtype(dtype) in (np.float32, np.complex64)
    return {"rtol": 1e-4, "atol": 1e-4} if coarse else {"rtol": 1e-11, "atol": 1e-11}


def test_gram_is_the_adjoint_times_the_operator(rng, settings_count):
    for op in operators(rng, settings_count(200), dtypes=FLOATS):
        C = op.matrix.toarray()
        for damp in (0.0, 0.5):
            gram = op.gram(damp)
            wanted = C.conj().T @ C + damp**2 * np.eye(C.shape[1])
            assert gram.matrix.dtype == op.dtype
            # Beside it the rounding of the sums, which are large under far signed boundaries.
            rounding = 16 * np.finfo(op.dtype).eps * np.abs(wanted).max()
            bound = close(op.dtype)
            matrix = gram.matrix.toarray()
            np.testing.assert_allclose(
                matrix, wanted, rtol=bound["rtol"], atol=bound["atol"] + rounding
            )
            x = random_array(rng, gram.in_shape, op.dtype)
            np.testing.assert_allclose(
                gram.apply(x).reshape(-1),
                wanted @ x.reshape(-1),
                rtol=bound["rtol"],
                atol=bound["atol"] + rounding * np.abs(x).max(),
            )
            assert gram.H is gram
            assert gram.apply(x).dtype == op.dtype


def test_gram_of_integers_is_exact_until_it_is_damped():
    gram = st.Conv([1, 2], (3,), channels=False).gram()
    assert gram.matrix.dtype == np.int64
    assert st.Conv([1, 2], (3,), channels=False).gram(0.5).matrix.dtype == np.float64
    with pytest.raises(
        st.GeometryError, match="`damp` must be a finite number, at least 0; got -1"
    ):
        st.Conv([1, 2], (3,), channels=False).gram(-1)
    for bad in (np.nan, 1j, "a", [1.0]):
        with pytest.raises(st.GeometryError, match="`damp` must be"):
            st.Conv([1, 2], (3,), channels=False).gram(bad)


def test_the_product_is_linear_in_the_kernel(rng, settings_count):
    for op in operators(rng, settings_count(300), dtypes=FLOATS):
        batch = tuple(rng.integers(1, 3, rng.integers(0, 3)))
        x = random_array(rng, (*batch, *op.in_shape), op.dtype)
        K = op.kernel_operator(x)
        w = random_array(rng, op.weight.shape, op.dtype)
        wanted = op.with_weight(w).apply(x)
        assert (K.in_shape, K.out_shape) == (w.shape, wanted.shape)
        np.testing.assert_allclose(K @ w.reshape(-1), wanted.reshape(-1), **close(op.dtype))
        dense = K.matrix.toarray()
        np.testing.assert_allclose(dense @ w.reshape(-1), wanted.reshape(-1), **close(op.dtype))
        y = random_array(rng, K.out_shape, op.dtype)
        np.testing.assert_allclose(
            K.H.apply(y).reshape(-1), dense.conj().T @ y.reshape(-1), **close(op.dtype)
        )
        np.testing.assert_allclose(
            K.T.apply(y).reshape(-1), dense.T @ y.reshape(-1), **close(op.dtype)
        )
        np.testing.assert_allclose(K.H.matrix.toarray(), dense.conj().T)


def test_kernel_operators_pass_the_adjoint_test(rng, settings_count):
    for op in operators(rng, settings_count(50), dtypes=FLOATS):
        x = random_array(rng, (2, *op.in_shape), op.dtype)
        report = dot_test(op.kernel_operator(x))
        assert report, report


def test_kernel_operators_without_channels(rng):
    op = st.Conv(rng.standard_normal((3, 2)), (6, 5), padding=1, flip=True, channels=False)
    x = rng.standard_normal((6, 5))
    K = op.kernel_operator(x)
    np.testing.assert_allclose(K.apply(op.weight), op.apply(x))
    np.testing.assert_allclose(K.matrix @ op.weight.reshape(-1), op.apply(x).reshape(-1))
    z = rng.standard_normal(op.out_shape)
    K = op.T.kernel_operator(z)
    np.testing.assert_allclose(K.matrix @ op.weight.reshape(-1), op.T.apply(z).reshape(-1))


def test_a_conjugate_is_not_linear_in_the_kernel(rng):
    op = st.Conv(random_array(rng, (3,), complex), (6,), channels=False)
    with pytest.raises(st.GeometryError, match=r"`op` must not be conjugated.*Use op\.T"):
        op.H.kernel_operator(np.ones(4))
    with pytest.raises(st.ShapeError, match="`x` must have shape"):
        op.kernel_operator(np.ones(4))


def test_the_fixed_samples_are_copied(rng):
    op, x = st.Conv(rng.standard_normal(3), (6,), channels=False), rng.standard_normal(6)
    K = op.kernel_operator(x)
    wanted = K.apply(op.weight)
    x[:] = 0
    np.testing.assert_array_equal(K.apply(op.weight), wanted)


def test_index_names_rows_and_columns(rng, settings_count):
    for op in operators(rng, settings_count(50), dtypes=(np.int64,)):
        row = tuple(int(rng.integers(n)) for n in op.out_shape)
        col = tuple(int(rng.integers(n)) for n in op.in_shape)
        unit = np.zeros(op.in_shape, int)
        unit[col] = 1
        assert op.matrix[op.index(*row), op.T.index(*col)] == op.apply(unit)[row]
    grid = op.index(*np.indices(op.out_shape))
    np.testing.assert_array_equal(grid.reshape(-1), np.arange(op.shape[0]))


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ((0, 0), r"must have 3 entries.*\(2, 4, 4\); got 2"),
        ((0, 0, 4), r"must lie in range\(4\) on axis 2; got 4"),
        ((-1, 0, 0), r"range\(2\) on axis 0; got -1"),
        ((0.0, 0, 0), r"must be ints; got float64 on axis 0"),
    ],
)
def test_wrong_indices(index, message):
    op = st.Conv(np.ones((2, 1, 3, 3)), (1, 6, 6))
    with pytest.raises(st.GeometryError, match=message):
        op.index(*index)


def test_transposed_convolutions_are_plain_ones_of_a_stretched_sample(rng, settings_count):
    done = 0
    while done < settings_count(500):
        setting = random_setting(rng, modes=("zeros",), pads=(-3, 6), dtypes=(np.int64,))
        limits = [max(s, d) for s, d in zip(setting.stride, setting.dilation, strict=True)]
        extra = tuple(int(rng.integers(limit)) for limit in limits)
        in_shape = (setting.weight.shape[0], *setting.size)
        try:
            op = st.ConvTranspose(setting.weight, in_shape, output_padding=extra, **setting.options)
        except st.GeometryError:
            continue  # the padding eats the whole output
        insertion, conv = op.as_convolution()
        assert set(conv.geometry.stride) == {1}
        y = random_array(rng, op.in_shape, np.int64)
        np.testing.assert_array_equal(conv.apply(insertion.apply(y)), op.apply(y))
        flat = (conv @ insertion) @ y.reshape(-1)
        np.testing.assert_array_equal(flat, op @ y.reshape(-1))
        done += 1


def test_as_convolution_of_bare_and_conjugated_operators(rng):
    op = st.ConvTranspose(rng.standard_normal((2, 3)), (4, 5), stride=(3, 2), channels=False)
    insertion, conv = op.as_convolution()
    y = rng.standard_normal((4, 5))
    np.testing.assert_allclose(conv.apply(insertion.apply(y)), op.apply(y))
    adjoint = st.Conv(random_array(rng, (2, 1, 3), complex), (1, 9), stride=2).H
    insertion, conv = adjoint.as_convolution()
    z = random_array(rng, adjoint.in_shape, complex)
    np.testing.assert_allclose(conv.apply(insertion.apply(z)), adjoint.apply(z))


def test_folding_boundaries_are_no_plain_convolution():
    op = st.ConvTranspose(np.ones(3), (5,), padding=1, padding_mode="circular", channels=False)
    with pytest.raises(
        st.GeometryError, match=r"`padding_mode` must be 'zeros'.*got \('circular',\)"
    ):
        op.as_convolution()


def test_affine_maps_add_the_bias(rng, settings_count):
    for op in operators(rng, settings_count(100), dtypes=FLOATS):
        bias = random_array(rng, op.out_shape[:1], op.dtype)
        layer = st.Affine(op, bias)
        x = random_array(rng, (2, *op.in_shape), op.dtype)
        wanted = op.apply(x) + bias.reshape(-1, *(1,) * (len(op.out_shape) - 1))
        np.testing.assert_array_equal(layer.apply(x), wanted)
        H = layer.homogeneous_matrix()
        got = H @ np.append(x[0].reshape(-1), 1)
        np.testing.assert_allclose(got, np.append(wanted[0].reshape(-1), 1), **close(op.dtype))
        assert (layer.in_shape, layer.out_shape) == (op.in_shape, op.out_shape)
        with pytest.raises(ValueError, match="read-only"):
            layer.bias[...] = 0


def test_affine_refuses_what_is_no_layer(rng):
    op = st.Conv(np.ones((2, 1, 3)), (1, 6))
    with pytest.raises(st.ShapeError, match=r"`bias` must have shape \(2,\) or \(2, 4\); got \(3,"):
        st.Affine(op, np.ones(3))
    with pytest.raises(
        st.DTypeError, match="`op` must be an operator of this library; got ndarray"
    ):
        st.Affine(np.ones(3), np.ones(3))
    with pytest.raises(st.DTypeError, match="`bias` must be real for real results"):
        st.Affine(op, 1j * np.ones(2)).apply(np.ones((1, 6)))


def test_any_operator_takes_a_bias_per_channel_or_per_entry(rng):
    op = st.Conv(rng.standard_normal((2, 1, 3)), (1, 6))
    half = st.Restriction(op.out_shape, (slice(None), slice(None, None, 2))) @ op
    x = rng.standard_normal((3, *half.in_shape))
    for bias in (rng.standard_normal(2), rng.standard_normal((2, 2))):
        layer = st.Affine(half, bias)
        wanted = half.apply(x) + (bias if bias.ndim == 2 else bias[:, None])
        np.testing.assert_allclose(layer.apply(x), wanted)
        homogeneous = layer.homogeneous_matrix() @ np.append(x[0].reshape(-1), 1)
        np.testing.assert_allclose(homogeneous[:-1], wanted[0].reshape(-1))
    plain = st.Conv(rng.standard_normal((2, 2)), (4, 4), channels=False)
    whole = rng.standard_normal((3, 3))
    np.testing.assert_allclose(
        st.Affine(plain, whole).apply(np.ones((4, 4))), plain.apply(np.ones((4, 4))) + whole
    )
    with pytest.raises(st.ShapeError, match=r"must have shape \(\) or \(3, 3\); got \(3,\)"):
        st.Affine(plain, np.ones(3))


def test_new_kernels_refill_the_values_and_share_the_indices(rng, settings_count):
    for op in operators(rng, settings_count(50)):
        assert op.matrix.nnz >= 0
        w = rng.standard_normal(op.weight.shape)
        new = op.with_weight(w)
        np.testing.assert_array_equal(new.matrix.indices, op.matrix.indices)
        assert np.shares_memory(new.matrix.indices, op.matrix.indices) or not op.matrix.nnz
        assert new.engine == op.engine


def test_info_tells_what_an_operator_costs(rng):
    op = st.Conv(rng.standard_normal((4, 3, 3, 3)), (3, 9, 9), engine="csr")
    info = op.info()
    assert (info.shape, info.nnz) == (op.shape, op.matrix.nnz)
    C = op.matrix
    assert info.matrix_nbytes == C.data.nbytes + C.indices.nbytes + C.indptr.nbytes
    assert op.info().held_nbytes >= info.matrix_nbytes + op.weight.nbytes
    assert info.flops == 2 * C.nnz
    assert "csr" in repr(info)
    assert "asked for" in repr(info)
    assert "csr" in dict(info.estimates)
    assert st.Conv([1, 2], (5,), channels=False).info().engine == "csr"
