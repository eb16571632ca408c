"""Rows, columns, overlap, structure and equality of matrices."""

from __future__ import annotations

import numpy as np
import pytest
from factories import random_array
from spectra import KINDS, random_operator

import sparse_tconv as st
from sparse_tconv import analysis
from sparse_tconv.testing.oracles import extension_matrix

SUMS = ("antireflect", "antisymmetric", "smooth")


def random_indices(rng, count):
    """One of each kind of index."""
    return [
        int(rng.integers(-count, count)),
        rng.integers(-count, count, 6),
        slice(None),
        slice(None, None, -2),
        rng.random(count) < 0.3,
        [],
    ]


def assert_equal(got, wanted):
    """Entry by entry, stored entry by stored entry."""
    assert got.shape == wanted.shape
    assert got.has_canonical_format
    np.testing.assert_array_equal(got.indptr, wanted.indptr)
    np.testing.assert_array_equal(got.indices, wanted.indices)
    np.testing.assert_array_equal(got.data, wanted.data)


def test_rows_and_columns_are_those_of_the_matrix(settings_count, rng):
    for _ in range(settings_count(400)):
        op = random_operator(rng)
        matrix, transposed = op.matrix, op.T.matrix
        for index in random_indices(rng, op.shape[0]):
            wanted = matrix[[index] if isinstance(index, int) else index]
            assert_equal(analysis.rows(op, index), wanted)
        for index in random_indices(rng, op.shape[1]):
            wanted = transposed[[index] if isinstance(index, int) else index]
            assert_equal(analysis.columns(op, index).T, wanted)


def test_integer_rows_stay_integers(rng):
    op = st.Conv(random_array(rng, (2, 3, 3), np.int64), (3, 7), padding=1)
    assert analysis.rows(op, [3]).dtype == np.int64


def test_rows_of_a_matrix_that_would_not_fit(rng):
    """10^14 columns: what a row says must agree with a small image around it."""
    weight = rng.standard_normal((2, 3, 3, 3))
    large = st.Conv(weight, (3, 10**7, 10**7), padding=1, stride=2)
    row = analysis.rows(large, large.index(1, 4 * 10**6, 10**6))
    assert row.nnz == 27
    channel, place = np.divmod(row.indices, 10**14)
    first = np.divmod(place, 10**7)
    np.testing.assert_array_equal(np.unique(first[0]), 8 * 10**6 + np.arange(-1, 2))
    np.testing.assert_array_equal(np.unique(first[1]), 2 * 10**6 + np.arange(-1, 2))
    np.testing.assert_array_equal(row.data.reshape(3, 3, 3), weight[1])
    np.testing.assert_array_equal(channel.reshape(3, 9), np.repeat(np.arange(3), 9).reshape(3, 9))
    column = analysis.columns(large, large.T.index(2, 8 * 10**6 + 1, 5))
    assert column.nnz == 2 * 2 * 2


def test_an_index_that_is_none_is_refused():
    op = st.Conv([1.0, 2.0], (5,), channels=False)
    with pytest.raises(st.GeometryError, match="`index` must be between -4 and 3; got 4"):
        analysis.rows(op, [0, 4])
    with pytest.raises(st.GeometryError, match=r"The matrix has 5 columns"):
        analysis.columns(op, 5)
    for index in (1.5, [[1, 2]], np.array([True, False]), "a"):
        with pytest.raises(
            st.GeometryError, match="`index` must be an int, a slice, a range, ints"
        ):
            analysis.rows(op, index)


@pytest.mark.parametrize("answer", [analysis.rows, analysis.columns])
def test_rows_are_those_of_an_operator(answer):
    with pytest.raises(st.DTypeError, match="`op` must be a Conv or ConvTranspose; got ndarray"):
        answer(np.eye(3), 0)


