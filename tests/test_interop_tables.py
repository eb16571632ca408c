"""The tables of docs/coming-from.md, row by row: both sides are computed and must be equal."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import linalg, ndimage, signal

import sparse_tconv as st

jax = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax

PAGE = Path(__file__).parent.parent / "docs" / "coming-from.md"
ROW = re.compile(r"^\| `(?P<there>[^`]+)` \| `(?P<here>[^`]+)` \|$")


def rows(title):
    """The rows of one section: what stands there, and what stands here."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    matches = [ROW.match(line) for line in lines]
    assert all(matches), "a row is not two pieces of code"
    return [(match["there"], match["here"]) for match in matches]


def integers(*shape):
    """Small integers, so that every sum is exact in float32."""
    rng = np.random.default_rng(shape)
    return rng.integers(-9, 10, shape).astype(np.float32)


def first(x):
    return np.moveaxis(np.asarray(x), -1, 1)


def last(x):
    return np.moveaxis(x, 1, -1)


def assert_same(there, here):
    there = np.asarray(there)
    assert there.shape == here.shape
    np.testing.assert_array_equal(there, here)


JAX = {
    "jax": jax,
    "jnp": jnp,
    "conv": lax.conv_general_dilated,
    "conv_transpose": lax.conv_transpose,
    "local": lax.conv_general_dilated_local,
    "each": integers(6, 24, 4, 4),
    "NCHW": ("NCHW", "OIHW", "NCHW"),
    "x": integers(2, 4, 9, 8),
    "w": integers(6, 4, 3, 2),
    "grouped": integers(6, 2, 3, 2),
    "y": integers(2, 6, 5, 4),
    "k4": integers(6, 4, 4, 2),
    "wide": integers(6, 4, 2, 1),
    "x_last": integers(2, 9, 8, 4),
    "w_last": integers(3, 2, 4, 6),
}


COMMON = {"st": st, "np": np, "first": first, "last": last}


@pytest.mark.parametrize(("there", "here"), rows("JAX"))
def test_jax(there, here):
    assert_same(eval(there, COMMON | JAX), eval(here, COMMON | JAX))


def ours(w):
    return np.moveaxis(np.asarray(w), (-1, -2), (0, 1))


SEQUENCE = {"s": integers(2, 9, 4), "w1": integers(3, 4, 6)}
TENSORFLOW = {
    "ours": ours,
    "x": integers(2, 9, 8, 4),
    "y": integers(2, 5, 4, 6),
    "w": integers(3, 2, 4, 6),
    "d": integers(3, 2, 4, 2),
    "k4": integers(4, 2, 4, 6),
    "wide": integers(2, 1, 4, 6),
} | SEQUENCE


class ByJax:
    """The functions of ``tf`` and ``tf.nn`` by JAX and NumPy."""

    @staticmethod
    def conv2d(x, w, strides, padding, dilations=1):
        pads = padding if isinstance(padding, str) else [tuple(pair) for pair in padding[1:3]]
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(
            x, w, (strides,) * 2, pads, rhs_dilation=(dilations,) * 2, dimension_numbers=numbers
        )

    @staticmethod
    def depthwise_conv2d(x, d, strides, padding):
        height, width, channels, multiplier = d.shape
        kernel = d.reshape(height, width, 1, channels * multiplier)
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(
            x,
            kernel,
            strides[1:3],
            padding,
            dimension_numbers=numbers,
            feature_group_count=channels,
        )

    @staticmethod
    def conv2d_transpose(y, w, output_shape, strides, padding):
        """The gradient of conv2d, which is what TensorFlow makes it."""
        sample = jnp.zeros(output_shape, y.dtype)
        return jax.linear_transpose(lambda x: ByJax.conv2d(x, w, strides, padding), sample)(y)[0]

    @staticmethod
    def pad(x, pads, mode):
        return np.pad(x, pads, mode=mode.lower())


ByJax.nn = ByJax


def keras_by_jax(name, x, kernel, strides=1, padding="valid", dilation_rate=1):
    """A Keras layer by the functions of ByJax, with the sizes of Keras."""
    if name == "Conv1D":
        padded = np.pad(x, ((0, 0), (dilation_rate * (len(kernel) - 1), 0), (0, 0)))
        wide = ByJax.conv2d(padded[:, :, None], kernel[:, None], strides, "VALID", (dilation_rate))
        return wide[:, :, 0]
    if name == "Conv2D":
        return ByJax.conv2d(x, kernel, strides, padding.upper())
    size = [
        n * strides + (max(k - strides, 0) if padding == "valid" else 0)
        for n, k in zip(x.shape[1:3], kernel.shape[:2], strict=True)
    ]
    shape = (len(x), *size, kernel.shape[2])
    return ByJax.conv2d_transpose(x, kernel, shape, strides, padding.upper())


def keras_itself(name, x, kernel, **options):
    """A Keras layer."""
    import keras

    filters, size = kernel.shape[-2 if name.endswith("Transpose") else -1], kernel.shape[:-2]
    layer = getattr(keras.layers, name)(filters, size, use_bias=False, **options)
    layer.build(x.shape)
    layer.set_weights([kernel])
    return layer(x)


