"""Matrices: format, dtypes, options, memory, and the guard against those that would not fit."""

from __future__ import annotations

import tracemalloc
from functools import partial

import numpy as np
import pytest
import scipy.sparse
from factories import MODES, random_array, random_setting

import sparse_tconv as st
from sparse_tconv._memory import available_memory
from sparse_tconv.assembly._by_boxes import ByBoxes
from sparse_tconv.pattern import MatrixPattern, _matrix_pattern
from sparse_tconv.testing import oracles


def both(setting):
    """C, and C^T assembled on its own."""
    op = st.Conv(setting.weight, setting.in_shape, **setting.options)
    return op.to_matrix(), op.T.to_matrix()


def test_matrices_are_canonical_owned_and_as_large_as_predicted(rng, settings_count):
    for _ in range(settings_count(300)):
        setting = random_setting(rng)
        g = st.ConvGeometry.from_conv(setting.weight.shape, setting.in_shape, **setting.options)
        for matrix in both(setting):
            assert isinstance(matrix, scipy.sparse.csr_array)
            assert matrix.nnz == g.nnz == matrix.data.size == matrix.indices.size
            rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
            place = rows * matrix.shape[1] + matrix.indices
            assert (np.diff(place) > 0).all()  # sorted, no duplicates
            assert matrix.has_canonical_format
            for array in (matrix.data, matrix.indices, matrix.indptr):
                assert array.flags.writeable


def test_the_transpose_assembled_is_the_transpose_bit_for_bit(rng, settings_count):
    for _ in range(settings_count(300)):
        C, T = both(random_setting(rng, dtypes=(np.float32,)))
        wanted = C.T.tocsr()
        np.testing.assert_array_equal(T.indptr, wanted.indptr)
        np.testing.assert_array_equal(T.indices, wanted.indices)
        np.testing.assert_array_equal(T.data, wanted.data)


@pytest.mark.parametrize(
    "dtype",
    [
        *(np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64),
        *(np.float32, np.float64, np.longdouble, np.complex64, np.complex128, np.clongdouble),
    ],
)
def test_every_dtype_is_kept(dtype, rng):
    weight = random_array(rng, (2, 3, 2), dtype)
    C = st.conv_matrix(weight, (3, 5), padding=2, padding_mode="symmetric")
    assert C.dtype == dtype
    op = st.Conv(weight, (3, 5), padding=2, padding_mode="symmetric", engine="csr")
    x = random_array(rng, (3, 5), dtype)
    assert op.apply(x).dtype == dtype
    np.testing.assert_array_equal(op.apply(x).reshape(-1), C @ x.reshape(-1))


def test_integers_are_exact_and_wrap_as_numpys_do():
    big = 2**60 + 1
    C = st.conv_matrix(np.array([big, 3]), (3,), channels=False)
    np.testing.assert_array_equal(C @ np.array([1, 2, 1]), [big + 6, 2 * big + 3])


@pytest.mark.parametrize(
    "build",
    [
        lambda w, n, **o: st.conv_matrix(w, n, **o),
        lambda w, n, **o: st.conv_transpose_matrix(w, (3,), **o),
        lambda w, n, **o: st.Conv(w, n, **o).matrix,
        lambda w, n, **o: st.Conv(w, n, **o).T.matrix,
        lambda w, n, **o: st.Conv(w, n, **o).to_matrix(),
    ],
)
def test_taps_that_fold_into_one_entry_do_not_wrap(build):
    options = {"padding": 1, "padding_mode": "replicate", "channels": False}
    with pytest.raises(st.DTypeError, match=r"within -128 to 127; got int8, .*dtype=np\.int64"):
        build(np.array([100, 100], np.int8), (2,), **options)
    wide = st.conv_matrix(
        np.array([100, 100], np.int8),
        (2,),
        padding=1,
        padding_mode="replicate",
        channels=False,
        dtype=int,
    )
    np.testing.assert_array_equal(wide.toarray(), [[200, 0], [100, 100], [0, 200]])
    op = st.Conv(np.array([100, 100], np.int8), (2,), **options)
    np.testing.assert_array_equal(op.apply(np.ones(2, np.int8)), [-56, -56, -56])  # as NumPy's
    np.testing.assert_array_equal(op.to_matrix(dtype=int).toarray(), wide.toarray())


