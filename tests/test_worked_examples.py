"""Small examples from the literature, matrices written by hand, and SciPy's own convolution
matrix."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import scipy.linalg
import scipy.signal

import sparse_tconv as st

X1 = [-2.1188, 0.0635, -1.4555]
W1 = [0.0846, -0.5682, -0.2863]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, [-0.1792, 1.2093, 0.4475, 0.8089, 0.4168]),
        ({"padding": 1}, [1.2093, 0.4475, 0.8089]),
        ({"dilation": 2}, [-0.1792, 0.0054, 1.0809, -0.0361, 1.4337, -0.0182, 0.4168]),
        ({"stride": 2}, [-0.1792, 1.2040, 0.6121, -0.0361, -0.1413, 0.8270, 0.4168]),
    ],
)
def test_transposed_signals_of_the_literature_come_out_to_the_digit(options, wanted):
    got = st.conv_transpose_matrix(W1, (3,), channels=False, **options) @ np.array(X1)
    # Inputs are rounded to four digits, and so are the answers.
    np.testing.assert_allclose(got, wanted, atol=2.5e-4, rtol=0)


@pytest.mark.parametrize(
    ("stride", "wanted"),
    [(1, [1, 2, 2, 1]), (2, [1, 1, 2, 1, 1]), (4, [1, 1, 1, 0, 1, 1, 1])],
)
def test_two_ones_spread_by_a_box(stride, wanted):
    op = st.ConvTranspose([1, 1, 1], (2,), stride=stride, channels=False)
    np.testing.assert_array_equal(op.apply([1, 1]), wanted)


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        # Kernel (a, b, c) = (1, 10, 100) on (x0, x1, x2); the first row reads a * x~[-1].
        ("antireflect", [[10 + 2, 100 - 1, 0], [1, 10, 100], [0, 1 - 100, 10 + 200]]),
        ("antisymmetric", [[10 - 1, 100, 0], [1, 10, 100], [0, 1, 10 - 100]]),
        ("smooth", [[10 + 2, 100 - 1, 0], [1, 10, 100], [0, 1 - 100, 10 + 200]]),
    ],
)
def test_boundaries_of_sums_are_these_three_by_three_matrices(mode, wanted):
    options = {"padding": 1, "padding_mode": mode, "channels": False}
    np.testing.assert_array_equal(st.conv_matrix([1, 10, 100], 3, **options).toarray(), wanted)
    back = st.ConvTranspose([1, 10, 100], 3, **options)
    np.testing.assert_array_equal(back.apply([1, 0, 0]), wanted[0])


SQUARE = [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("x", "options", "wanted"),
    [
        (SQUARE, {}, [[0, 0, 1], [0, 4, 6], [4, 12, 9]]),
        (SQUARE, {"padding": 1}, [[4]]),
        (SQUARE, {"stride": 2}, [[0, 0, 0, 1], [0, 0, 2, 3], [0, 2, 0, 3], [4, 6, 6, 9]]),
        (
            np.arange(9).reshape(3, 3),
            {},
            [[0, 0, 1, 2], [0, 5, 11, 11], [6, 23, 29, 23], [12, 32, 37, 24]],
        ),
    ],
)
def test_transposed_images_of_the_literature(x, options, wanted):
    op = st.ConvTranspose(SQUARE, np.shape(x), channels=False, **options)
    np.testing.assert_array_equal(op.apply(x), wanted)


def test_the_four_by_nine_matrix():
    op = st.Conv([[1, 2], [3, 4]], (3, 3), channels=False)
    wanted = [
        [1, 2, 0, 3, 4, 0, 0, 0, 0],
        [0, 1, 2, 0, 3, 4, 0, 0, 0],
        [0, 0, 0, 1, 2, 0, 3, 4, 0],
        [0, 0, 0, 0, 1, 2, 0, 3, 4],
    ]
    np.testing.assert_array_equal(op.matrix.toarray(), wanted)
    np.testing.assert_array_equal(op.apply(np.arange(9).reshape(3, 3)), [[27, 37], [57, 67]])


A, B, C = 1, 10, 100  # taps that can be told apart after they are added


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("zeros", [[B, C, 0], [A, B, C], [0, A, B]]),
        ("circular", [[B, C, A], [A, B, C], [C, A, B]]),
        ("reflect", [[B, A + C, 0], [A, B, C], [0, A + C, B]]),
        ("symmetric", [[A + B, C, 0], [A, B, C], [0, A, B + C]]),
        ("replicate", [[A + B, C, 0], [A, B, C], [0, A, B + C]]),
    ],
)
def test_three_by_three_matrices_of_each_boundary(mode, wanted):
    matrix = st.conv_matrix([A, B, C], (3,), padding=1, padding_mode=mode, channels=False)
    np.testing.assert_array_equal(matrix.toarray(), wanted)


def test_symmetric_and_replicate_part_ways_two_samples_out():
    wide = {"padding": ((2, 0),), "channels": False}
    symmetric = st.conv_matrix([A, B, C], (3,), padding_mode="symmetric", **wide).toarray()
    replicate = st.conv_matrix([A, B, C], (3,), padding_mode="replicate", **wide).toarray()
    np.testing.assert_array_equal(symmetric[0], [B + C, A, 0])
    np.testing.assert_array_equal(replicate[0], [A + B + C, 0, 0])


def test_a_border_wider_than_the_axis_wraps_more_than_once():
    matrix = st.conv_matrix(
        [A, B, C], (2,), padding=((3, 0),), padding_mode="circular", channels=False
    )
    np.testing.assert_array_equal(matrix.toarray(), [[B, A + C], [A + C, B], [B, A + C]])


@pytest.mark.parametrize(
    ("size", "stride", "padding", "wanted"),
    [((2, 2), 1, 0, (4, 4)), ((2, 2), 2, 0, (5, 5)), ((3, 3), 2, 1, (5, 5))],
)
def test_transposed_sizes_of_the_literature(size, stride, padding, wanted):
    op = st.ConvTranspose(np.ones((3, 3)), size, stride=stride, padding=padding, channels=False)
    assert op.out_shape == wanted


def test_a_strided_layer_and_its_transpose_come_back_to_the_image():
    weight = np.ones((20, 10, 5, 5))
    down = st.Conv(weight, (10, 16, 16), stride=3, padding=2)
    up = st.ConvTranspose(weight, down.out_shape, stride=3, padding=2)
    assert up.out_shape == (10, 16, 16)


def test_every_setting_of_one_axis_comes_back_with_its_output_padding_and_no_other():
    """All n 3-11, k 1-5, s 1-4, p 0-3, d 1-3 with an output; 858 of the 1,868 need an
    output_padding."""
    settings = needed = wrong = empty = 0
    for n, k, s, p, d in product(range(3, 12), range(1, 6), range(1, 5), range(4), range(1, 4)):
        if n + 2 * p < d * (k - 1) + 1:
            continue
        settings += 1
        options = {"stride": s, "padding": p, "dilation": d, "channels": False}
        C = st.Conv(np.arange(1, k + 1), (n,), **options)
        extra = (n + 2 * p - d * (k - 1) - 1) % s
        T = st.ConvTranspose(C.weight, C.out_shape, output_padding=extra, **options)
        assert T.geometry == C.geometry
        x, y = np.arange(n) - 2, np.arange(*C.out_shape) ** 2 - 3
        assert y @ (C @ x) == x @ (T @ y)
        if extra:
            needed += 1
            try:
                wrong += st.ConvTranspose(C.weight, C.out_shape, **options).out_shape != (n,)
            except st.GeometryError:
                empty += 1
    assert (settings, needed, wrong, empty) == (1868, 858, 854, 4)


def test_conv_gives_the_size_back_if_and_only_if_output_padding_is_below_the_stride():
    for n, k, s, p, d in product(range(1, 6), range(1, 5), range(1, 4), range(3), range(1, 5)):
        options = {"stride": s, "padding": p, "dilation": d, "channels": False}
        for extra in range(max(s, d)):
            try:
                up = st.ConvGeometry.from_conv_transpose(
                    (k,), (n,), output_padding=extra, **options
                )
            except st.GeometryError:
                continue
            down = st.ConvGeometry.from_conv((k,), up.x_shape, **options)
            assert (down.y_shape == (n,)) == (extra < s)
            assert up.y_shape == (n,)  # where it is not, the first n rows are used


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
def test_same_padding_is_tensorflows_at_any_stride(stride):
    for n in range(1, 20):
        for k in range(1, 8):
            for d in range(1, 4):
                g = st.ConvGeometry.from_conv(
                    (k,), (n,), stride=stride, dilation=d, padding="same", channels=False
                )
                out = -(-n // stride)
                total = max((out - 1) * stride + d * (k - 1) + 1 - n, 0)
                assert g.y_shape == (out,)
                assert g.before == (total // 2,)


@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize("length", range(1, 9))
def test_scipys_convolution_matrix(length, n, rng):
    a = rng.integers(-9, 10, length)
    for mode in ("full", "same", "valid"):
        if mode == "full" or length <= n:
            wanted = scipy.linalg.convolution_matrix(a, n, mode)
            got = st.conv_matrix(a, (n,), padding=mode, flip=True, channels=False)
            np.testing.assert_array_equal(got.toarray(), wanted)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_scipy_signal_convolve_in_two_dimensions(mode, rng):
    for _ in range(30):
        k = tuple(rng.integers(1, 5, 2))
        n = tuple(rng.integers(k, 9))
        w, x = rng.integers(-9, 10, k), rng.integers(-9, 10, n)
        op = st.Conv(w, n, padding=mode, flip=True, channels=False)
        np.testing.assert_array_equal(op.apply(x), scipy.signal.convolve(x, w, mode=mode))
