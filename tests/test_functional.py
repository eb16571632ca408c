"""The functions: torch.nn.functional's names, positions and numbers."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from factories import FLOATS, assert_agrees, random_array, random_setting

import sparse_tconv as st

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # small products: threads would only wait for each other
functional = torch.nn.functional


def drawn(rng, transposed):
    """Positional arguments after the samples, and samples, for both libraries."""
    while True:
        setting = random_setting(
            rng,
            modes=("zeros",),
            pads=(0, 4),
            symmetric_pads=True,
            mixed=False,
            flip=False,
            dtypes=FLOATS,
        )
        n = len(setting.size)
        padding = tuple(before for before, _ in setting.padding)
        bias = None
        if rng.integers(2):
            channels = setting.weight.shape[1] if transposed else setting.weight.shape[0]
            channels *= setting.groups if transposed else 1
            bias = random_array(rng, (channels,), setting.weight.dtype)
        extra = tuple(
            int(rng.integers(max(s, d)))
            for s, d in zip(setting.stride, setting.dilation, strict=True)
        )
        if transposed:
            positional = (bias, setting.stride, padding, extra, setting.groups, setting.dilation)
            in_channels = setting.weight.shape[0]
        else:
            positional = (bias, setting.stride, padding, setting.dilation, setting.groups)
            in_channels = setting.weight.shape[1] * setting.groups
        batch = (3,) if rng.integers(2) else ()
        x = random_array(rng, (*batch, in_channels, *setting.size), setting.weight.dtype)
        rows = zip(
            setting.size,
            setting.weight.shape[2:],
            setting.stride,
            padding,
            setting.dilation,
            extra,
            strict=True,
        )
        if not transposed or all(
            (m - 1) * s - 2 * p + d * (k - 1) + 1 + e >= 1 for m, k, s, p, d, e in rows
        ):
            return x, setting.weight, positional, n


@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_functions_equal_pytorchs_position_by_position(name, rng, settings_count):
    for _ in range(settings_count(2000)):
        x, weight, positional, n = drawn(rng, name == "conv_transpose")
        ours, theirs = getattr(st, f"{name}{n}d"), getattr(functional, f"{name}{n}d")
        bias, *rest = positional
        wanted = theirs(
            torch.from_numpy(x),
            torch.from_numpy(weight),
            None if bias is None else torch.from_numpy(bias),
            *rest,
        ).numpy()
        got = ours(x, weight, *positional)
        zero = None if bias is None else np.abs(bias)
        magnitude = getattr(st, name)(np.abs(x), np.abs(weight), zero, *rest)
        assert_agrees(got, wanted, magnitude, weight[0].size + weight[:, 0].size + 1, weight.dtype)
        np.testing.assert_array_equal(getattr(st, name)(x, weight, *positional), got)


def test_functions_equal_the_matrix_plus_the_bias_in_every_mode(rng, settings_count):
    for _ in range(settings_count(500)):
        setting = random_setting(rng, dtypes=FLOATS)
        dtype = setting.weight.dtype
        x = random_array(rng, setting.in_shape, dtype)
        bias = random_array(rng, setting.weight.shape[:1], dtype)
        C = st.conv_matrix(setting.weight, setting.in_shape, **setting.options)
        y = st.conv(x, setting.weight, bias, **setting.options)
        shift = np.repeat(bias, C.shape[0] // bias.size)
        bound = (
            {"rtol": 1e-4, "atol": 1e-4} if dtype in (np.float32, np.complex64) else {"atol": 1e-11}
        )
        np.testing.assert_allclose(y.reshape(-1), C @ x.reshape(-1) + shift, **bound)
        back = (
            st.conv_transpose(y, setting.weight, output_size=setting.size, **setting.options)
            if fits(setting, y.shape)
            else None
        )
        if back is not None:
            np.testing.assert_allclose(back.reshape(-1), C.T @ y.reshape(-1), **bound)


def fits(setting, y_shape):
    """Whether a transposed convolution can come back to the setting's size."""
    rows = zip(
        setting.size,
        y_shape[1:],
        setting.weight.shape[2:],
        setting.stride,
        setting.padding,
        setting.dilation,
        strict=True,
    )
    smallest = [(m, (n - 1) * s - sum(p) + d * (k - 1) + 1, max(s, d)) for m, n, k, s, p, d in rows]
    return all(0 <= m - low < limit for m, low, limit in smallest)