def test_folded_integers_are_refused_exactly_where_their_sums_overflow(rng, settings_count):
    refused = 0
    for _ in range(settings_count(1000)):
        dtype = np.dtype(str(rng.choice(["i1", "u1", "i2", "u4", "i8", "u8"])))
        modes = MODES[:5] if dtype.kind == "u" else MODES
        setting = random_setting(rng, max_axes=2, modes=modes)
        kernel, options = (1, 1, *setting.weight.shape[2:]), {**setting.options, "groups": 1}
        limits = np.iinfo(dtype)
        share = int(rng.integers(1, 5))
        low, high = int(limits.min) // share, int(limits.max) // share
        weight = rng.integers(low, high, kernel, dtype, endpoint=True)
        # The 0/1 matrix of each tap alone, times the taps as Python's integers.
        units = np.eye(weight.size, dtype=int).reshape(-1, *kernel)
        alone = [st.conv_matrix(unit, (1, *setting.size), **options).toarray() for unit in units]
        sums = sum(
            tap * m.astype(object) for tap, m in zip(weight.ravel().tolist(), alone, strict=True)
        )
        fits = limits.min <= sums.min() and sums.max() <= limits.max
        refused += not fits
        if fits:
            found = st.conv_matrix(weight, (1, *setting.size), **options)
            np.testing.assert_array_equal(found.toarray().astype(object), sums)
        else:
            with pytest.raises(st.DTypeError, match="sums of the taps that meet"):
                st.conv_matrix(weight, (1, *setting.size), **options)
    assert refused


def test_taps_that_no_window_reads_do_not_overflow():
    weight = np.array([[100, 100, 100], [9, 9, 9]], np.int8)  # the first row is above the picture
    options = {"padding": ((1, -1), (2, 2)), "padding_mode": ("zeros", "replicate")}
    C = st.conv_matrix(weight, (2, 4), **options, channels=False)
    assert C.max() == 27
    with pytest.raises(st.DTypeError, match="sums of the taps that meet"):
        st.conv_matrix(weight[::-1], (2, 4), **options, channels=False)


@pytest.mark.parametrize("mode", MODES[5:])
def test_unsigned_kernels_are_refused_where_borders_have_signs(mode):
    options = {"padding": 1, "padding_mode": mode, "channels": False}
    with pytest.raises(st.DTypeError, match=f"`weight` must have a sign .*'{mode}'.* got uint8"):
        st.conv_matrix(np.ones(3, np.uint8), (5,), **options)
    with pytest.raises(st.DTypeError, match="`weight` must have a sign"):
        st.Conv(np.ones(3, np.uint8), (5,), **options).apply(np.ones(5))


def test_byte_order_and_memory_order_of_the_kernel_do_not_matter(rng):
    weight = rng.standard_normal((2, 3, 3, 2))
    wanted = st.conv_matrix(weight, (3, 6, 5)).toarray()
    for other in (weight.astype(">f8"), np.asfortranarray(weight), weight[::-1][::-1]):
        got = st.conv_matrix(other, (3, 6, 5))
        assert got.dtype == np.float64
        assert got.dtype.isnative
        np.testing.assert_array_equal(got.toarray(), wanted)


def test_dtype_option_casts_the_kernel_first():
    C = st.conv_matrix([1, 2], (3,), channels=False, dtype=np.complex64)
    assert C.dtype == np.complex64


def test_index_dtype_is_int32_until_asked_otherwise(rng):
    setting = random_setting(rng)
    small = st.conv_matrix(setting.weight, setting.in_shape, **setting.options)
    large = st.conv_matrix(
        setting.weight, setting.in_shape, index_dtype=np.int64, **setting.options
    )
    assert small.indices.dtype == small.indptr.dtype == np.int32
    assert large.indices.dtype == large.indptr.dtype == np.int64
    np.testing.assert_array_equal(small.toarray(), large.toarray())


def test_indices_beyond_int32_are_int64():
    # Few entries, many columns: the windows read far apart.
    n = 2**31 + 7
    C = st.conv_matrix(np.array([1, 2], np.int8), (n,), dilation=n - 1, channels=False)
    assert C.shape == (1, n)
    assert C.indices.dtype == np.int64
    np.testing.assert_array_equal(C.indices, [0, n - 1])
    strided = st.conv_matrix(np.array([3], np.int8), (n,), stride=n - 1, channels=False)
    np.testing.assert_array_equal(strided.indices, [0, n - 1])