def test_overlap_is_the_product_with_ones(settings_count, rng):
    for _ in range(settings_count(300)):
        op = random_operator(rng)
        if any(axis.mode in SUMS for axis in op.geometry.axes):
            continue  # their products with ones cancel: counted by loops below
        ones = op.with_weight(np.ones_like(op.weight, dtype=np.int64))
        found = analysis.overlap(op)
        g = op.geometry
        for counts, product in (
            (found.output, ones.apply(np.ones(op.in_shape, dtype=np.int64))[0]),
            (found.input, ones.T.apply(np.ones(op.out_shape, dtype=np.int64))[0]),
        ):
            assert ((product == 0) == (counts == 0)).all()
            channels = set((product[counts > 0] / counts[counts > 0]).tolist())
            assert len(channels) <= 1
            assert channels <= {g.x_channels // g.groups, g.y_channels // g.groups}


@pytest.mark.parametrize("mode", SUMS)
def test_overlap_counts_each_sample_of_a_sum(mode):
    op = st.Conv(np.ones(3), (5,), padding=4, stride=2, padding_mode=mode, channels=False)
    (axis,) = op.geometry.axes
    used = extension_matrix(mode, 5, axis.first, axis.last + 1) != 0
    windows = [used[2 * place : 2 * place + 3].sum(axis=0) for place in range(axis.n_out)]
    found = analysis.overlap(op)
    np.testing.assert_array_equal(found.output, [window.sum() for window in windows])
    np.testing.assert_array_equal(found.input, np.sum(windows, axis=0))


@pytest.mark.parametrize(
    ("k", "stride", "dilation", "even", "near"),
    [
        (3, 2, 1, False, (2, 4)),
        (4, 2, 1, True, (4,)),
        (2, 3, 1, False, (3,)),
        (6, 3, 2, True, (6,)),
        (5, 1, 1, True, (5,)),
        (4, 2, 2, False, ()),
    ],
)
def test_a_checkerboard_comes_from_a_stride_that_does_not_divide(k, stride, dilation, even, near):
    op = st.ConvTranspose(np.ones(k), (30,), stride=stride, dilation=dilation, channels=False)
    found = analysis.checkerboard(op)
    assert found.even is even
    assert found.even_kernel_sizes == (near,)
    assert found.counts.sum() == k
    interior = analysis.overlap(op).output[k * dilation : -k * dilation]
    assert (np.ptp(interior) == 0) == even
    assert set(found.counts) == set(interior)
    assert (found.ripple < 1e-15) == even


def test_ripple_is_of_this_kernel():
    box = analysis.checkerboard(st.ConvTranspose(np.ones((3, 3)), (8, 8), stride=2, channels=False))
    hat = np.outer([1.0, 2.0, 1.0], [1.0, 2.0, 1.0])
    smooth = analysis.checkerboard(st.ConvTranspose(hat, (8, 8), stride=2, channels=False))
    assert box.unevenness == smooth.unevenness == 3.0
    assert smooth.ripple == 0 < box.ripple < 1
    assert analysis.checkerboard(st.Conv(0 * hat, (9, 9), channels=False)).ripple == 0


@pytest.mark.parametrize(
    ("mode", "name"),
    [("zeros", "BTTB"), ("circular", "BCCB"), ("symmetric", "BTHTHB")],
)
def test_structures_have_their_names(mode, name, rng):
    kernel = rng.standard_normal((3, 3))
    op = st.Conv(kernel, (7, 6), padding=1, padding_mode=mode, channels=False)
    found = analysis.structure(op)
    assert found.name == name == analysis.structure(op.T).name
    assert not found.kronecker
    assert not found.symmetric
    assert found.definiteness is None
    outer = op.with_weight(np.outer(kernel[0], kernel[1]))
    assert analysis.structure(outer).kronecker


def test_structure_is_found_in_the_entries_not_in_the_arguments():
    lone = np.zeros((3, 3))
    lone[1, 1] = 2.0
    for mode in ("zeros", "circular", "symmetric", "reflect", "replicate"):
        op = st.Conv(lone, (5, 5), padding=1, padding_mode=mode, channels=False)
        found = analysis.structure(op)
        assert (found.name, found.definiteness) == ("BCCB", "positive definite")
    assert analysis.structure(st.Conv([1.0, 2, 3], (9,), channels=False)).name == "Toeplitz"
    strided = analysis.structure(st.Conv([1.0, 2, 3], (9,), stride=2, channels=False))
    assert strided.levels == ("Toeplitz, stride 2",)
    reflected = st.Conv([1.0, 2, 3], (9,), padding=1, padding_mode="reflect", channels=False)
    assert analysis.structure(reflected).name == "[general]"
    cube = st.Conv(np.ones((2, 2, 2)), (3, 3, 3), channels=False)
    assert analysis.structure(cube).name == "3-level Toeplitz"


def test_structure_counts_what_the_matrix_has(settings_count, rng):
    for kind in KINDS:
        for _ in range(settings_count(60)):
            op = random_operator(rng, kind)
            found, matrix = analysis.structure(op), op.matrix
            assert found.nnz == matrix.nnz
            assert found.density == matrix.nnz / np.prod(op.shape)
            entries = matrix.tocoo()
            below, above = entries.row - entries.col, entries.col - entries.row
            wanted = (int(below.max(initial=0)), int(above.max(initial=0)))
            assert found.bandwidth == wanted, op
            dense = matrix.toarray()
            if op.shape[0] == op.shape[1]:
                scale = 1e-14 * abs(dense).max(initial=0)
                assert found.symmetric == (abs(dense - dense.T).max(initial=0) <= scale)
                assert found.hermitian == (abs(dense - dense.conj().T).max(initial=0) <= scale)
            else:
                assert not found.symmetric


def test_definiteness_is_that_of_the_eigenvalues(settings_count, rng):
    words = set()
    for _ in range(settings_count(400)):
        mode = str(rng.choice(["zeros", "circular", "symmetric"]))
        k = int(rng.choice([1, 3]))
        square = rng.standard_normal((2, 2, k))
        weight = square + square[..., ::-1].swapaxes(0, 1)
        if mode == "symmetric":
            weight = weight + weight[..., ::-1]
        weight[[0, 1], [0, 1], k // 2] += rng.choice([-8, 0, 8])
        op = st.Conv(weight, (2, 5), padding=k // 2, padding_mode=mode)
        found = analysis.structure(op)
        if found.definiteness is None:
            continue
        values = np.linalg.eigvalsh(op.matrix.toarray())
        words.add(found.definiteness)
        assert found.definiteness.startswith("positive") == (values.min() > -1e-12)
        assert found.definiteness.startswith("negative") == (values.max() < 1e-12)
    assert words == {"positive definite", "negative definite", "indefinite"}
    difference = st.Conv([-1.0, 2, -1], (6,), padding=1, padding_mode="circular", channels=False)
    assert analysis.structure(difference).definiteness == "positive semidefinite"
    minus = difference.with_weight([1.0, -2, 1])
    assert analysis.structure(minus).definiteness == "negative semidefinite"
    assert analysis.structure(minus.with_weight([0.0, 0, 0])).definiteness == "zero"
    large = st.Conv(np.eye(3) + np.eye(3)[::-1], (500, 500), padding=1, channels=False)
    assert analysis.structure(large).definiteness == "unknown"


def test_equivalent_operators_have_one_matrix(rng):
    kernel = rng.standard_normal((3, 3))
    op = st.Conv(kernel, (6, 7), padding=1, channels=False)
    framed = st.Conv(np.pad(kernel, 1), (6, 7), padding=2, channels=False)
    found = analysis.equivalent(op, framed)
    assert (found.value, found.method, found.error) == (True, "rows", 0.0)
    assert analysis.equivalent(
        op, st.Conv(kernel[::-1, ::-1], (6, 7), padding=1, flip=True, channels=False)
    )
    other = op.with_weight(kernel + 1e-9)
    assert not analysis.equivalent(op, other)
    assert analysis.equivalent(op, other, tol=1e-8)
    assert analysis.equivalent(op, other).error == pytest.approx(1e-9, rel=1e-3)
    assert analysis.equivalent(op, op).method == "kernels"
    assert analysis.equivalent(op, st.Conv(kernel, (6, 7), channels=False)).method == "shapes"
    with pytest.raises(st.GeometryError, match="`tol` must be a number, at least 0"):
        analysis.equivalent(op, op, tol=-1)


def test_equivalence_is_equality_of_matrices(settings_count, rng):
    for _ in range(settings_count(300)):
        op = random_operator(rng)
        other = op.with_weight(op.weight.copy())
        assert analysis.equivalent(op, other)
        weight = op.weight.copy()
        weight.flat[rng.integers(weight.size)] += 1
        other = op.with_weight(weight)
        same = abs(op.matrix - other.matrix).max() == 0
        assert analysis.equivalent(op, other).value == same
