"""Norms, traces, diagonals: against NumPy on the whole matrix."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from expressions import random_expression
from spectra import EVERY, KERNELS, an_operator, dense, random_operator, rounding_of

import sparse_tconv as st
from sparse_tconv import analysis, layers

ORDERS = ("fro", 1, np.inf, 2, "nuc")


def operators(rng, count):
    """Convolutions of every structure, dtype and nature."""
    for number in range(count):
        yield an_operator(rng, KERNELS[number % len(KERNELS)])


def squares_only(rng, count, **options):
    """Of those the square ones."""
    while count:
        op = random_operator(rng, str(rng.choice(["any", "circular", "symmetric", "mixed"])), EVERY)
        if op.shape[0] == op.shape[1]:
            count -= 1
            yield op


def test_norms_are_numpys(rng, settings_count):
    for op in operators(rng, settings_count(1000)):
        C = dense(op)
        slack = 64 * C.size * np.finfo(float).eps
        for order in ORDERS:
            true = np.linalg.norm(C, order)
            found = analysis.norm(op, order)
            assert abs(float(found) - true) <= found.error + slack * true, (order, op)
            most = max(1e-9, 1e4 * C.size * rounding_of(op))
            assert found.error <= most * max(true, abs(op.weight).max(), 1e-300), (order, op)
            assert found.complete == "proved"


def test_squared_columns_are_numpys(rng, settings_count):
    for op in operators(rng, settings_count(1000)):
        C = dense(op)
        true = (abs(C) ** 2).sum(axis=0).reshape(op.in_shape)
        found = analysis.gram_diagonal(op)
        assert found.value.shape == op.in_shape
        rounding = 64 * len(C) * np.finfo(float).eps * true.max()
        assert abs(found.value - true).max() <= found.error + rounding, op


def test_diagonals_and_traces_are_numpys(rng, settings_count):
    for op in squares_only(rng, settings_count(1000)):
        C = dense(op)
        found, total = analysis.diagonal(op), analysis.trace(op)
        rounding = 16 * rounding_of(op) * abs(C).max()
        assert abs(found.value - C.diagonal()).max() <= found.error + rounding, op
        assert abs(total.value - C.trace()) <= total.error + len(C) * rounding, op
        if op.dtype.kind in "iu":
            assert type(total.value) is int
            assert found.error == total.error == 0


def test_expressions_answer_as_their_matrices(rng, settings_count):
    for _ in range(settings_count(300)):
        op, _ = random_expression(rng, 2, (np.int64, np.float64, np.complex128))
        if max(op.shape) > 150:
            continue
        C = op.toarray().astype(np.result_type(op.dtype, np.float64))
        for order in ORDERS:
            found = analysis.norm(op, order)
            true = np.linalg.norm(C, order)
            assert abs(float(found) - true) <= found.error + 1e-12 * true
        true = (abs(C) ** 2).sum(axis=0).reshape(op.in_shape)
        assert abs(analysis.gram_diagonal(op).value - true).max() <= 1e-12 * max(true.max(), 1)
        if op.shape[0] == op.shape[1]:
            assert abs(analysis.diagonal(op).value - C.diagonal()).max() <= 1e-12 * abs(C).max()
            assert abs(analysis.trace(op).value - C.trace()) <= 1e-11 * abs(C).max() * len(C)


def test_integers_are_exact_beyond_machine_words(rng):
    big = 2**61 + 1
    op = st.Conv([big, big - 2, 7], (6,), padding=1, channels=False)
    C = op.matrix.toarray().astype(object)
    assert analysis.trace(op).value == sum(C.diagonal().tolist())
    assert analysis.norm(op, np.inf).value == abs(C).sum(axis=1).max()
    assert analysis.norm(op, 1).value == abs(C).sum(axis=0).max()
    assert analysis.gram_diagonal(op).value.tolist() == (C * C).sum(axis=0).tolist()
    assert float(analysis.norm(op)) == sqrt((C * C).sum())
    short = st.Conv(np.array([100, 100, 100], np.int8), (5,), padding=1, channels=False)
    assert analysis.norm(short, np.inf).value == 300
    assert analysis.trace(short).value == 500


def test_large_operators_answer_without_their_matrix():
    op = st.Conv(np.ones((3, 3), int), (10**6, 10**6), padding=1, channels=False)
    assert analysis.norm(op, 1).value == analysis.norm(op, np.inf).value == 9
    assert float(analysis.norm(op)) == sqrt((3 * 10**6 - 2) ** 2)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_scales_neither_overflow_nor_vanish(scale):
    op = st.Conv(np.array([1.0, -2.0, 0.5]) * scale, (7,), padding=1, channels=False)
    C = op.toarray() / scale
    for order in ORDERS:
        assert abs(float(analysis.norm(op, order)) / scale - np.linalg.norm(C, order)) <= 1e-12
    assert abs(analysis.trace(op).value / scale - C.trace()) <= 1e-12
    if scale > 1e150:
        with pytest.raises(st.errors.DTypeError, match="must have answers that float64 can hold"):
            analysis.gram_diagonal(op)


def test_what_cannot_be_answered_is_refused():
    op = st.Conv([1.0, 2.0], (4,), channels=False)
    with pytest.raises(st.GeometryError, match="`ord` must be 'fro', 'nuc', 1, 2 or inf"):
        analysis.norm(op, "max")
    for function in (analysis.trace, analysis.diagonal):
        with pytest.raises(
            st.ShapeError, match="`op` must have as many rows as columns; got 3 x 4"
        ):
            function(op)
    with pytest.raises(st.errors.DTypeError, match="`op` must be a Conv or ConvTranspose"):
        analysis.norm(np.eye(2))
    hole = st.Conv([np.nan, 1.0], (4,), channels=False)
    with pytest.raises(st.GeometryError, match="must be finite; got nan or inf"):
        analysis.norm(hole)
    with pytest.raises(st.GeometryError, match="`op` must have finite entries"):
        analysis.norm(2 * hole)


@pytest.mark.parametrize("mode", ["replicate", "smooth"])
@pytest.mark.parametrize("n", [9, 2**34])
def test_pads_whose_samples_cannot_be_counted_are_refused(mode, n):
    op = layers.pad((1, n), 2**32 - 5, mode)
    for analyzed in (analysis.norm_bounds, analysis.spectral_norm, analysis.cond):
        with pytest.raises(st.MatrixTooLargeError, match=r"`op` must fit .* got pads of 4,29"):
            analyzed(op)