def test_the_matrix_of_a_convolution_times_the_image_is_the_convolution():
    """The acceptance test of pytorch#26781: convmtx2(kernel, image.shape[1:]) @ image.flatten()."""

    def convmtx2(kernel, in_shape, **options):
        return st.conv_matrix(kernel.numpy(), in_shape, **options)

    generator = torch.Generator().manual_seed(0)
    image = torch.rand((3, 12, 10), generator=generator, dtype=torch.float64)
    for options in (
        {},
        {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)},
        {"groups": 3},
        {"padding": "same"},
    ):
        kernel = torch.rand(
            (6, 3 // options.get("groups", 1), 3, 3), generator=generator, dtype=torch.float64
        )
        wanted = functional.conv2d(image[None], kernel, **options)[0].flatten()
        got = convmtx2(kernel, image.shape, **options) @ image.flatten().numpy()
        np.testing.assert_allclose(got, wanted.numpy(), atol=1e-13)


def test_signatures_are_pytorchs_positions():
    positions = list(inspect.signature(st.conv_transpose).parameters)[:8]
    assert positions == [
        "x",
        "weight",
        "bias",
        "stride",
        "padding",
        "output_padding",
        "groups",
        "dilation",
    ]
    assert list(inspect.signature(st.conv2d).parameters)[:7] == [
        *("x", "weight", "bias", "stride", "padding", "dilation", "groups"),
    ]


def test_bare_arrays_take_a_scalar_bias_and_batches(rng):
    x, w = rng.standard_normal((4, 2, 9)), rng.standard_normal(3)
    y = st.conv(x, w, 2.0, padding=1, channels=False)
    assert y.shape == (4, 2, 9)
    np.testing.assert_allclose(y[1, 1], np.correlate(x[1, 1], w, "same") + 2)


def test_lists_and_integers_are_welcome():
    y = st.conv1d([[[1, 2, 4]]], [[[1, 1]]], [1])
    assert y.dtype == np.int64
    assert y.tolist() == [[[4, 7]]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: st.conv([1.0], np.ones((1, 1, 3))),
            st.ShapeError,
            r"`x` must have at least 2 axes",
        ),
        (
            lambda: st.conv(1.0, [1.0], channels=False),
            st.ShapeError,
            r"at least 1 axes .*Check `weight`",
        ),
        (lambda: st.conv(np.ones((1, 0, 5)), np.ones((1, 1, 3))), st.ShapeError, "no empty axes"),
        (
            lambda: st.conv([1.0, 2.0], np.ones((3, 3))),
            st.GeometryError,
            "at least 3 axes.*channels=False",
        ),
        (
            lambda: st.conv2d(np.ones((1, 9)), np.ones((1, 1, 3))),
            st.GeometryError,
            r"4 axes for conv2d; got shape",
        ),
        (
            lambda: st.conv_transpose1d(np.ones((1, 9, 9)), np.ones((1, 1, 3, 3))),
            st.GeometryError,
            r"3 axes for conv_transpose1d.*Use conv_transpose for",
        ),
        (
            lambda: st.conv(np.ones((1, 9)), np.ones((2, 1, 3)), [1.0]),
            st.ShapeError,
            r"`bias` must have shape \(2,\)",
        ),
        (
            lambda: st.conv([1.0, 2.0], [1.0], [1.0], channels=False),
            st.ShapeError,
            r"shape \(\); got \(1,\)\. Give one",
        ),
        (
            lambda: st.conv([1.0, 2.0], [1.0], 1j, channels=False),
            st.DTypeError,
            r"`bias` must be real .*complex128",
        ),
        (
            lambda: st.conv([1.0, 2.0], [1.0], "a", channels=False),
            st.DTypeError,
            r"`bias` must have",
        ),
        (
            lambda: st.conv([1.0, 2.0], [1.0], channels=0),
            st.GeometryError,
            r"`channels` must be True or",
        ),
        (
            lambda: st.conv([1.0, 2.0], [1.0], channels=False, engine=[]),
            st.GeometryError,
            r"`engine` must be",
        ),
        (lambda: st.conv(["a"], [1.0], channels=False), st.DTypeError, r"`x` must have"),
    ],
)
def test_wrong_arguments_of_functions(call, error, message):
    with pytest.raises(error, match=message):
        call()