def test_dropped_taps_leave_the_pattern_and_nothing_else_does(rng, settings_count):
    for _ in range(settings_count(300)):
        setting = random_setting(rng)
        weight = setting.weight * (rng.random(setting.weight.shape[2:]) < 0.5)
        weight[rng.random(weight.shape) < 0.2] = 0  # zero in some channel pairs only: stays stored
        kept = (weight != 0).any(axis=(0, 1))
        for build in (st.conv_matrix, transpose_of_conv):
            full = build(weight, setting.in_shape, **setting.options)
            dropped = build(weight, setting.in_shape, drop_zeros=True, **setting.options)
            np.testing.assert_array_equal(dropped.toarray(), full.toarray())
            marks = kept * rng.uniform(1, 2, weight.shape)  # whose multiples do not cancel
            touched = build(marks, setting.in_shape, **setting.options)
            touched.eliminate_zeros()
            np.testing.assert_array_equal(dropped.indices, touched.indices)
            np.testing.assert_array_equal(dropped.indptr, touched.indptr)


def transpose_of_conv(weight, in_shape, drop_zeros=False, **options):
    return st.Conv(weight, in_shape, **options).T.to_matrix(drop_zeros=drop_zeros)


def test_dropping_all_taps_leaves_an_empty_matrix():
    C = st.conv_matrix(np.zeros((2, 2, 3)), (2, 5), drop_zeros=True)
    assert C.shape == (6, 10)
    assert C.nnz == 0
    np.testing.assert_array_equal(C @ np.ones(10), np.zeros(6))


def test_taps_that_cancel_where_they_fold_stay_stored():
    C = st.conv_matrix([1, -1], (2,), padding=1, padding_mode="replicate", channels=False)
    assert C.nnz == 4
    np.testing.assert_array_equal(C.toarray(), [[0, 0], [1, -1], [0, 0]])


def test_nan_taps_are_not_dropped():
    C = st.conv_matrix([np.nan, 0.0, 1.0], (3,), channels=False, drop_zeros=True)
    assert C.nnz == 2
    assert np.isnan(C.data[0])


def test_the_callers_kernel_is_neither_kept_nor_changed(rng):
    weight = rng.standard_normal((2, 2, 3))
    before = weight.copy()
    C = st.conv_matrix(weight, (2, 5), padding=1)
    C.data[:] = 0
    np.testing.assert_array_equal(weight, before)


@pytest.mark.parametrize(
    ("weight_shape", "in_shape", "options"),
    [
        ((1, 1, 9, 9), (1, 256, 256), {"padding": 4, "padding_mode": "symmetric"}),
        ((1, 1, 25), (1, 300_000), {"padding": 12}),
        ((16, 16, 3, 3), (16, 48, 48), {"padding": 1}),
        ((32, 1, 3, 3), (32, 64, 64), {"padding": 1, "groups": 32}),
        ((1, 1, 3, 3, 3), (1, 40, 40, 40), {"padding": 1}),
        ((1, 1, 31, 31), (1, 32, 32), {"padding": 15, "padding_mode": "circular"}),
        ((1, 1, 4, 4), (1, 512, 512), {"padding": 1, "stride": 2}),
    ],
)
def test_assembly_needs_hardly_more_memory_than_the_matrix(weight_shape, in_shape, options):
    weight = np.ones(weight_shape)
    op = st.Conv(weight, in_shape, **options)
    for build in (op.to_matrix, op.T.to_matrix):
        build()  # patterns are kept from one call to the next
        tracemalloc.start()
        matrix = build()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        size = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
        assert peak <= 1.1 * size


def test_a_matrix_above_max_bytes_is_refused_before_anything_is_allocated():
    tracemalloc.start()
    with pytest.raises(
        st.MatrixTooLargeError,
        match=r"`matrix` must need at most 1\.0 MiB; got 10,000 x 10,000 .*use `Conv`",
    ):
        st.conv_matrix(np.ones((3, 3)), (100, 100), padding=1, channels=False, max_bytes=2**20)
    assert tracemalloc.get_traced_memory()[1] < 2**18
    tracemalloc.stop()


def test_a_matrix_larger_than_memory_is_refused_with_its_size():
    with pytest.raises(MemoryError, match=r"fit in the memory .* entries, .* bytes .*applies it"):
        st.conv_matrix(np.ones((64, 64, 7, 7)), (64, 4096, 4096), padding=3)
    with pytest.raises(st.MatrixTooLargeError, match=r"use `ConvTranspose`"):
        st.conv_transpose_matrix(np.ones((64, 64, 7, 7)), (64, 4096, 4096), padding=3)


def test_max_bytes_counts_what_is_stored_after_dropping():
    weight = np.zeros((101, 101))
    weight[50, 50] = 1
    options = {"padding": 50, "channels": False, "max_bytes": 2**20}
    C = st.conv_matrix(weight, (128, 128), drop_zeros=True, **options)
    assert C.nnz == 128**2
    with pytest.raises(st.MatrixTooLargeError, match="entries"):
        st.conv_matrix(weight, (128, 128), **options)


