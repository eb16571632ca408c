"""Operators go to PyLops and convolutions come from there."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from factories import FLOATS, random_array, random_setting

import sparse_tconv as st

pylops = pytest.importorskip("pylops")
processing = pytest.importorskip("pylops.signalprocessing")
dottest = pytest.importorskip("pylops.utils").dottest
interop = st.interop.pylops


def test_operators_of_random_settings_pass_the_dot_test_of_pylops(rng, settings_count):
    for _ in range(settings_count(500)):
        setting = random_setting(rng, dtypes=FLOATS)
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        op = (op, op.T, op.H)[int(rng.integers(3))]
        there = interop.to_pylops(op)
        assert there.dims == op.in_shape
        assert there.dimsd == op.out_shape
        single = op.dtype in (np.float32, np.complex64)
        kind = 3 if op.dtype.kind == "c" else 0
        assert dottest(there, *there.shape, complexflag=kind, rtol=1e-3 if single else 1e-9)
        x = random_array(rng, op.in_shape, op.dtype)
        np.testing.assert_array_equal(there @ x, op.apply(x))
        np.testing.assert_array_equal(there @ x.ravel(), op @ x.ravel())


def test_operators_without_a_weight_go_there_too(rng):
    op = st.Conv(random_array(rng, (4, 3), np.float64), (9, 8), channels=False)
    gram = interop.to_pylops(op.gram(0.5))
    assert dottest(gram, *gram.shape)
    kernels = interop.to_pylops(op.kernel_operator(random_array(rng, (9, 8), np.float64)))
    assert kernels.dims == (4, 3)
    assert dottest(kernels, *kernels.shape)


def test_solvers_of_pylops_deblur(rng):
    x = random_array(rng, (16, 15), np.float64)
    op = st.Conv(
        [[0, 1, 0], [2, 9, 1], [0, 1, 0]],
        x.shape,
        padding=1,
        padding_mode="symmetric",
        channels=False,
    )
    there = interop.to_pylops(op)
    found = pylops.lsqr(there, op.apply(x), x0=np.zeros(x.shape), niter=200, atol=0, btol=1e-12)[0]
    np.testing.assert_allclose(found, x, atol=1e-8)
    smoothed = pylops.optimization.leastsquares.regularized_inversion(
        there,
        op.apply(x).ravel(),
        [pylops.Laplacian(x.shape)],
        epsRs=[1e-9],
        iter_lim=300,
        atol=1e-14,
        btol=1e-14,
    )[0]
    np.testing.assert_allclose(smoothed.reshape(x.shape), x, atol=1e-6)


def test_operators_combine_with_those_of_pylops(rng):
    op = st.Conv(random_array(rng, (2, 1, 3), np.float64), (1, 12), stride=2)
    stacked = pylops.VStack([interop.to_pylops(op), pylops.Identity(op.shape[1])])
    x = random_array(rng, (12,), np.float64)
    np.testing.assert_allclose(stacked @ x, np.concatenate([op @ x, x]))
    assert dottest(stacked, *stacked.shape)


def assert_same(rng, operator):
    """Ours and theirs take and give the same."""
    op = interop.from_pylops(operator)
    assert op.in_shape == tuple(operator.dims)
    assert op.out_shape == tuple(operator.dimsd)
    x = random_array(rng, op.in_shape, np.float64)
    wanted = (operator @ x.ravel()).reshape(op.out_shape)
    largest = op.with_weight(np.abs(op.weight)).apply(np.abs(x)).max()
    # PyLops multiplies by FFT.
    np.testing.assert_allclose(op.apply(x), wanted, atol=1e-14 * largest * np.log2(2 * x.size + 2))
    y = random_array(rng, op.out_shape, np.float64)
    back = (operator.H @ y.ravel()).reshape(op.in_shape)
    np.testing.assert_allclose(op.H.apply(y), back, atol=1e-12 * (1 + np.abs(y).sum()))


def sizes(rng, low, high, count):
    return tuple(int(n) for n in rng.integers(low, high, count))


def test_convolve_1d_of_random_settings_comes_over(rng, settings_count):
    for _ in range(settings_count(500)):
        dims = sizes(rng, 1, 9, int(rng.integers(1, 4)))
        axis = int(rng.integers(-len(dims), len(dims)))
        k = int(rng.integers(1, dims[axis] + 1))
        h = random_array(rng, (k,), np.float64)
        offset = int(rng.integers(k))
        assert_same(rng, processing.Convolve1D(dims, h, offset=offset, axis=axis))


def test_convolve_1d_with_a_filter_longer_than_the_signal_comes_over(rng, settings_count):
    for _ in range(settings_count(200)):
        n = int(rng.integers(1, 8))
        h = random_array(rng, (n + int(rng.integers(1, 6)),), np.float64)
        operator = processing.Convolve1D(n, h, offset=int(rng.integers(n)))
        op = interop.from_pylops(operator)
        x = random_array(rng, (n,), np.float64)
        assert op.out_shape == tuple(operator.dimsd)
        np.testing.assert_allclose(op.apply(x), operator @ x, atol=1e-13)


def test_convolve_2d_and_nd_of_random_settings_come_over(rng, settings_count):
    for _ in range(settings_count(500)):
        n_axes = int(rng.integers(2, 4))
        dims = sizes(rng, 1, 8, n_axes)
        count = 2 if rng.integers(2) else n_axes
        axes = tuple(sorted(int(a) for a in rng.permutation(n_axes)[:count]))
        kernel = sizes(rng, 1, 5, count)
        offset = tuple(int(rng.integers(k)) for k in kernel)
        make = processing.Convolve2D if count == 2 else processing.ConvolveND
        h = random_array(rng, kernel, np.float64)
        assert_same(rng, make(dims, h, offset=offset, axes=axes))


def test_an_operator_goes_over_and_back(rng):
    h = random_array(rng, (4, 2), np.float64)
    op = interop.from_pylops(processing.Convolve2D((7, 8), h, offset=(1, 0)))
    np.testing.assert_array_equal(op.weight, h)
    assert (
        op.geometry
        == interop.from_pylops(
            processing.ConvolveND((7, 8), h, offset=(1, 0), axes=(0, 1))
        ).geometry
    )
    assert dottest(interop.to_pylops(op), *op.shape)


def test_what_cannot_go_over_is_refused(rng):
    with pytest.raises(st.DTypeError, match=r"got Affine\. Of an Affine pass its `op`"):
        interop.to_pylops(st.Affine(st.Conv([1.0], (3,), channels=False), 1.0))
    with pytest.raises(
        st.DTypeError, match=r"Convolve1D, Convolve2D or ConvolveND.* got Laplacian"
    ):
        interop.from_pylops(pylops.Laplacian((4, 5)))
    varying = processing.Convolve1D((3, 8), random_array(rng, (3, 2), np.float64), axis=1)
    with pytest.raises(st.GeometryError, match=r"filters of shape \(3, \d\) that vary"):
        interop.from_pylops(varying)


def test_without_pylops_the_pip_line_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "sparse_tconv.interop.pylops")
    monkeypatch.delattr(st.interop, "pylops")
    monkeypatch.setitem(sys.modules, "pylops", None)
    with pytest.raises(st.MissingExtraError, match=r"pip install 'sparse_tconv\[pylops\]'"):
        _ = st.interop.pylops


def test_filters_that_vary_come_from_pylops(rng, settings_count):
    for _ in range(settings_count(40)):
        dims = tuple(int(n) for n in rng.integers(5, 9, int(rng.integers(1, 4))))
        axis = int(rng.integers(-len(dims), len(dims)))
        filters = random_array(rng, (2, 3), np.float64)
        there = processing.NonStationaryConvolve1D(dims, filters, (1, 4), axis=axis)
        here = interop.from_pylops(there)
        x = random_array(rng, dims, np.float64)
        np.testing.assert_allclose(here.apply(x), there @ x, atol=1e-12)
        np.testing.assert_allclose(here.H.apply(x), there.H @ x, atol=1e-12)
    nodes = [(0, 3, 6), (2, 4), (1, 5)]
    for n, kind in ((2, "NonStationaryConvolve2D"), (3, "NonStationaryConvolve3D")):
        dims = (9, 8, 7)[:n]
        filters = random_array(rng, (*map(len, nodes[:n]), *(3, 5, 1)[:n]), np.float64)
        there = getattr(processing, kind)(dims, filters, *nodes[:n])
        here = interop.from_pylops(there)
        assert isinstance(here, st.LocalConvTranspose)
        x = random_array(rng, dims, np.float64)
        np.testing.assert_allclose(here.apply(x), there @ x, atol=1e-12)
        np.testing.assert_allclose(here.H.apply(x), there.H @ x, atol=1e-12)
