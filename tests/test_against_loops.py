"""Matrices and operators equal nested loops over numpy.pad, in what PyTorch lacks and in all the
rest."""

from __future__ import annotations

import numpy as np
import pytest
from factories import assert_agrees, magnitude, random_array, random_setting

import sparse_tconv as st
from sparse_tconv.testing import oracles


def small_settings(rng, count, most=3000, **choices):
    """Settings whose matrix nested loops can build."""
    while count:
        setting = random_setting(rng, **choices)
        g = st.ConvGeometry.from_conv(setting.weight.shape, setting.in_shape, **setting.options)
        if g.nnz <= most:
            count -= 1
            yield setting, g


def test_matrices_equal_nested_loops_entry_by_entry(rng, settings_count):
    for setting, g in small_settings(rng, settings_count(1000), dtypes=(np.int64,)):
        wanted = oracles.matrix(setting.weight, setting.in_shape, **setting.options)
        C = st.conv_matrix(setting.weight, setting.in_shape, **setting.options)
        np.testing.assert_array_equal(C.toarray(), wanted)
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        np.testing.assert_array_equal(op.T.to_matrix().toarray(), wanted.T)
        assert op.geometry == g


def test_transposed_matrices_equal_nested_loops_with_every_output_padding(rng, settings_count):
    for setting, _ in small_settings(rng, settings_count(500), dtypes=(np.int64,)):
        limits = [max(s, d) for s, d in zip(setting.stride, setting.dilation, strict=True)]
        extra = tuple(int(rng.integers(limit)) for limit in limits)
        in_shape = (setting.weight.shape[0], *setting.size)
        try:
            T = st.ConvTranspose(setting.weight, in_shape, output_padding=extra, **setting.options)
        except st.GeometryError:
            continue  # the padding eats the whole output
        if T.geometry.nnz > 3000:
            continue
        wanted = oracles.transpose_matrix(
            setting.weight, in_shape, output_padding=extra, **setting.options
        )
        np.testing.assert_array_equal(T.matrix.toarray(), wanted)
        np.testing.assert_array_equal(T.T.matrix.toarray(), wanted.T)
        by_size = st.conv_transpose_matrix(
            setting.weight, in_shape, output_size=T.out_shape[1:], **setting.options
        )
        np.testing.assert_array_equal(by_size.toarray(), wanted)


def test_zero_insertion_is_the_transpose_under_zero_padding(rng, settings_count):
    choices = {"modes": ("zeros",), "dtypes": (np.int64,)}
    for setting, g in small_settings(rng, settings_count(300), **choices):
        y = random_array(rng, g.y_shape, np.int64)
        extra = [
            m - ((n - 1) * s + d * (k - 1) + 1 - sum(p))
            for m, n, k, s, d, p in zip(
                setting.size,
                g.y_shape[1:],
                g.kernel_size,
                setting.stride,
                setting.dilation,
                setting.padding,
                strict=True,
            )
        ]
        options = dict(setting.options)
        options.pop("padding_mode")
        wanted = oracles.conv_transpose_zero_insertion(
            y, setting.weight, output_padding=extra, **options
        )
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        np.testing.assert_array_equal(op.T.apply(y), wanted)


def test_bare_kernels_equal_kernels_with_one_channel(rng, settings_count):
    for setting, _ in small_settings(rng, settings_count(200), dtypes=(np.int64,)):
        kernel = setting.weight[0, 0]
        options = {**setting.options, "groups": 1}
        bare = st.conv_matrix(kernel, setting.size, channels=False, **options)
        channel = st.conv_matrix(kernel[None, None], (1, *setting.size), **options)
        np.testing.assert_array_equal(bare.toarray(), channel.toarray())
        op = st.Conv(kernel, setting.size, channels=False, **options)
        assert op.in_shape == setting.size
        x = random_array(rng, setting.size, np.int64)
        wanted = oracles.conv(x, kernel, channels=False, **options)
        np.testing.assert_array_equal(op.apply(x), wanted)


@pytest.mark.parametrize(
    "dtype", [np.float32, np.float64, np.complex64, np.complex128, np.longdouble]
)
def test_float_products_equal_nested_loops_within_rounding(rng, settings_count, dtype):
    for setting, _ in small_settings(rng, settings_count(200), dtypes=(dtype,)):
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        x = random_array(rng, op.in_shape, dtype)
        wanted = oracles.conv(x, setting.weight, **setting.options)
        largest = magnitude(op.geometry, setting.weight, x[None])[0]
        assert_agrees(op.apply(x), wanted, largest, setting.weight[0].size, dtype)
