"""The geometry: canonical form, sizes, counts."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from factories import MODES, random_setting

import sparse_tconv as st
from sparse_tconv.geometry import OUTSIDE, Axis, copies, held, source
from sparse_tconv.testing.oracles import extension_matrix

NUMPY_MODES = {
    "zeros": {"mode": "constant"},
    "circular": {"mode": "wrap"},
    "reflect": {"mode": "reflect"},
    "symmetric": {"mode": "symmetric"},
    "replicate": {"mode": "edge"},
    "antireflect": {"mode": "reflect", "reflect_type": "odd"},
}


def random_axis(rng, mode):
    while True:
        n, k, s, d = (int(rng.integers(1, most)) for most in (9, 10, 5, 5))
        before, after = (int(p) for p in rng.integers(-4, 20, 2))
        n_out = (n + before + after - d * (k - 1) - 1) // s + 1
        if n_out >= 1:
            return Axis(n, int(rng.integers(1, n_out + 1)), k, s, d, before, mode)


def readings(axis):
    """What each tap of each window reads of each sample: (window, tap, sample)."""
    position = np.arange(axis.n_out)[:, None] * axis.stride + axis.dilation * np.arange(axis.k)
    extension = extension_matrix(axis.mode, axis.n_in, axis.first, axis.last + 1)
    return extension[position]


def written_out(mode, position, n):
    """What positions hold, as a matrix."""
    number, sample, factors = held(mode, position, n)
    found = np.zeros((position.size, n), dtype=np.int64)
    found[number, sample] = 1 if factors is None else factors
    assert (found != 0).sum() == number.size  # each once, none zero
    return found


@pytest.mark.parametrize("mode", NUMPY_MODES)
def test_extension_is_exactly_numpy_pad_for_any_width(mode, rng):
    for n in range(1, 9):
        x = rng.integers(-99, 99, n)
        padded = np.pad(x, 59, **NUMPY_MODES[mode])
        position = np.arange(-59, n + 59)
        np.testing.assert_array_equal(written_out(mode, position, n) @ x, padded)
        if copies(mode):
            got = source(mode, position, n)
            np.testing.assert_array_equal(np.where(got == OUTSIDE, 0, x[got]), padded)


@pytest.mark.parametrize("mode", MODES)
def test_extension_is_that_of_the_loops_position_by_position(mode, rng):
    for n in range(1, 9):
        wanted = extension_matrix(mode, n, -59, n + 59)
        position = np.arange(-59, n + 59)
        np.testing.assert_array_equal(written_out(mode, position, n), wanted)
        order = rng.permutation(position.size)[:30].reshape(5, 6)  # sparse, unsorted, of any shape
        got = written_out(mode, position[order], n)
        np.testing.assert_array_equal(got, wanted[order.reshape(-1)])


def test_the_modes_of_sums_are_what_their_formulas_say():
    x = np.array([3.0, 5.0, 4.0, 8.0])
    wanted = {
        "antireflect": [2, 1, 3, 5, 4, 8, 12, 11],
        "antisymmetric": [-5, -3, 3, 5, 4, 8, -8, -4],
        "smooth": [-1, 1, 3, 5, 4, 8, 12, 16],
    }
    for mode, extended in wanted.items():
        got = written_out(mode, np.arange(-2, 6), 4) @ x
        np.testing.assert_array_equal(got, extended, err_msg=mode)


@pytest.mark.parametrize("mode", MODES)
def test_predicted_entries_are_those_counted_by_reading(mode, rng, settings_count):
    for _ in range(settings_count(5000)):
        axis = random_axis(rng, mode)
        counted = int((readings(axis) != 0).any(axis=1).sum())
        assert axis.nnz == counted, axis


@pytest.mark.parametrize("mode", MODES)
def test_interior_is_where_every_tap_reads_inside(mode, rng, settings_count):
    for _ in range(settings_count(1000)):
        axis = random_axis(rng, mode)
        position = np.arange(axis.n_out)[:, None] * axis.stride + axis.dilation * np.arange(axis.k)
        inside = ((position >= axis.before) & (position < axis.n_in + axis.before)).all(axis=1)
        np.testing.assert_array_equal(np.flatnonzero(inside), np.arange(*axis.interior))


def test_counting_needs_no_time_of_the_matrixs_size():
    # Not a speed test: an enumeration would take centuries.
    for mode in MODES:
        g = st.ConvGeometry.from_conv(
            (64, 64, 1001, 1001),
            (64, 10**9, 10**9),
            padding=500,
            padding_mode=mode,
        )
        assert g.nnz > 10**26
        assert g.nbytes(np.float32) > 12 * g.nnz


def test_nbytes_counts_data_indices_and_indptr(rng):
    for _ in range(30):
        setting = random_setting(rng)
        C = st.conv_matrix(setting.weight, setting.in_shape, dtype="float32", **setting.options)
        g = st.ConvGeometry.from_conv(setting.weight.shape, setting.in_shape, **setting.options)
        assert g.nbytes("float32") == C.data.nbytes + C.indices.nbytes + C.indptr.nbytes
        assert (g.shape, g.nnz) == (C.shape, C.nnz)


def conv1(k=3, n=8, **options):
    return st.ConvGeometry.from_conv((k,), (n,), channels=False, **options)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (conv1(padding=1), conv1(padding="same")),
        (conv1(padding=2), conv1(padding="full")),
        (conv1(padding=0), conv1(padding="valid")),
        (conv1(padding=1), conv1(padding=((1, 1),))),
        (conv1(n=9, stride=2), conv1(n=9, stride=2, padding=((0, 1),))),
        (conv1(k=1, dilation=3), conv1(k=1)),
        (conv1(n=3, stride=5), conv1(n=3)),
        (conv1(padding_mode="circular"), conv1()),
        (conv1(padding=-1, padding_mode="reflect"), conv1(padding=-1)),
    ],
)
def test_arguments_that_mean_the_same_matrix_give_equal_geometries(one, other):
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize(
    "other",
    [
        conv1(padding=1, padding_mode="circular"),
        conv1(padding=1, stride=2),
        conv1(padding=1, flip=True),
        conv1(padding=((1, 0),)),
        st.ConvGeometry.from_conv((1, 1, 3), (1, 8), padding=1),
    ],
)
def test_geometries_of_different_matrices_differ(other):
    assert other != conv1(padding=1)


def test_repr_and_pickle_give_the_geometry_back():
    g = st.ConvGeometry.from_conv((4, 2, 3, 2), (4, 9, 7), groups=2, padding=((1, 2), (0, -1)))
    names = {"ConvGeometry": st.ConvGeometry, "Axis": Axis}
    assert eval(repr(g), names) == g
    assert pickle.loads(pickle.dumps(g)) == g


def test_sizes_go_round(rng, settings_count):
    for _ in range(settings_count(500)):
        setting = random_setting(rng, pads=(-2, 5), flip=False)
        g = st.ConvGeometry.from_conv(setting.weight.shape, setting.in_shape, **setting.options)
        assert g.x_shape == setting.in_shape
        assert g.y_shape == (setting.weight.shape[0], *setting.out_size)
        back = st.ConvGeometry.from_conv_transpose(
            setting.weight.shape,
            g.y_shape,
            output_size=max_size(setting, g),
            **setting.options,
        )
        assert back.y_shape == g.y_shape


def max_size(setting, g):
    """The largest size that a transposed convolution of y_shape can give with these pads."""
    rows = zip(
        g.y_shape[1:],
        g.kernel_size,
        setting.stride,
        setting.dilation,
        setting.padding,
        strict=True,
    )
    smallest = [(n - 1) * s + d * (k - 1) + 1 - sum(p) for n, k, s, d, p in rows]
    return [
        m + max(s, d) - 1
        for m, s, d in zip(smallest, setting.stride, setting.dilation, strict=True)
    ]


def test_output_padding_is_the_one_that_gives_the_size_back():
    g = st.ConvGeometry.from_conv((1, 1, 3, 3), (1, 8, 9), stride=(2, 3), padding=1)
    assert g.output_padding == (1, 2)
    back = st.ConvGeometry.from_conv_transpose(
        (1, 1, 3, 3), g.y_shape, stride=(2, 3), padding=1, output_padding=g.output_padding
    )
    assert back == g


@pytest.mark.parametrize("flip", [False, True])
def test_transposed_same_gives_any_size_that_same_maps_here(flip):
    for n in range(1, 6):
        for k in range(1, 6):
            for s in range(1, 4):
                whole = st.ConvGeometry.from_conv_transpose(
                    (k,), (n,), stride=s, padding="same", flip=flip, channels=False
                )
                assert whole.x_shape == (n * s,)
                for size in range((n - 1) * s + 1, n * s + 1):
                    g = st.ConvGeometry.from_conv_transpose(
                        (k,),
                        (n,),
                        stride=s,
                        padding="same",
                        output_size=size,
                        flip=flip,
                        channels=False,
                    )
                    down = st.ConvGeometry.from_conv(
                        (k,), (size,), stride=s, padding="same", flip=flip, channels=False
                    )
                    assert g == down


def test_padding_takes_every_spelling():
    pairs = st.ConvGeometry.from_conv((3, 3), (9, 9), padding=((1, 2), (3, 4)), channels=False)
    array = st.ConvGeometry.from_conv(
        (3, 3), (9, 9), padding=np.array([[1, 2], [3, 4]]), channels=False
    )
    assert pairs == array
    assert pairs.y_shape == (10, 14)
    ints = st.ConvGeometry.from_conv((3, 3), (9, 9), padding=[1, np.int8(2)], channels=False)
    assert ints.y_shape == (9, 11)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("groups", (1, 1, 0)),
        ("groups", (1, 1, -(2**62))),
        ("x_channels", (0, 1, 1)),
        ("y_channels", (2, -1, 1)),
        ("x_channels", (3, 2, 2)),
        ("y_channels", (2, 3, 2)),
    ],
)
def test_channels_that_are_none_or_no_groups_make_no_geometry(name, numbers):
    axes = st.ConvGeometry.from_conv((3,), (9,), channels=False).axes
    with pytest.raises(
        st.GeometryError, match=f"`{name}` must be (an int, at least 1|a multiple of)"
    ):
        st.ConvGeometry(axes, *numbers, False, True)
