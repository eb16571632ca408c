"""Locally connected layers against nested loops, against convolutions, and against JAX."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest
from factories import FLOATS, MODES, random_array, random_setting

import sparse_tconv as st
from sparse_tconv.pattern import Rows
from sparse_tconv.testing import assert_adjoint, oracles

ENGINES = ("csr", "direct")


def looped(setting, weight, x):
    """Tap by tap: its weights at all positions times what it reads there, by a loop's kernel of 1."""
    kernel, n = weight.shape[2 : 2 + len(setting.size)], len(setting.size)
    groups, inner = setting.groups, weight.shape[1]
    y = np.zeros((groups, len(weight) // groups, *setting.out_size), np.result_type(weight, x))
    for tap in np.ndindex(*kernel):
        pads = []
        for axis in range(n):
            step, out = setting.stride[axis], setting.out_size[axis]
            before = setting.padding[axis][0] - setting.dilation[axis] * tap[axis]
            pads.append((before, (out - 1) * step + 1 - setting.size[axis] - before))
        read = oracles.conv(
            x,
            np.ones((len(x), 1, *(1,) * n), x.dtype),
            stride=setting.stride,
            padding=tuple(pads),
            groups=len(x),
            padding_mode=setting.padding_mode,
        )
        own = tuple(k - 1 - t for k, t in zip(kernel, tap, strict=True)) if setting.flip else tap
        taken = weight[(slice(None), slice(None), *own)].reshape(groups, -1, inner, *read.shape[1:])
        y += (taken * read.reshape(groups, 1, inner, *read.shape[1:])).sum(2)
    return y.reshape(len(weight), *setting.out_size)


def random_local(rng, **options):
    setting = random_setting(rng, **options)
    shape = (*setting.weight.shape, *setting.out_size)
    return setting, random_array(rng, shape, setting.weight.dtype)


def close(got, wanted):
    kind = np.result_type(got, wanted)
    rtol = 1e-4 if kind in (np.float32, np.complex64) else 1e-11
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=rtol * 100)


def test_products_equal_nested_loops_in_random_settings(rng, settings_count):
    for _ in range(settings_count(1000)):
        setting, weight = random_local(rng, dtypes=(*FLOATS, np.int64))
        x = random_array(rng, setting.in_shape, setting.weight.dtype)
        engine = ENGINES[int(rng.integers(2))]
        op = st.LocalConv(weight, setting.in_shape, **setting.options, engine=engine)
        close(op.apply(x), looped(setting, weight, x))
        y = random_array(rng, op.out_shape, op.dtype)
        close(op.T.apply(y), (op.matrix.T @ y.ravel()).reshape(op.in_shape))
        close(op.H.apply(y), (op.matrix.conj().T @ y.ravel()).reshape(op.in_shape))


def test_matrices_have_the_pattern_of_the_convolution_and_its_entries_for_equal_kernels(
    rng, settings_count
):
    for _ in range(settings_count(1000)):
        setting = random_setting(rng)
        conv = st.Conv(setting.weight, setting.in_shape, **setting.options)
        tail = (1,) * len(setting.out_size)
        weight = np.broadcast_to(
            setting.weight.reshape(*setting.weight.shape, *tail),
            (*setting.weight.shape, *setting.out_size),
        )
        op = st.LocalConv(weight, setting.in_shape, **setting.options)
        for got, wanted in ((op.matrix, conv.matrix), (op.T.matrix, conv.T.matrix)):
            assert got.has_canonical_format
            assert got.indices.dtype == wanted.indices.dtype
            np.testing.assert_array_equal(got.indptr, wanted.indptr)
            np.testing.assert_array_equal(got.indices, wanted.indices)
            if set(setting.padding_mode) == {"zeros"}:
                np.testing.assert_array_equal(got.data, wanted.data)
            else:
                np.testing.assert_allclose(got.data, wanted.data, rtol=0, atol=1e-12)


@pytest.fixture
def one_thread():
    """Each thread has a work space of its own."""
    st.set_num_threads(1)
    yield
    st.set_num_threads(None)


@pytest.mark.parametrize(
    ("kernel", "size", "options"),
    [
        ((7, 7), (60, 64), {"padding": 3, "padding_mode": "symmetric"}),
        ((3, 4, 3), (18, 20, 24), {"stride": (1, 2, 1), "flip": True}),
        ((9,), (30_000,), {"padding": 4, "padding_mode": "antireflect"}),
        ((300,), (6000,), {"dilation": 2}),
        ((1023,), (1023,), {"padding": 511, "padding_mode": "circular"}),
    ],
)
def test_large_matrices_are_laid_in_piece_by_piece_with_little_beside_them(
    rng, kernel, size, options, one_thread
):
    like = st.Conv(np.zeros(kernel), size, channels=False, **options)
    weight = rng.standard_normal((*kernel, *like.out_shape))
    op = st.LocalConv(weight, size, channels=False, **options)
    x, y = rng.standard_normal(size), rng.standard_normal(op.out_shape)
    direct = st.LocalConv(weight, size, channels=False, engine="direct", **options)
    for relative, sample, known in ((op, x, direct.apply(x)), (op.T, y, direct.T.apply(y))):
        matrix = relative.to_matrix()
        np.testing.assert_allclose(matrix @ sample.ravel(), known.ravel(), rtol=1e-10, atol=1e-10)
        nbytes = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
        tracemalloc.start()
        relative.to_matrix(dtype=np.complex128)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= 1.1 * (nbytes + matrix.data.nbytes) + (1 << 22)


@pytest.mark.parametrize("mode", ["zeros", "circular", "symmetric"])
def test_threads_lay_in_the_same_values_and_kernels_of_another_dtype_follow_the_same_plan(
    rng, mode
):
    options = {"padding": 4, "padding_mode": mode}
    shape = (8, 4, 5, 5, 56, 56)
    weight = rng.standard_normal(shape)
    st.cache_clear()
    op = st.LocalConv(weight, (8, 52, 52), groups=2, **options)
    assert op.to_matrix().data.nbytes > 1 << 24  # beyond this threads share the writing
    matrices = []
    for threads in (1, 2):
        with st.threads(threads):
            matrices.append([relative.to_matrix() for relative in (op, op.T)])
    for alone, shared in zip(*matrices, strict=True):
        np.testing.assert_array_equal(alone.data, shared.data)
    x = rng.standard_normal(op.in_shape)
    direct = st.LocalConv(weight, (8, 52, 52), groups=2, engine="direct", **options)
    close((matrices[0][0] @ x.ravel()).reshape(op.out_shape), direct.apply(x))
    assert (matrices[0][1] != matrices[0][0].T).nnz == 0
    single = op.with_weight(weight.astype(np.complex64)).to_matrix()
    assert single.dtype == np.complex64
    close(single.data, matrices[0][0].data.astype(np.complex64))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.complex128, np.int64])
