"""All boundaries, mixed: matrices, counts, products and parts of them against index loops."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from factories import MODES, random_array, random_setting

import sparse_tconv as st
from sparse_tconv.analysis import columns, norm_bounds, rows
from sparse_tconv.assembly import row_block
from sparse_tconv.testing.oracles import extension_matrix

SIGNED = MODES[5:]
COMPLEX = ("csr", "gemm", "fft", "unfold")
ENGINES = {"f": ("taps", *COMPLEX), "c": COMPLEX}


def readings(axis):
    """How much of each sample each tap of each window reads: (window, tap, sample)."""
    extension = extension_matrix(axis.mode, axis.n_in, axis.first, axis.last + 1)
    position = np.arange(axis.n_out)[:, None] * axis.stride + axis.dilation * np.arange(axis.k)
    return extension[position]


def by_loops(op):
    """The matrix of a Conv tap by tap, and how many of its entries some kernel makes nonzero."""
    g, weight = op.geometry, op.weight
    kernel = np.flip(weight, tuple(range(2, weight.ndim))) if g.flip else weight
    read = [readings(axis) for axis in g.axes]
    dense = np.zeros((*g.y_shape, *g.x_shape), dtype=weight.dtype)
    given, taken = g.y_channels // g.groups, g.x_channels // g.groups
    for tap in np.ndindex(*kernel.shape[2:]):
        block = np.ones((), dtype=weight.dtype)
        for one, t in zip(read, tap, strict=True):
            block = np.multiply.outer(block, one[:, t].astype(weight.dtype))
        order = (*range(0, block.ndim, 2), *range(1, block.ndim, 2))
        block = block.transpose(order)  # (windows, samples)
        for co in range(g.y_channels):
            for ci in range(taken):
                value = kernel[(co, ci, *tap)]
                place = (co, *(slice(None),) * len(read), co // given * taken + ci)
                dense[place] += value * block
    per_axis = (int((one != 0).any(axis=1).sum()) for one in read)
    return dense.reshape(op.shape), g.y_channels * taken * prod(per_axis)


def drawn(rng):
    """A setting of small whole numbers, so that every product is exact."""
    wide = (0, 25) if rng.integers(4) == 0 else (-2, 8)
    setting = random_setting(rng, pads=wide, dtypes=(np.float64, np.int64, np.complex128))
    dtype = setting.weight.dtype
    weight = random_array(rng, setting.weight.shape, np.int64).astype(dtype)
    if dtype.kind == "c":
        weight += 1j * random_array(rng, weight.shape, np.int64)
    return st.Conv(weight, setting.in_shape, **setting.options)


def whole(rng, shape, dtype):
    return random_array(rng, shape, np.int64).astype(dtype)


def test_all_modes_mixed_are_the_index_loops_entry_by_entry(rng, settings_count):
    for _ in range(settings_count(2000)):
        op = drawn(rng)
        dense, entries = by_loops(op)
        matrix, transposed = op.to_matrix(), op.T.to_matrix()
        assert op.geometry.nnz == matrix.nnz == transposed.nnz == entries
        assert matrix.has_canonical_format
        np.testing.assert_array_equal(matrix.toarray(), dense)
        np.testing.assert_array_equal(transposed.toarray(), dense.T)
        np.testing.assert_array_equal(op.H.to_matrix().toarray(), dense.conj().T)
        some = rng.integers(0, op.shape[0], 3)
        np.testing.assert_array_equal(rows(op, some).toarray(), dense[some])
        some = rng.integers(0, op.shape[1], 3)
        np.testing.assert_array_equal(columns(op, some).toarray(), dense[:, some])
        start = int(rng.integers(op.shape[0]))
        stop = int(rng.integers(start, op.shape[0])) + 1
        block = row_block(op.geometry, op.weight, start, stop)
        np.testing.assert_array_equal(block.toarray(), dense[start:stop])


def test_all_modes_mixed_multiply_in_every_engine(rng, settings_count):
    for _ in range(settings_count(2000)):
        op = drawn(rng)
        dense, _ = by_loops(op)
        x = whole(rng, (2, *op.in_shape), op.dtype)
        y = whole(rng, (2, *op.out_shape), op.dtype)
        forward = (x.reshape(2, -1) @ dense.T).reshape(2, *op.out_shape)
        back = (y.reshape(2, -1) @ dense).reshape(2, *op.in_shape)
        size = 1 + max(np.abs(dense).sum(axis=0).max(), np.abs(dense).sum(axis=1).max())
        for engine in ENGINES.get(op.dtype.kind, ("csr",)):
            other = _with_engine(op, engine)
            np.testing.assert_allclose(other.apply(x), forward, rtol=0, atol=1e-9 * size)
            np.testing.assert_allclose(other.T.apply(y), back, rtol=0, atol=1e-9 * size)
            adjoint = (y.reshape(2, -1) @ dense.conj()).reshape(2, *op.in_shape)
            np.testing.assert_allclose(other.H.apply(y), adjoint, rtol=0, atol=1e-9 * size)


def _with_engine(op, engine):
    g = op.geometry
    after = [axis.last + 1 - axis.n_in for axis in g.axes]
    return st.Conv(
        op.weight,
        op.in_shape,
        stride=g.stride,
        padding=tuple(zip(g.before, after, strict=True)),
        dilation=g.dilation,
        groups=g.groups,
        padding_mode=g.padding_mode,
        flip=g.flip,
        engine=engine,
    )


def test_a_ramp_through_a_symmetric_psf_stays_a_ramp_under_antireflect(rng):
    for n, reach in ((9, 2), (40, 7), (5, 4)):
        half = rng.random(reach)
        psf = np.concatenate([half, [1.0], half[::-1]])
        psf /= psf.sum()
        ramp = rng.standard_normal() + rng.standard_normal() * np.arange(n)
        op = st.Conv(psf, n, padding=reach, padding_mode="antireflect", channels=False)
        np.testing.assert_allclose(op.apply(ramp), ramp, rtol=0, atol=1e-13)
    plane = np.add.outer(2 * np.arange(8.0), -3 * np.arange(6.0))
    op = st.Conv(
        np.ones((3, 5)) / 15, (8, 6), padding="same", padding_mode="smooth", channels=False
    )
    np.testing.assert_allclose(op.apply(plane), plane, rtol=0, atol=1e-13)


@pytest.mark.parametrize("mode", SIGNED)
def test_the_upper_bound_holds_where_the_extension_makes_samples_larger(mode, rng):
    for _ in range(30):
        k, n = int(rng.integers(1, 8)), int(rng.integers(1, 30))
        before = int(rng.integers(0, 20))
        options = {"padding": ((before, k - 1),), "padding_mode": mode, "channels": False}
        op = st.Conv(rng.standard_normal(k), n, **options)
        true = np.linalg.norm(op.toarray(), 2)
        lower, upper = norm_bounds(op)
        assert lower <= true * (1 + 1e-10)
        assert true <= upper * (1 + 1e-10)


@pytest.mark.parametrize("mode", SIGNED)
def test_folded_multiples_of_integers_never_wrap(mode):
    options = {"padding": 9, "padding_mode": mode, "channels": False}
    signs = np.repeat([-1, 1, -1], 3)
    with pytest.raises(st.DTypeError, match=r"sums of the taps .* Pass dtype="):
        st.conv_matrix((100 * signs).astype(np.int8), (3,), **options)
    wide = st.conv_matrix((100 * signs).astype(np.int8), (3,), dtype=int, **options)
    exact = st.conv_matrix(100.0 * signs, (3,), **options)
    np.testing.assert_array_equal(wide.toarray(), exact.toarray())
    with pytest.raises(st.DTypeError, match=r"sums of the taps .* Pass dtype="):
        st.conv_matrix(2**62 * signs, (3,), **options)


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("antireflective", "It is 'antireflect' here"),
        ("odd", "two things: .*'antireflect' here, .*'antisymmetric'"),
        ("linear", "It is 'smooth' here"),
        ("line", "first and the last sample, and is no mode here; 'smooth'"),
    ],
)
def test_words_of_other_libraries_are_answered(word, answer):
    with pytest.raises(st.GeometryError, match=rf"`padding_mode` must be .*{word}.*{answer}"):
        st.Conv([1.0, 2.0], 4, padding=1, padding_mode=word, channels=False)


@pytest.mark.parametrize("mode", SIGNED)
def test_a_sum_far_outside_is_refused_or_exact(mode):
    far = 2**40
    options = {"padding": ((far, 3 - far),), "padding_mode": mode, "channels": False}
    op = st.Conv([1, 2], 5, **options)
    x = np.arange(5)
    if mode == "smooth":
        start = -far
        np.testing.assert_array_equal(op.apply(x)[:2], [3 * start + 2, 3 * start + 5])
    assert op.geometry.nnz == op.to_matrix().nnz
    with pytest.raises(st.SparseTconvError, match=r"`padding` must repeat|fit in the memory"):
        st.Conv([1.0, 2.0], 5, padding=far, padding_mode=mode, channels=False).apply(np.ones(5))
