"""Kernels much longer than their axis, and windows far beyond it: entries that are sums of many taps."""

from __future__ import annotations

import numpy as np
import pytest
from factories import MODES, random_array

import sparse_tconv as st
from sparse_tconv import pattern
from sparse_tconv.assembly import fresh_matrix
from sparse_tconv.geometry import Axis, ConvGeometry, _folding, folds_far
from sparse_tconv.testing.oracles import extension_matrix

FOLDS = MODES[1:]


@pytest.fixture
def folded(monkeypatch):
    """Small geometries are folded as large ones are."""
    monkeypatch.setattr(_folding, "_FEW", 8)


def geometry(*axes, channels=(1, 1)):
    return ConvGeometry(axes, *channels, groups=1, flip=False, channels=True)


def drawn(rng, axes=1):
    """A random geometry, one axis of which, or more, is folded."""
    while True:
        found = []
        for _ in range(axes):
            n_in, n_out, k, stride = (
                int(rng.integers(1, most)) for most in (8, 30 // axes, 50 // axes, 5)
            )
            dilation = int(rng.choice([1, 1, 2, 3, 6, 7, 20]))
            extent = (n_out - 1) * stride + dilation * (k - 1)
            before = int(rng.integers(-4, extent + 6))
            found.append(Axis(n_in, n_out, k, stride, dilation, before, str(rng.choice(FOLDS))))
        if folds_far(found):
            return geometry(*found, channels=tuple(rng.integers(1, 3, 2).tolist()))


def readings(axis):
    """How much of each sample each tap of each window reads: (window, sample, tap)."""
    extension = extension_matrix(axis.mode, axis.n_in, axis.first, axis.last + 1)
    position = np.arange(axis.n_out)[:, None] * axis.stride + axis.dilation * np.arange(axis.k)
    return extension[position].swapaxes(1, 2)


def summed(geometry, weight, change=lambda read: read):
    """The matrix with `weight` as the kernel, all readings listed."""
    read = [change(readings(axis)).astype(weight.dtype) for axis in geometry.axes]
    words = ("abc", "def")[: len(read)]
    rows, cols, taps = ("".join(part) for part in zip(*words, strict=True))
    rule = f"yx{taps},{','.join(words)}->y{rows}x{cols}"
    return np.einsum(rule, weight, *read).reshape(geometry.shape)


@pytest.mark.parametrize("axes", [1, 2])
def test_sums_of_sums_are_the_sums_of_all_taps(axes, folded, rng, settings_count):
    for _ in range(settings_count(800)):
        g, transposed, dropping = drawn(rng, axes), bool(rng.integers(2)), bool(rng.integers(2))
        weight = random_array(rng, g.weight_shape, np.int64)
        if dropping:
            weight[..., rng.random(g.kernel_size) < rng.choice([0.3, 0.9])] = 0
        matrix = fresh_matrix(g, weight, transposed, drop_zeros=dropping)
        wanted = summed(g, weight)
        np.testing.assert_array_equal(matrix.toarray(), wanted.T if transposed else wanted)
        kept = (weight != 0).any(axis=(0, 1)) if dropping else np.ones(g.kernel_size, bool)
        mask = np.broadcast_to(kept, g.weight_shape).astype(np.int64)
        assert matrix.nnz == np.count_nonzero(summed(g, mask, abs))
        fresh = type(matrix)((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape)
        assert fresh.has_canonical_format


def test_sums_of_sums_keep_the_bound_of_each_entry(folded, rng, settings_count):
    for _ in range(settings_count(800)):
        g = drawn(rng)
        sizes = 10.0 ** rng.uniform(-8, 8, g.weight_shape)
        weight = (rng.standard_normal(g.weight_shape) * sizes).astype(np.float32)
        got = fresh_matrix(g, weight, False).toarray()
        exact = weight.astype(np.longdouble)
        met = summed(g, np.ones(g.weight_shape), lambda read: read != 0)
        bound = 4 * np.finfo(np.float32).eps * (met + 2) * summed(g, abs(exact), abs)
        assert (abs(got - summed(g, exact)) <= bound).all()


@pytest.mark.parametrize("mode", FOLDS)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("n_in", "n_out", "k"), [(4, 9000, 140), (3, 1500, 1500), (5, 20, 9000)])
def test_what_is_listed_grows_with_entries_and_not_with_what_is_read(
    mode, transposed, n_in, n_out, k, monkeypatch
):
    listed = []

    def counted(row, col, tap, *rest):
        listed.append(tap.size)
        return canonical(row, col, tap, *rest)

    canonical = pattern._rows.canonical
    for room in (pattern._rows, pattern._patch, pattern._folded):
        monkeypatch.setattr(room, "canonical", counted)
    g = geometry(Axis(n_in, n_out, k, 1, 1, (n_out + k) // 2, mode))
    matrix = fresh_matrix(g, np.ones(g.weight_shape), transposed)
    assert matrix.nnz == g.nnz
    # Indices, row pointer and values each list an entry's terms: eight at most.
    assert sum(listed) <= 3 * 8 * g.nnz + k


@pytest.mark.parametrize("mode", FOLDS)
def test_sums_of_many_small_integers_are_refused_where_they_overflow(mode):
    weight = np.zeros(70_000, np.int8)
    weight[::1000] = 1
    options = {"padding": 34_999, "padding_mode": mode, "channels": False}
    wide = st.conv_matrix(weight.astype(np.int64), (4,), **options)
    largest = max(int(wide.data.max()), -int(wide.data.min()))
    if largest <= 127:
        narrow = st.conv_matrix(weight, (4,), **options)
        np.testing.assert_array_equal(narrow.toarray(), wide.toarray())
        weight *= 127 // largest + 1
    with pytest.raises(st.DTypeError, match="sums of the taps that meet at the border"):
        st.conv_matrix(weight, (4,), **options)


@pytest.mark.parametrize("mode", FOLDS)
def test_folds_beside_an_axis_of_which_no_window_reads_anything_are_no_entries(mode):
    matrix = st.conv_matrix(
        np.ones((1, 1, 1, 5000), np.int64),
        (1, 3, 4),
        padding=(4, 5000),
        stride=(100, 1),
        padding_mode=("zeros", mode),
    )
    assert matrix.shape[1] == 12
    assert matrix.nnz == 0