@pytest.mark.parametrize("most", [2, 8, 9, 40])
def test_sums_of_folded_taps_are_bit_by_bit_those_of_reduceat(rng, kind, most):
    counts = rng.integers(1, most + 1, 30)
    counts[0] = most
    fold = np.concatenate([[0], np.cumsum(counts)])
    rows = Rows(np.array([0, 30]), np.arange(30), fold, np.arange(fold[-1]))
    terms = random_array(rng, (3, int(fold[-1]), 5), np.dtype(kind))
    for axis, values in ((1, terms), (-2, terms), (-1, np.moveaxis(terms, 1, -1))):
        wanted = np.add.reduceat(values, fold[:-1], axis=axis)
        np.testing.assert_array_equal(rows.sum_terms(values, axis), wanted, strict=True)


def test_a_transpose_of_many_more_rows_than_entries_is_sorted(rng):
    op = st.LocalConv(rng.standard_normal((2, 3)), (40_000,), stride=19_990, channels=False)
    wanted = op.matrix.T.tocsr()
    got = op.T.matrix
    np.testing.assert_array_equal(got.indptr, wanted.indptr)
    np.testing.assert_array_equal(got.indices, wanted.indices)
    np.testing.assert_array_equal(got.data, wanted.data)


def test_index_arrays_are_those_of_the_convolution(rng):
    conv = st.Conv(np.ones((3, 3)), (9, 8), channels=False, engine="csr")
    op = st.LocalConv(rng.standard_normal((3, 3, 7, 6)), (9, 8), channels=False)
    for got, wanted in ((op.matrix, conv.matrix), (op.T.matrix, conv.T.matrix)):
        assert np.shares_memory(got.indices, wanted.indices)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("engine", ENGINES)
def test_operators_and_transposes_pass_the_dot_test(rng, mode, engine):
    weight = random_array(rng, (4, 3, 3, 2, 4, 5), np.complex128)
    op = st.LocalConv(
        weight, (6, 8, 9), stride=2, padding=1, groups=2, padding_mode=mode, engine=engine
    )
    for relative in (op, op.T, op.H, op.conj()):
        assert_adjoint(relative)
    assert op.T.T is op
    assert isinstance(op.T, st.LocalConvTranspose)


