"""Expressions of operators: against dense matrices, other libraries, and their own laws."""

from __future__ import annotations

import pickle

import numpy as np
from expressions import DTYPES, random_expression
from factories import random_array

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
