"""Expressions of operators: against dense matrices, other libraries, and their own laws."""

from __future__ import annotations

import gc
import pickle
import weakref

import numpy as np
import pytest
import scipy.sparse as sparse
from expressions import DTYPES, random_expression, scipy_operator
from factories import random_array
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import sparse_tconv as st
from sparse_tconv.testing import dot_test


def assert_near(got, wanted, dtypes, scale):
    """Equal for integers; else near for the coarsest type that took part."""
    assert got.shape == wanted.shape
    assert got.dtype == wanted.dtype
    if got.dtype.kind in "iu":
        np.testing.assert_array_equal(got, wanted)
        return
    eps = max(np.finfo(d).eps for d in map(np.dtype, dtypes) if d.kind in "fc")
    assert np.abs(got - wanted).max(initial=0) <= 100 * eps * scale


def expressions(rng, count, dtypes=DTYPES):
    """Every second one of a single type."""
    for number in range(count):
        chosen = (dtypes[rng.integers(len(dtypes))],) if number % 2 else dtypes
        floats = [dtype for dtype in chosen if np.dtype(dtype).kind in "fc"] or [np.float64]
        yield *random_expression(rng, int(rng.integers(1, 5)), chosen), floats


def test_expressions_equal_dense_matrices(rng, settings_count):
    for op, dense, dtypes in expressions(rng, settings_count(2000)):
        kind = np.int64 if op.dtype.kind in "iu" else op.dtype
        assert op.shape == dense.shape == (np.prod(op.out_shape), np.prod(op.in_shape))
        assert op.dtype == dense.dtype, repr(op)
        x, y = random_array(rng, (3, *op.in_shape), kind), random_array(rng, op.out_shape, kind)
        images = (dense @ x.reshape(3, -1).T).T
        scale = float(np.abs(dense).sum()) + 1
        for got, wanted in (
            (op.apply(x), images.reshape(3, *op.out_shape)),
            (op.apply(x[0]), images[0].reshape(op.out_shape)),
            (op @ x[0].reshape(-1), images[0]),
            (op @ x.reshape(3, -1).T, images.T),
            (op.T @ y.reshape(-1), dense.T @ y.reshape(-1)),
            (op.H @ y.reshape(-1), dense.conj().T @ y.reshape(-1)),
            (op.conj() @ x[0].reshape(-1), dense.conj() @ x[0].reshape(-1)),
        ):
            assert_near(got, wanted, dtypes, 10 * scale)
        assert op.apply(x[:0]).shape == (0, *op.out_shape)
        assert op.T.T is op
        assert op.H.H is op
        matrix = op.matrix
        assert matrix.has_canonical_format
        assert_near(matrix.toarray(), dense, dtypes, scale)
        assert_near(op.toarray(), dense, dtypes, scale)
        assert_near(op.H.matrix.toarray(), dense.conj().T, dtypes, scale)
        assert_near(op.T.to_matrix().toarray(), dense.T, dtypes, scale)


def test_results_have_the_type_of_a_dense_product(rng, settings_count):
    for op, dense, _ in expressions(rng, settings_count(200)):
        for dtype in (np.int8, np.uint16, np.float32, np.complex64, np.longdouble):
            x = random_array(rng, op.in_shape, dtype)
            assert op.apply(x).dtype == np.result_type(dense.dtype, dtype)


def test_every_expression_passes_the_adjoint_test(rng, settings_count):
    floats = (np.float32, np.float64, np.complex64, np.complex128)
    for op, _, _ in expressions(rng, settings_count(2000), floats):
        report = dot_test(op, rng=rng)
        assert report, f"{report}\n{op!r}"


def test_expressions_are_pickled(rng, settings_count):
    for op, _, _ in expressions(rng, settings_count(200)):
        if "Foreign" in repr(op):
            continue  # functions of this module's closures
        copy = pickle.loads(pickle.dumps(op))
        x = random_array(rng, op.in_shape, np.float64)
        np.testing.assert_array_equal(copy.apply(x), op.apply(x))
        assert repr(copy) == repr(op)
        assert copy.T.T is copy