def test_the_transpose_has_a_class_of_its_own(rng, settings_count):
    for _ in range(settings_count(100)):
        setting, weight = random_local(rng)
        op = st.LocalConv(weight, setting.in_shape, **setting.options)
        other = st.LocalConvTranspose(
            weight, op.out_shape, output_size=setting.size, **setting.options
        )
        assert other.geometry == op.geometry
        np.testing.assert_array_equal(other.toarray(), op.toarray().T)
        y = random_array(rng, op.out_shape, np.float64)
        np.testing.assert_array_equal(other.apply(y), op.T.apply(y))


def test_batches_integers_and_mixed_dtypes_follow_numpy(rng):
    weight = rng.integers(-3, 4, (2, 3, 70, 60))
    for engine in ENGINES:
        op = st.LocalConv(weight, (71, 62), channels=False, engine=engine)
        x = rng.integers(-9, 9, (2, 3, 71, 62))
        y = op.apply(x)
        assert y.dtype == np.int64
        np.testing.assert_array_equal(y[1, 2].ravel(), op.matrix @ x[1, 2].ravel())
        assert op.apply(1j * x).dtype == np.complex128
        np.testing.assert_array_equal(op.apply(1j * x), 1j * y)
        assert op.apply(x[:0]).shape == (0, 3, 70, 60)


def test_the_product_is_linear_in_the_kernels(rng, settings_count):
    for _ in range(settings_count(200)):
        setting, weight = random_local(rng, dtypes=FLOATS[1::2], max_axes=2)
        op = st.LocalConv(weight, setting.in_shape, **setting.options)
        op = (op, op.T)[int(rng.integers(2))]
        x = random_array(rng, (2, *op.in_shape), op.dtype)
        kernels = op.kernel_operator(x)
        close(kernels.apply(weight), op.apply(x))
        close(kernels.matrix @ weight.ravel(), op.apply(x).ravel())
        assert_adjoint(kernels)
        other = random_array(rng, weight.shape, op.dtype)
        close(op.with_weight(other).apply(x), kernels.apply(other))


def test_operators_pickle_and_tell_what_they_are(rng):
    op = st.LocalConv(random_array(rng, (3, 6), np.complex64), (8,), channels=False)
    assert "LocalConv (8,) -> (6,)" in repr(op)
    again = pickle.loads(pickle.dumps(op.H))
    np.testing.assert_array_equal(again.toarray(), op.H.toarray())
    assert op.index(3) == 3
    assert (op.transposed, op.T.transposed, op.H.conjugated) == (False, True, True)
    assert (op.engine, op.requested_engine) == ("csr", "auto")
    assert op.flops == 8 * op.matrix.nnz


def test_analysis_takes_it_as_a_general_operator(rng):
    weight = random_array(rng, (3, 3, 6, 6), np.float64)
    op = st.LocalConv(weight, (6, 6), padding=1, padding_mode="circular", channels=False)
    values = np.linalg.svd(op.toarray(), compute_uv=False)
    assert st.analysis.spectral_norm(op).value == pytest.approx(values[0])
    bounds = st.analysis.norm_bounds(op)
    assert bounds.lower <= values[0] * (1 + 1e-9)
    assert bounds.upper >= values[0] * (1 - 1e-9)
    np.testing.assert_allclose(st.analysis.singular_values(op).value, values, atol=1e-10)
    for convolutions_only in (st.analysis.structure, st.analysis.overlap):
        with pytest.raises(st.DTypeError, match="`op` must be a Conv or ConvTranspose"):
            convolutions_only(op)


