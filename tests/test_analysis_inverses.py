"""Pseudo-inverses and symbols, against NumPy and against waves."""

from __future__ import annotations

import numpy as np
import pytest
from expressions import random_expression
from spectra import EVERY, KERNELS, an_operator, dense, random_operator

import sparse_tconv as st
from sparse_tconv import analysis
from sparse_tconv.testing import check_operator


def test_pseudo_inverses_are_numpys(rng, settings_count):
    for number in range(settings_count(1000)):
        op = an_operator(rng, KERNELS[number % len(KERNELS)])
        C = dense(op)
        rtol = 1e-5  # above the rounding of single precision
        values = np.linalg.svd(C, compute_uv=False)
        least = values[values > rtol * values[0]].min(initial=np.inf)
        near = abs(values - rtol * values[0]) < 1e-2 * rtol * values[0]
        if (near & (values > 0)).any():
            continue
        inverse = analysis.pinv(op, rtol)
        true = np.linalg.pinv(C, rtol=rtol)
        error = 10 * (inverse.factors.error + 1e-14 * len(C) * values[0]) / least**2
        found = inverse @ np.eye(len(C))
        assert np.linalg.norm(found - true, 2) <= error + 1e-9 * (error > 0) + 1e-300, op
        assert np.linalg.norm(inverse.H @ np.eye(C.shape[1]) - true.conj().T, 2) <= error + 1e-9
        assert inverse.rank == np.linalg.matrix_rank(C, rtol=rtol)


def test_pseudo_inverses_of_expressions_are_numpys(rng, settings_count):
    for _ in range(settings_count(300)):
        op, _ = random_expression(rng, 2, (np.int64, np.float64, np.complex128))
        if max(op.shape) <= 100:
            C = op.toarray().astype(np.result_type(op.dtype, np.float64))
            inverse = analysis.pinv(op, 1e-8)
            assert np.allclose(inverse.toarray(), np.linalg.pinv(C, rtol=1e-8), atol=1e-6)
            assert (inverse.in_shape, inverse.out_shape) == (op.out_shape, op.in_shape)


def test_pseudo_inverses_are_operators(rng):
    for mode in ("zeros", "circular", "symmetric"):
        op = st.Conv(rng.standard_normal((2, 1, 3, 3)), (1, 4, 5), padding=1, padding_mode=mode)
        check_operator(analysis.pinv(op))
        check_operator(analysis.pinv(op + 0 * op))
    layer = st.Conv([1.0, 3.0, 1.0], (9,), padding=1, channels=False)
    x = rng.standard_normal(9)
    assert np.allclose(analysis.pinv(layer) @ (layer @ x), x)


def test_inverses_that_cannot_be_are_refused():
    tiny = st.Conv([1e-309], (2,), channels=False)
    with pytest.raises(st.errors.DTypeError, match="must have a pseudo-inverse that float64"):
        analysis.pinv(tiny)
    with pytest.raises(st.errors.DTypeError, match="`op` must be a Conv or ConvTranspose"):
        analysis.pinv(np.eye(3))
    with pytest.raises(st.GeometryError, match="`rtol` must be"):
        analysis.pinv(tiny, rtol=-1)


def test_waves_are_multiplied_by_the_symbol(rng, settings_count):
    """Where no window reaches over the border."""
    for _ in range(settings_count(1000)):
        op = random_operator(rng, "any", EVERY)
        g = op.geometry
        if isinstance(op, st.ConvTranspose) and any(axis.stride > 1 for axis in g.axes):
            with pytest.raises(
                st.GeometryError, match="`op` must have stride 1 if it is transposed"
            ):
                analysis.symbol(op)
            continue
        swapped = isinstance(op, st.ConvTranspose)
        base = op.H if swapped else op
        inside = [slice(*axis.interior) for axis in g.axes]
        theta = rng.uniform(-np.pi, np.pi, len(g.axes))
        f = analysis.symbol(base)(theta)
        if all(axis.stride == 1 for axis in g.axes):
            assert np.allclose(analysis.symbol(base.H)(theta), f.conj().swapaxes(-1, -2))
        ones = (1,) * len(g.axes)
        v = rng.standard_normal((f.shape[0], f.shape[2]))
        x = v.reshape(-1, *ones) * wave(theta, [axis.n_in for axis in g.axes])
        wide = np.complex128 if base.dtype.kind == "c" else np.float64
        y = base.with_weight(base.weight.astype(wide)).apply(x.reshape(base.in_shape))
        steps = theta * [axis.stride for axis in g.axes]
        expected = (f @ v[..., None]).reshape(-1, *ones)
        expected = expected * wave(steps, [axis.n_out for axis in g.axes])
        difference = (y.reshape(g.y_shape) - expected)[(slice(None), *inside)]
        assert abs(difference).max(initial=0) <= 1e-12 * max(abs(base.weight).sum(), 1), op


def wave(theta, sizes):
    """exp(i theta . j) over a grid."""
    phases = [t * np.arange(size) for t, size in zip(theta, sizes, strict=True)]
    return np.exp(1j * sum(np.ix_(*phases)))


def test_symbols_take_frequencies_in_any_number():
    f = analysis.symbol(st.Conv(np.ones((4, 2, 3, 3)), (4, 5, 5), groups=2, padding=1))
    assert f(np.zeros((7, 6, 2))).shape == (7, 6, 2, 2, 2)
    assert np.allclose(f((0, 0)), 9)
    line = analysis.symbol(st.Conv([1.0, 1.0], (5,), channels=False))
    assert line(0.0).shape == line([0.0]).shape == (1, 1, 1)
    with pytest.raises(st.ShapeError, match=r"`theta` must have shape \(..., 2\)"):
        f([0.0, 0.0, 0.0])
