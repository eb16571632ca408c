"""Laws that every convolution keeps, over arguments that hypothesis shrinks to readable examples."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from factories import MODES, assert_agrees, magnitude, most_terms, random_array
from hypothesis import given
from hypothesis import strategies as draws

import sparse_tconv as st
from sparse_tconv.testing import check_operator, dot_test, oracles
from sparse_tconv.testing.strategies import conv_transposes, convs, inputs

DTYPES = (np.float32, np.float64, np.complex64, np.complex128)


@draws.composite
def operators(draw):
    """A Conv or a ConvTranspose, or the adjoint of one."""
    op = draw(draws.one_of(convs(dtypes=DTYPES), conv_transposes(dtypes=DTYPES)))
    return draw(draws.sampled_from([op, op.T, op.H]))


def sums_of_sizes(op, x):
    """C(|w|)|x|, or its transpose."""
    transposed = isinstance(op, st.ConvTranspose)
    sides = op.geometry.y_shape if transposed else op.geometry.x_shape
    batch = abs(x).reshape(1, -1, *sides[-len(op.geometry.axes) :])
    return magnitude(op.geometry, op.weight, batch, transposed).reshape(op.out_shape)


def cancels(op):
    """Whether taps that fold into one entry cancel there."""
    ones = np.ones(op.in_shape)
    return not np.allclose(
        abs(op.matrix) @ ones.ravel(), sums_of_sizes(op, ones).ravel(), rtol=1e-3
    )


def assert_adjoint_pair(op, rng):
    """The gap of <Ax, y> - <x, A^H y> is at most 8 eps sqrt(r) max(|Ax||y|, |x||A^H y|); where folded
    taps cancel, the sums of their sizes stand for these norms: what each entry may be off.
    """
    for _ in range(3):
        x = random_array(rng, op.in_shape, op.dtype)
        y = random_array(rng, op.out_shape, op.dtype)
        forward, backward = op.apply(x), op.H.apply(y)
        wide = np.complex128 if op.dtype.kind == "c" else np.float64
        left = np.vdot(forward.astype(wide), y.astype(wide))
        right = np.vdot(x.astype(wide), backward.astype(wide))
        scale = max(
            np.linalg.norm(forward) * np.linalg.norm(y),
            np.linalg.norm(x) * np.linalg.norm(backward),
        )
        if cancels(op):
            scale = max(scale, np.vdot(sums_of_sizes(op, x), abs(y)))
        bound = 8 * np.finfo(op.dtype).eps * np.sqrt(max(most_terms(op.matrix), 1)) * scale
        assert abs(left - right) <= bound


@given(operators(), draws.integers(0, 2**32 - 1))
def test_adjoint_identity(op, seed):
    assert_adjoint_pair(op, np.random.default_rng(seed))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_adjoint_identity_in_every_mode_dtype_and_group_count(mode, dtype, groups, rng):
    weight = random_array(rng, (6, 6 // groups, 3, 4), dtype)
    options = {"stride": (2, 1), "padding": ((2, 3), (1, 9)), "dilation": (1, 2)}
    op = st.Conv(weight, (6, 7, 6), groups=groups, padding_mode=mode, **options)
    assert_adjoint_pair(op, rng)
    assert_adjoint_pair(op.T, rng)
    assert dot_test(op)
    assert check_operator(op)


@given(draws.data())
def test_products_equal_the_nested_loops(data):
    op = data.draw(convs(dtypes=(np.int64,)))
    x = data.draw(inputs(op))
    g = op.geometry
    after = [a.last + 1 - a.n_in for a in g.axes]  # the window ends with the last tap read
    wanted = oracles.conv(
        x,
        op.weight,
        stride=g.stride,
        padding=list(zip(g.before, after, strict=True)),
        dilation=g.dilation,
        groups=g.groups,
        padding_mode=g.padding_mode,
        flip=g.flip,
        channels=g.channels,
    )
    np.testing.assert_array_equal(op.apply(x), wanted)


@given(operators())
def test_transposes_and_adjoints_twice_are_the_operator(op):
    assert op.T.T is op
    assert op.H.H is op
    assert op.T.geometry is op.geometry
    assert op.T.shape == op.shape[::-1]


@given(draws.data())
def test_linearity(data):
    op = data.draw(operators())
    x, y = data.draw(inputs(op)), data.draw(inputs(op))
    scale = 3.0 - 2.0j if op.dtype.kind == "c" else -2.5
    scale = op.dtype.type(scale)
    largest = sums_of_sizes(op, abs(x) + abs(scale) * abs(y))
    got = op.apply(x + scale * y)
    terms = most_terms(op.matrix) + 2
    assert_agrees(got, op.apply(x) + scale * op.apply(y), largest, terms, op.dtype)


@given(operators())
def test_pickling_gives_an_equal_operator(op):
    again = pickle.loads(pickle.dumps(op))
    assert (type(again), again.geometry) == (type(op), op.geometry)
    np.testing.assert_array_equal(again.matrix.toarray(), op.matrix.toarray())


@given(operators())
def test_patterns_are_canonical_and_as_predicted(op):
    matrix = op.to_matrix()
    assert matrix.nnz == op.geometry.nnz
    assert matrix.shape == op.shape
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    assert (np.diff(rows * matrix.shape[1] + matrix.indices) > 0).all()
    np.testing.assert_array_equal(op.T.to_matrix().toarray(), matrix.toarray().T)


@given(convs())
def test_sizes_go_round(op):
    extra = op.geometry.output_padding
    rows = zip(extra, op.geometry.stride, op.geometry.dilation, strict=True)
    if all(0 <= amount < max(s, d) for amount, s, d in rows):
        back = st.ConvGeometry.from_conv_transpose(
            op.weight.shape,
            op.out_shape,
            stride=op.geometry.stride,
            padding=op.geometry.before,
            dilation=op.geometry.dilation,
            groups=op.geometry.groups,
            padding_mode=op.geometry.padding_mode,
            flip=op.geometry.flip,
            channels=op.geometry.channels,
            output_padding=extra,
        )
        assert back.x_shape == op.in_shape
        assert back.y_shape == op.out_shape