A = st.Conv(np.arange(1.0, 19).reshape(2, 1, 3, 3), (1, 6, 5), padding=1)
B = st.Conv(np.arange(1.0, 5).reshape(1, 2, 2, 1), (2, 6, 5), stride=2)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: A @ B,
            st.ShapeError,
            r"`A @ B` must have an A that takes what B gives; got A from \(1, 6, 5\) to \(2, 6, 5\), "
            r"B from \(2, 6, 5\) to \(1, 3, 3\)\. Crop with",
        ),
        (
            lambda: st.Identity((5, 6)) @ st.Identity((6, 5)),
            st.ShapeError,
            r"from \(5, 6\).*B from \(6, 5\).*Reshape one with st\.as_operator",
        ),
        (
            lambda: A + B,
            st.ShapeError,
            r"`A \+ B` must have operators of equal shapes; got A from \(1, 6, 5\) to \(2, 6, 5\), "
            r"B from \(2, 6, 5\) to \(1, 3, 3\)",
        ),
        (lambda: A - B, st.ShapeError, r"`A \+ B` must have operators of equal shapes"),
        (lambda: A @ sparse.eye_array(7), st.ShapeError, r"got A from \(1, 6, 5\).*B from \(7,\)"),
        (lambda: sparse.eye_array(7) @ A, st.ShapeError, r"got A from \(7,\).*B from \(1, 6, 5\)"),
        (lambda: A**2, st.ShapeError, r"`A \*\* n` must have an A that takes what it gives"),
        (lambda: st.Identity(3) ** 1.5, st.GeometryError, r"`exponent` must be an int.*got 1\.5"),
        (lambda: "2" * A, st.DTypeError, "`scalar` must be a number; got '2'"),
        (
            lambda: 300 * st.Identity(3, np.int8),
            st.DTypeError,
            "`scalar` must fit into the operator's dtype int8; got 300",
        ),
        (
            lambda: np.float16(2) * st.Identity(3, np.int8),
            st.DTypeError,
            "`scalar` must give products of an integer dtype",
        ),
        (lambda: st.vstack([A, B]), st.ShapeError, r"`ops` must take samples of equal shapes; got"),
        (lambda: st.hstack([A, B]), st.ShapeError, r"`ops` must give samples of equal shapes; got"),
        (lambda: st.vstack([]), st.GeometryError, "`ops` must have at least one operator"),
        (lambda: st.vstack(A), st.DTypeError, "`ops` must be a sequence of operators; got Conv"),
        (lambda: st.block_diag([A, 3]), st.DTypeError, "`A` must be an operator, a sparse matrix"),
        (lambda: st.as_operator(np.ones(3)), st.ShapeError, r"`A` must be a matrix with rows"),
        (lambda: st.as_operator(np.ones((2, 2), bool)), st.DTypeError, "`A` must have an integer"),
        (
            lambda: st.as_operator(A, (30,), (2, 31)),
            st.ShapeError,
            r"`out_shape` must have 60 entries, one per row of an operator of shape \(60, 30\)",
        ),
        (
            lambda: st.Identity((2, 3), spatial_ndim=3),
            st.GeometryError,
            r"`spatial_ndim` must be at most 2, the axes of \(2, 3\); got 3",
        ),
        (
            lambda: st.Diagonal([]),
            st.GeometryError,
            r"`values` must have entries; got shape \(0,\)",
        ),
        (
            lambda: st.Restriction((2, 3), np.zeros((2, 3), bool)),
            st.GeometryError,
            r"`where` must take at least one entry of \(2, 3\); got none",
        ),
        (
            lambda: st.Restriction((3,), (slice(1), slice(1))),
            st.GeometryError,
            r"`where` must have at most one slice per axis of \(3,\); got 2",
        ),
        (
            lambda: st.Restriction((3,), [True, False]),
            st.ShapeError,
            r"`where` must have the shape of one sample, \(3,\); got \(2,\)",
        ),
        (lambda: st.Restriction((3,), [[1], 2]), st.DTypeError, "`where` must be a Boolean array"),
        (lambda: A.gram(-1), st.GeometryError, "`damp` must be a finite number"),
        (lambda: A.toarray(max_bytes=100), st.MatrixTooLargeError, "60 x 30 with 1,800 entries"),
        (lambda: (B @ A).apply(np.ones((1, 6, 6))), st.ShapeError, r"\(\.\.\., 1, 6, 5\); got"),
        (lambda: (B @ A) @ np.ones(31), st.ShapeError, r"\(30,\) or \(30, k\); got \(31,\)"),
    ],
)
def test_errors_name_the_shapes_and_the_way_out(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_operator_without_an_adjoint_says_what_to_write():
    class Half(st.Operator):
        def __init__(self):
            super().__init__((4,), (2,))

        def _multiply(self, x):
            return x[:, ::2] + 0.0

    half = Half()
    np.testing.assert_array_equal(half.matrix.toarray(), [[1, 0, 0, 0], [0, 0, 1, 0]])
    with pytest.raises(st.DTypeError, match=r"must have a method `_multiply_adjoint`.*got a Half"):
        half.T.apply([1.0, 2.0])
    np.testing.assert_array_equal(half.T.matrix.toarray(), half.toarray().T)


def test_an_operator_that_is_its_own_adjoint_needs_one_product():
    class Mean(st.Operator):
        _hermitian = True

        def _multiply(self, x):
            return x - x.mean(axis=-1, keepdims=True)

    real, between = Mean((4,), (4,)), Mean((4,), (4,), complex)
    assert real.T is real
    assert between.H is between
    assert dot_test(between @ st.Diagonal([1, 2j, 3, 4]))
    np.testing.assert_allclose(between.T.toarray(), np.eye(4) - 0.25, atol=1e-15)


def test_what_is_exact_and_free_is_simplified():
    assert A @ st.Identity(A.in_shape) is A
    assert st.Identity(A.out_shape) @ A is A
    assert (A @ st.Identity(A.in_shape, complex)).dtype == complex
    assert repr(2 * (3 * A)).count("Scaled") == 1
    assert 2 * (0.5 * A) is A
    negative = -A
    assert -negative is A
    assert 1 * A is A
    assert len(sum([A, A, A]).parts) == 3
    assert (1e-200 * (1e-200 * A)).scalar != 0, "multiples whose product vanishes stay apart"
    assert len(((B @ A) @ st.Diagonal(np.ones(A.in_shape))).factors) == 3
    assert len((A + (A - A)).parts) == 3
    square = st.Diagonal([2, 3])
    np.testing.assert_array_equal((square**3).toarray(), np.diag([8, 27]))
    assert isinstance(square**0, st.Identity)
    assert square**1 is square
    np.testing.assert_allclose((A / 4).toarray(), A.toarray() / 4)
    assert (A.T @ A).T.T.shape == (30, 30)


def test_numbers_are_weak_as_in_numpy():
    op = st.Identity(2, np.float32)
    assert (2 * op).dtype == (op * 2.5).dtype == (True * op).dtype == np.float32
    assert (np.float64(2) * op).dtype == (np.array(2.0) * op).dtype == np.float64
    assert (2j * op).dtype == np.complex64
    assert (2.5 * st.Identity(2, int)).dtype == np.float64
    wraps = -st.Identity(2, np.uint8)
    np.testing.assert_array_equal(wraps.apply(np.array([1, 2], np.uint8)), [255, 254])
    np.testing.assert_array_equal((wraps / 1).toarray(), np.diag([-1, -1]))
    conjugated = (2j * op).H
    np.testing.assert_array_equal(conjugated.toarray(), np.diag([-2j, -2j]))


def test_integers_wider_than_their_parts_do_not_wrap():
    product = st.Diagonal(np.array([200], np.uint8)) @ st.Diagonal(np.array([100], np.int16))
    assert product.dtype == np.int16
    assert product.apply(np.array([1], np.int8)) == np.int16(20000)
    wide = st.Diagonal(np.array([1], np.int64)) @ st.Diagonal(np.array([200], np.uint8))
    assert wide.apply(np.array([3], np.uint8))[0] == wide.matrix[0, 0] * 3 == 600


@pytest.mark.parametrize("word", [np.uint8, np.uint16, np.uint32, np.uint64])
def test_the_negative_of_an_unsigned_operator_subtracts(word):
    one = st.Diagonal(np.array([1, 3], word))
    five = st.Diagonal(np.array([5.0, 5.0]))
    for op, values in ((five - one, [4, 2]), (-one / 2, [-0.5, -1.5]), (2.0 * -one, [-2, -6])):
        assert op.dtype == np.float64
        np.testing.assert_array_equal(op.toarray(), np.diag(values))
        np.testing.assert_array_equal(op.apply(np.array([1, 1], word)), values)
    np.testing.assert_array_equal((one - one).apply([1.5, 2.5]), [0, 0])
    np.testing.assert_array_equal((-one).apply([0.5, 1.0]), [-0.5, -3])
    np.testing.assert_array_equal((-one).matrix.diagonal(), -np.array([1, 3], word))
    np.testing.assert_array_equal((2 * -one).apply([0.5, 1.0]), [-1, -6])
    negative = -one
    assert -negative is one


def _expressions_of_narrow_parts():
    narrow = st.Conv(np.array([100, 100], np.int8), (4,), channels=False)
    folds = st.Conv(
        np.full(4, 100, np.int8), (1,), padding=((2, 2),), padding_mode="replicate", channels=False
    )
    crop = st.Restriction((4,), (slice(3),))
    long = st.Diagonal(np.ones(4, np.int64))
    return {
        "sum of a multiple": 2 * narrow + st.Diagonal(np.ones(3, np.int64)) @ crop,
        "Gram": narrow.gram() @ long,
        "product": narrow.T @ narrow + long,
        "stack": st.vstack([narrow + narrow, crop]) @ long,
        "reshaped": st.as_operator(narrow + narrow, (2, 2), (3, 1))
        @ st.as_operator(long, (2, 2), (2, 2)),
        "folded taps": st.Diagonal(np.ones(2)) @ folds,
        "float32": st.Diagonal([1e-9, 1e-9, 1e-9]) @ (narrow * np.float32(0.1) * np.float32(1 / 3)),
    }


@pytest.mark.parametrize("name", _expressions_of_narrow_parts())
def test_a_matrix_is_added_up_in_the_type_of_the_whole_expression(name):
    op = _expressions_of_narrow_parts()[name]
    units = np.eye(op.shape[1], dtype=op.dtype).reshape(-1, *op.in_shape)
    columns = op.apply(units).reshape(op.shape[1], -1).T
    np.testing.assert_allclose(op.toarray(), columns, rtol=1e-15)
    np.testing.assert_allclose(op.T.matrix.toarray(), columns.T, rtol=1e-15)


def test_a_dtype_asked_for_is_that_of_the_sums_in_a_matrix():
    narrow = st.Conv(np.array([100, 100], np.int8), (4,), channels=False)
    dense = narrow.toarray().astype(int)
    np.testing.assert_array_equal((narrow + narrow).to_matrix(dtype=int).toarray(), 2 * dense)
    np.testing.assert_array_equal(narrow.gram().to_matrix(dtype=float).toarray(), dense.T @ dense)
    assert abs(st.analysis.norm(narrow + narrow, 1).value - 400) < 1e-9


def test_a_sparse_matrix_wraps_on_either_side_and_foreign_operators_at_the_right(rng):
    left = sparse.random_array((4, 60), density=0.5, rng=rng)
    right = sparse.random_array((30, 3), density=0.5, rng=rng)
    like = sparse.random_array(A.shape, density=0.1, rng=rng)
    dense = A.toarray()
    scipys = aslinearoperator(right)
    for found, wanted in (
        (left @ A, left @ dense),
        (A @ right, dense @ right),
        (A @ sparse.csc_matrix(right), dense @ right),
        (A @ scipys, dense @ right.toarray()),
        (A @ scipy_operator(right.toarray()), dense @ right.toarray()),
        (A + like, dense + like.toarray()),
        (like + A, dense + like.toarray()),
        (like - A, like.toarray() - dense),
        (A - like, dense - like.toarray()),
        (A - aslinearoperator(like), dense - like.toarray()),
        (A * right, dense @ right),
        (A * A.T, dense @ dense.T),
    ):
        assert isinstance(found, st.Operator)
        np.testing.assert_allclose(found.toarray(), wanted)
        np.testing.assert_allclose(found.matrix.toarray(), wanted)
        assert dot_test(found)
    assert (A @ right).out_shape == A.out_shape
    assert (A @ scipys).flops is not None, "SciPy's operator of a matrix is that matrix"
    assert (A @ scipy_operator(right.toarray())).flops is None
    assert (A @ right @ right.T).in_shape == (30,)
    theirs = aslinearoperator(left) @ A
    assert isinstance(theirs, LinearOperator)
    assert not isinstance(theirs, st.Operator)
    ours = st.as_operator(aslinearoperator(left)) @ A
    np.testing.assert_allclose(ours.toarray(), left @ dense)
    np.testing.assert_array_equal(np.ones(60) @ A, dense.T @ np.ones(60))
    np.testing.assert_array_equal(np.ones((2, 60)) @ A, np.ones((2, 60)) @ dense)
    with pytest.raises(TypeError, match="unsupported operand"):
        A + 3
    with pytest.raises(TypeError, match="does not support ufuncs"):
        A + np.ones(A.shape)


def test_nothing_of_the_callers_is_written(rng):
    unsorted = sparse.csr_array(([1.0, 2.0], [1, 0], [0, 2]), shape=(1, 2))
    op = st.as_operator(unsorted)
    assert op.matrix.has_sorted_indices
    np.testing.assert_array_equal(unsorted.indices, [1, 0])
    values = np.ones((2, 2))
    diagonal = st.Diagonal(values)
    values[:] = 5
    np.testing.assert_array_equal(diagonal.values, np.ones((2, 2)))

    class Same(st.Operator):
        def _multiply(self, x):
            return x

    same, x = Same((3,), (3,)), np.ones(3)
    np.testing.assert_array_equal((same + same + 2 * same) @ x, [4, 4, 4])
    np.testing.assert_array_equal(x, 1)
    for one in (op, 2 * op, op.T, op.T.T, st.as_operator(op, (1, 2)), st.vstack([op]), diagonal):
        before = one.toarray()
        matrix = one.matrix
        matrix *= 0
        matrix.indices[:] = 0
        np.testing.assert_array_equal(one.toarray(), before)
    np.testing.assert_array_equal(unsorted.data, [1, 2])


def test_joined_sides_are_stacked_where_shapes_are_equal_and_flat_where_not():
    stacked, flat = st.vstack([A, A, A]), st.vstack([A, B @ A])
    assert stacked.out_shape == (3, 2, 6, 5)
    assert flat.out_shape == (69,)
    assert "out stacked" in repr(stacked)
    assert "out flat" in repr(flat)
    assert stacked.T.in_shape == (3, 2, 6, 5)
    both = st.block_diag([A, A])
    assert (both.in_shape, both.out_shape) == ((2, 1, 6, 5), (2, 2, 6, 5))
    x = np.arange(60.0).reshape(both.in_shape)
    np.testing.assert_array_equal(both.apply(x), A.apply(x))
    assert "and 3 more" in repr(st.vstack([A] * 10))


def test_spatial_axes_are_those_that_a_part_knows():
    image = (3, 8, 8)
    op = st.Conv(np.ones((2, 3, 3, 3)), image)
    assert st.Identity(image).spatial_ndim == 3
    assert st.Identity(image, spatial_ndim=2).spatial_ndim == 2
    assert op.spatial_ndim == op.T.spatial_ndim == (op @ st.Diagonal(np.ones(image))).spatial_ndim
    assert (st.Restriction(op.out_shape, np.ones(op.out_shape, bool)) @ op).spatial_ndim == 2
    assert (op + op).spatial_ndim == (2 * op).spatial_ndim == op.gram().spatial_ndim == 2
    assert st.vstack([op, op]).spatial_ndim == 2
    assert st.vstack([op, op]).T.spatial_ndim == st.hstack([op, op]).spatial_ndim == 2
    assert st.as_operator(op.matrix, image, spatial_ndim=2).spatial_ndim == 2
    assert st.as_operator(op.matrix, image).spatial_ndim == 3


def test_a_flat_shape_that_nobody_stated_has_no_spatial_axes():
    matrix = sparse.csr_array(np.diag(np.arange(1.0, 7.0)))
    line = st.Conv([1.0, 2.0, 1.0], (6,), padding=1, channels=False)
    for held in (
        matrix,
        matrix.toarray(),
        aslinearoperator(matrix),
        2 * aslinearoperator(matrix),
    ):
        flat = st.as_operator(held)
        assert flat.spatial_ndim == flat.T.spatial_ndim == (2 * flat).spatial_ndim == 0
        assert (line @ flat).spatial_ndim == st.block_diag([flat, flat]).spatial_ndim == 0
        assert st.as_operator(held, out_shape=(2, 3)).spatial_ndim == 0
        stated = st.as_operator(held, (6,), (6,))
        assert stated.spatial_ndim == stated.T.spatial_ndim == stated.conj().spatial_ndim == 1
        assert st.as_operator(flat, (6,)).spatial_ndim == 1
        assert st.as_operator(flat, (2, 3)).spatial_ndim == 2
        assert (flat @ line).spatial_ndim == st.vstack([flat, line]).spatial_ndim == 1
        assert (flat + line).spatial_ndim == (line + flat).spatial_ndim == 1


def test_matrices_are_counted_before_they_are_built():
    large = st.Conv(np.ones((3, 3)), (60, 60), channels=False)
    product = large @ st.Conv(np.ones((3, 3)), (60, 60), padding=1, channels=False)
    size = product.to_matrix().nnz * 12 + 4 * (product.shape[0] + 1)
    assert product.to_matrix(max_bytes=size).nnz
    assert product.to_matrix(dtype=np.float32, index_dtype=np.int64).indices.dtype == np.int64
    for op in (product, product.gram(), large + large, st.vstack([large, large]), large.T):
        with pytest.raises(st.MatrixTooLargeError, match="`matrix` must need at most"):
            op.to_matrix(max_bytes=large.to_matrix().nnz * 8)
    with pytest.raises(st.MatrixTooLargeError, match="`matrix` must need at most"):
        product.to_matrix(max_bytes=size - 1)
    foreign = st.as_operator(scipy_operator(np.ones((40, 40))))
    with pytest.raises(st.MatrixTooLargeError, match="`matrix` must need at most"):
        foreign.to_matrix(max_bytes=1000)
    with pytest.raises(
        st.DTypeError, match="`dtype` must be able to hold entries of dtype float64"
    ):
        product.to_matrix(dtype=np.int64)
    dense = st.as_operator(np.ones((200_000, 1))) @ st.as_operator(np.ones((1, 200_000)))
    with pytest.raises(st.MatrixTooLargeError, match="40,000,000,000 entries"):
        _ = dense.matrix
    with pytest.raises(st.MatrixTooLargeError, match="40,000,000,000 entries"):
        dense.toarray()
    for small in (st.Identity(9), st.Diagonal(np.ones(9)), st.Restriction((9,), slice(None))):
        with pytest.raises(st.MatrixTooLargeError, match="20"):
            small.to_matrix(max_bytes=20)


def test_relatives_leave_no_cycle_behind():
    gc.disable()
    try:
        op = 2 * (B @ A) + st.as_operator(np.ones((9, 30)), (1, 6, 5), (1, 3, 3))
        op.T.apply(op.apply(np.ones(op.in_shape)))
        op.H.matvec(op.T.T @ op.gram().T.matvec(np.ones(30)))
        gone = weakref.ref(op)
        del op
        assert gone() is None
    finally:
        gc.enable()