def tensorflow():
    """TensorFlow itself where it is installed, and its conventions by JAX where it is not."""
    if importlib.util.find_spec("tensorflow") is None:
        return {"tf": ByJax, "keras": keras_by_jax}
    import tensorflow as tf

    return {"tf": tf, "keras": keras_itself}


@pytest.mark.parametrize(("there", "here"), rows("TensorFlow and Keras"))
def test_tensorflow(there, here):
    names = COMMON | TENSORFLOW
    assert_same(eval(there, names | tensorflow()), eval(here, names))


IMAGES = {
    "x": integers(9, 8),
    "h": integers(3, 2),
    "odd": integers(3, 3),
    "u": integers(7),
    "v": integers(4),
}


def matlab_conv2(x, h, shape="full"):
    """conv2 and conv: 'same' starts at entry ceil((k + 1) / 2) of 'full', counted from 1."""
    full = signal.convolve(x, h, method="direct")
    if shape == "full":
        return full
    if shape == "valid":
        return signal.convolve(x, h, "valid", method="direct")
    return full[tuple(slice(k // 2, k // 2 + n) for n, k in zip(x.shape, h.shape, strict=True))]


def matlab_filter2(h, x, shape="same"):
    """Correlation: conv2 with the kernel turned by 180 degrees."""
    return matlab_conv2(x, h[::-1, ::-1], shape)


def matlab_imfilter(x, h, *options):
    """Correlation unless 'conv'; kernels of odd sides only."""
    modes = {"symmetric": "symmetric", "replicate": "edge", "circular": "wrap"}
    mode = next((modes[option] for option in options if option in modes), "constant")
    wide = 2 if "full" in options else 1
    padded = np.pad(x, [(wide * (k // 2),) * 2 for k in h.shape], mode=mode)
    return matlab_conv2(padded, h if "conv" in options else h[::-1, ::-1], "valid")


def columns(shape, image):
    """The matrix of a linear map, column by column, images and results column-major."""
    units = np.eye(int(np.prod(shape)), dtype=np.float32)
    return np.stack([image(e.reshape(shape, order="F")).ravel(order="F") for e in units], axis=1)


MATLAB = {
    "conv(u, v)": lambda u, v, **_: matlab_conv2(u, v),
    "conv(u, v, 'same')": lambda u, v, **_: matlab_conv2(u, v, "same"),
    "conv(u, v, 'valid')": lambda u, v, **_: matlab_conv2(u, v, "valid"),
    "conv2(x, h)": lambda x, h, **_: matlab_conv2(x, h),
    "conv2(x, h, 'same')": lambda x, h, **_: matlab_conv2(x, h, "same"),
    "conv2(x, h, 'valid')": lambda x, h, **_: matlab_conv2(x, h, "valid"),
    "filter2(h, x)": lambda x, h, **_: matlab_filter2(h, x),
    "filter2(h, x, 'full')": lambda x, h, **_: matlab_filter2(h, x, "full"),
    "imfilter(x, odd)": lambda x, odd, **_: matlab_imfilter(x, odd),
    "imfilter(x, odd, 'conv')": lambda x, odd, **_: matlab_imfilter(x, odd, "conv"),
    "imfilter(x, odd, 'symmetric')": lambda x, odd, **_: matlab_imfilter(x, odd, "symmetric"),
    "imfilter(x, odd, 'replicate')": lambda x, odd, **_: matlab_imfilter(x, odd, "replicate"),
    "imfilter(x, odd, 'circular', 'conv')": lambda x, odd, **_: matlab_imfilter(
        x, odd, "circular", "conv"
    ),
    "imfilter(x, odd, 'full')": lambda x, odd, **_: matlab_imfilter(x, odd, "full"),
    "convmtx(v', 7)": lambda v, **_: columns((7,), lambda u: np.convolve(u, v)),
    "convmtx(v, 7)": lambda v, **_: columns((7,), lambda u: np.convolve(u, v)).T,
    "convmtx2(h, 9, 8)": lambda h, **_: columns((9, 8), lambda x: matlab_conv2(x, h)),
}


@pytest.mark.parametrize(("there", "here"), rows("MATLAB"))
def test_matlab(there, here):
    assert_same(MATLAB[there](**IMAGES), eval(here, COMMON | IMAGES))


def test_every_formula_for_matlab_has_its_row():
    assert list(MATLAB) == [there for there, _ in rows("MATLAB")]


SCIPY = IMAGES | {
    "signal": signal,
    "ndimage": ndimage,
    "linalg": linalg,
    "z": IMAGES["x"] + 1j * IMAGES["x"][::-1],
    "hz": IMAGES["h"] + 2j * IMAGES["h"][::-1],
}


@pytest.mark.parametrize(("there", "here"), rows("SciPy"))
def test_scipy(there, here):
    assert_same(eval(there, COMMON | SCIPY), eval(here, COMMON | SCIPY))


TITLES = ("PyTorch", "PyLops", "JAX", "TensorFlow and Keras", "MATLAB", "SciPy")


def test_the_page_is_read_whole():
    count = sum(len(rows(title)) for title in TITLES)
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert count == sum(line.startswith("| `") for line in lines)
    assert count >= 70