def test_available_memory_is_a_positive_number_of_bytes():
    assert available_memory() > 2**20


def test_a_kernel_nearly_as_large_as_a_circular_image():
    weight = np.arange(63.0 * 63).reshape(63, 63)
    C = st.conv_matrix(weight, (64, 64), padding=31, padding_mode="circular", channels=False)
    column = np.zeros((64, 64))
    column[:63, :63] = weight
    # Row 0 reads tap t at position t - 31.
    row = np.roll(column, (-31, -31), axis=(0, 1)).reshape(-1)
    np.testing.assert_array_equal(C[[0]].toarray()[0], row)
    x = np.random.default_rng(0).standard_normal((64, 64))
    spectrum = np.fft.fft2(x) * np.fft.fft2(row.reshape(64, 64)).conj()
    np.testing.assert_allclose((C @ x.reshape(-1)).reshape(64, 64), np.fft.ifft2(spectrum).real)


def peak_over_size(build):
    """Peak memory of a first assembly over the bytes of the matrix, which must be what was counted."""
    st.cache_clear()
    tracemalloc.start()
    matrix = build()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    assert size > 4e6
    return peak / size


HARDLY_ANY = [
    (True, np.ones(1), (3,), {"stride": 2**20}),
    (True, np.ones(3), (9,), {"dilation": 2**20}),
    (True, np.ones(3), (300,), {"stride": 2**14, "padding": 5, "padding_mode": "reflect"}),
    (True, np.ones((1, 1)), (3, 1), {"stride": (2**20, 1)}),
    (True, np.ones((3, 2)), (9, 7), {"stride": 2**8}),
    (False, np.ones(3), (9,), {"padding": 2**21}),
    (False, np.ones(2), (9,), {"padding": 2**21, "dilation": 2**19}),
]


@pytest.mark.parametrize(("transposed", "weight", "shape", "options"), HARDLY_ANY)
@pytest.mark.parametrize("drop_zeros", [False, True])
def test_rows_without_entries_take_their_row_pointer_and_nothing_else(
    transposed, weight, shape, options, drop_zeros
):
    build = st.conv_transpose_matrix if transposed else st.conv_matrix
    weight = weight.copy()
    weight.flat[0] = 0 if drop_zeros and weight.size > 1 else 1
    options = {"channels": False, "drop_zeros": drop_zeros, **options}
    assert peak_over_size(lambda: build(weight, shape, **options)) < 1.1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("transposed", [False, True])
def test_scattered_entries_are_those_of_the_loops(mode, transposed, rng, monkeypatch):
    monkeypatch.setattr(_matrix_pattern, "_SCATTERED", -1)  # whatever the matrix
    for _ in range(30):
        axes = int(rng.integers(1, 3))
        groups = int(rng.integers(1, 3))
        kernel_size = rng.integers(1, 4, axes)
        weight = rng.integers(-9, 9, (2 * groups, int(rng.integers(1, 3)), *kernel_size))
        weight[..., 0] = rng.integers(0, 2)
        channels = weight.shape[0] if transposed else weight.shape[1] * groups
        shape = (channels, *rng.integers(3, 7, axes).tolist())
        options = {
            "stride": rng.integers(1, 4, axes).tolist(),
            "dilation": rng.integers(1, 3, axes).tolist(),
            "padding": rng.integers(1, 3, axes).tolist(),
            "padding_mode": mode,
            "groups": groups,
            "flip": bool(rng.integers(2)),
        }
        build = st.conv_transpose_matrix if transposed else st.conv_matrix
        oracle = oracles.transpose_matrix if transposed else oracles.matrix
        try:
            found = build(weight, shape, **options, drop_zeros=True)
        except st.GeometryError:
            continue
        arrays = found.data, found.indices, found.indptr
        assert scipy.sparse.csr_array(arrays, shape=found.shape).has_canonical_format
        np.testing.assert_array_equal(found.toarray(), oracle(weight, shape, **options))


def test_a_kernel_as_long_as_the_stride_is_spread_in_no_time_of_their_product():
    n = 2**14
    T = st.conv_transpose_matrix(np.arange(n), 3, stride=n, channels=False)
    np.testing.assert_array_equal(
        T @ np.array([1, 2, 3]), np.outer([1, 2, 3], np.arange(n)).ravel()
    )


ALL_BORDER = {
    "far pads": (np.ones(3), 9, 2**18, ["replicate", "smooth"]),
    "as wide as the axis": (np.ones(9), 2**15 + 1, 2**15, MODES[1::2]),
    "a long kernel": (np.ones(600), 1200, 300, MODES[2::2]),
}