def test_errors_say_what_to_do(rng):
    weight = np.ones((3, 4))
    with pytest.raises(st.GeometryError, match="`weight` must have one kernel for each output"):
        st.LocalConv(weight, (5,), channels=False)
    with pytest.raises(st.GeometryError, match="`weight` must have 4 axes"):
        st.LocalConv(weight, (5, 5), channels=False)
    with pytest.raises(st.GeometryError, match="`engine` must be one of 'auto', 'csr', 'direct'"):
        st.LocalConv(weight, (6,), channels=False, engine="fft")
    op = st.LocalConv(weight, (6,), channels=False)
    with pytest.raises(st.ShapeError, match="`weight` must have shape"):
        op.with_weight(np.ones((3, 5)))
    with pytest.raises(st.GeometryError, match="`op` must not be conjugated"):
        st.LocalConv(1j * weight, (6,), channels=False).H.kernel_operator(np.ones(4))
    with pytest.raises(st.MatrixTooLargeError, match="`matrix` must need at most"):
        op.to_matrix(max_bytes=10)
    small = st.LocalConv(
        np.full((3, 3), 100, np.int8), (3,), padding=1, padding_mode="replicate", channels=False
    )
    with pytest.raises(st.DTypeError, match="sums of the taps that meet at the border"):
        small.to_matrix()
    doubled = np.full((2, 4), -100, np.int8)
    line = st.LocalConv(doubled, (3,), padding=1, padding_mode="smooth", channels=False)
    with pytest.raises(st.DTypeError, match="sums of the taps that meet at the border"):
        line.T.to_matrix()
    assert line.to_matrix(dtype=np.int64).min() < -128
    with pytest.raises(st.DTypeError, match="`weight` must have a sign"):
        st.LocalConv(
            doubled.astype(np.uint8), (3,), padding=1, padding_mode="smooth", channels=False
        )


def test_floats_hold_sums_that_the_integers_of_the_kernels_do_not():
    weight, options = np.full((3, 3), 100, np.int8), {"padding": 1, "padding_mode": "replicate"}
    small, wide = (
        st.LocalConv(kernels, (3,), channels=False, **options)
        for kernels in (weight, weight.astype(float))
    )
    for one, other in ((small, wide), (small.T, wide.T)):
        found = one.to_matrix(dtype=np.float32).toarray()
        np.testing.assert_array_equal(found, other.matrix.toarray())
        np.testing.assert_array_equal(one.apply(np.ones(3)), other.apply(np.ones(3)))


def test_jax_computes_the_same(rng):
    jax = pytest.importorskip("jax")
    weight = random_array(rng, (4, 3, 3, 2, 4, 4), np.float32)
    x = random_array(rng, (2, 3, 9, 8), np.float32)
    op = st.LocalConv(weight, x.shape[1:], stride=2, padding=((1, 0), (0, 1)))
    # There: (C_out, C_in * taps, *out_size), channels first.
    theirs = jax.lax.conv_general_dilated_local(
        x,
        weight.reshape(4, 18, 4, 4),
        (2, 2),
        ((1, 0), (0, 1)),
        (3, 2),
        dimension_numbers=("NCHW", "OIHW", "NCHW"),
    )
    np.testing.assert_allclose(op.apply(x), theirs, rtol=1e-4, atol=1e-4)


def test_weights_of_keras_layers_are_laid_out_as_the_page_says(rng):
    out, k, c_in, c_out = (3, 4), (2, 3), 2, 5
    each = rng.integers(-5, 6, (12, 12, c_out))
    x = rng.integers(-5, 6, (4, 6, c_in))  # channels last
    wanted = np.zeros((*out, c_out), int)
    for i, j in np.ndindex(*out):
        patch = x[i : i + 2, j : j + 3].reshape(-1)
        wanted[i, j] = patch @ each[i * out[1] + j]
    weight = each.reshape(*out, *k, c_in, c_out).transpose(5, 4, 2, 3, 0, 1)
    got = st.LocalConv(weight, (c_in, 4, 6)).apply(np.moveaxis(x, -1, 0))
    np.testing.assert_array_equal(np.moveaxis(got, 0, -1), wanted)
    signal = x[0]
    one = rng.integers(-5, 6, (4, 3 * c_in, c_out))
    wanted = np.stack([signal[i : i + 3].reshape(-1) @ one[i] for i in range(4)])
    weight = one.reshape(4, 3, c_in, c_out).transpose(3, 2, 1, 0)
    np.testing.assert_array_equal(st.LocalConv(weight, (c_in, 6)).apply(signal.T).T, wanted)


@pytest.mark.parametrize("name", ["LocalConv", "LocalConvTranspose"])
def test_a_matrix_that_does_not_fit_names_the_operator_that_it_is_of(name, monkeypatch):
    monkeypatch.setattr("sparse_tconv.assembly._limits.available_memory", lambda: 0)
    op = st.LocalConv(np.ones((9, 400_000), np.int8), (400_000,), padding=4, channels=False)
    with pytest.raises(st.MatrixTooLargeError, match=f"or use `{name}`, which applies it"):
        (op if name == "LocalConv" else op.T).matrix  # noqa: B018