@pytest.mark.parametrize(
    ("weight", "n", "padding", "mode"),
    [(*case, mode) for *case, modes in ALL_BORDER.values() for mode in modes],
)
def test_matrices_that_are_all_border_take_little_beside_themselves(weight, n, padding, mode):
    options = {"padding": padding, "padding_mode": mode, "channels": False}
    assert peak_over_size(lambda: st.conv_matrix(weight, n, **options)) <= 1.1


# Transposed or not; weight, size, options: each took from 1.3 to 28 times the matrix once.
FAR_AND_LONG = {
    "far pads, transposed": (True, 3, 2**19 + 7, {"padding": 2**18, "padding_mode": "replicate"}),
    "stride of the kernel": (True, 2**17, 3, {"stride": 2**17}),
    "and folded": (True, 2**17, 3, {"stride": 2**17, "padding": 5, "padding_mode": "reflect"}),
    "long at the border": (False, 2**17, 2**17, {"padding": 2, "padding_mode": "symmetric"}),
    "past the border": (False, 2**17, 2**17, {"padding": 3}),
    "spread windows": (True, 4, 40, {"stride": 2**15, "dilation": 3, "padding": 2}),
}


@pytest.mark.parametrize("name", FAR_AND_LONG)
def test_far_and_long_geometries_take_the_matrix_and_little_more(name):
    transposed, k, n, options = FAR_AND_LONG[name]
    build = st.conv_transpose_matrix if transposed else st.conv_matrix
    weight = np.ones(k)
    assert peak_over_size(lambda: build(weight, n, channels=False, **options)) <= 1.1


@pytest.mark.parametrize(
    ("channels", "n", "k", "mode"),
    [(320, 33, 33, "circular"), (100, 60, 60, "circular"), (80, 100, 51, "zeros")],
)
def test_many_channels_on_a_short_axis_take_the_matrix_and_little_more(channels, n, k, mode):
    weight = np.ones((channels, 1, k))
    options = {"padding": k // 2, "padding_mode": mode}
    assert peak_over_size(lambda: st.conv_matrix(weight, (1, n), **options)) <= 1.1


@pytest.mark.parametrize("options", [{}, {"stride": 2**17}, {"dilation": 2}, {"flip": True}])
def test_few_windows_of_a_long_kernel_take_the_matrix_and_little_more(options, rng):
    k = 2**17
    n = options.get("dilation", 1) * (k - 1) + 1 + 3 * options.get("stride", 1)
    weight = rng.integers(-9, 9, (2, 1, k))
    build = partial(st.conv_matrix, weight, (2, n), groups=2, **options)
    assert peak_over_size(build) <= 1.1
    matrix, x = build(), rng.integers(-9, 9, (2, n))
    rows = np.flip(weight, -1) if options.get("flip") else weight
    step, dilation = options.get("stride", 1), options.get("dilation", 1)
    wanted = [
        [x[c, o * step :][: dilation * k : dilation] @ rows[c, 0] for o in range(4)]
        for c in range(2)
    ]
    np.testing.assert_array_equal(matrix @ x.ravel(), np.ravel(wanted))
    arrays = matrix.data, matrix.indices, matrix.indptr
    assert scipy.sparse.csr_array(arrays, shape=matrix.shape).has_canonical_format


def test_a_matrix_of_which_no_tap_is_kept_takes_its_row_pointer_and_nothing_else():
    options = {"padding": 2**20, "padding_mode": "antireflect", "channels": False}
    assert peak_over_size(lambda: st.conv_matrix(np.zeros(3), 99, drop_zeros=True, **options)) < 1.1


def test_slabs_that_interleave_are_copied_in_pieces():
    # The slabs of its outer axes repeat in strides, between those of others.
    options = {"padding": (3, 40), "padding_mode": ("circular", "antisymmetric"), "groups": 5}
    build = partial(st.conv_matrix, np.ones((10, 1, 5, 9)), (5, 37, 32), stride=(2, 1), **options)
    assert peak_over_size(build) <= 1.1


@pytest.mark.parametrize("transposed", [False, True])
def test_two_samples_that_pads_repeat_often_are_listed_in_parts(transposed):
    options = {"padding": 800, "padding_mode": "antireflect", "channels": False}
    op = st.Conv(np.array([1, -2, 4, 3, 5]), 2, **options)
    made = ByBoxes(MatrixPattern(op.geometry, transposed))
    wanted = (op.T if transposed else op).to_matrix()
    np.testing.assert_array_equal(made.values(op.weight), wanted.data)
    np.testing.assert_array_equal(made.indices(np.int32), wanted.indices)
    np.testing.assert_array_equal(made.indptr(np.int32), wanted.indptr)
