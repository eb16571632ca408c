"""The convolutions that the suite measures: one of each kind, small enough for a smoke run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import sparse_tconv as st

# name: class, weight shape, in_shape, options
SETTINGS: dict[str, tuple[Any, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "image 256x256 9x9": (st.Conv, (1, 1, 9, 9), (1, 256, 256), {"padding": 4}),
    "layer 16->32 32x32 3x3": (st.Conv, (32, 16, 3, 3), (16, 32, 32), {"padding": 1}),
    "decoder 32->16 16x16 4x4 stride 2": (
        st.ConvTranspose,
        (32, 16, 4, 4),
        (32, 16, 16),
        {"padding": 1, "stride": 2},
    ),
    "depthwise 32x64x64 3x3": (
        st.Conv,
        (32, 1, 3, 3),
        (32, 64, 64),
        {"padding": 1, "groups": 32},
    ),
    "volume 32x32x32 5x5x5": (st.Conv, (1, 1, 5, 5, 5), (1, 32, 32, 32), {"padding": 2}),
    "signal 100,000 k=64": (st.Conv, (1, 1, 64), (1, 100_000), {}),
    "image 256x256 9x9 symmetric": (
        st.Conv,
        (1, 1, 9, 9),
        (1, 256, 256),
        {"padding": 4, "padding_mode": "symmetric"},
    ),
}
NAMES = list(SETTINGS)
DTYPES = ["float64", "float32"]


def kernel(name: str, dtype: str, seed: int = 0) -> NDArray[Any]:
    """A random kernel of a setting."""
    shape = SETTINGS[name][1]
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def operator(name: str, dtype: str, engine: str = "auto") -> Any:
    """The operator of a setting."""
    cls, _, in_shape, options = SETTINGS[name]
    return cls(kernel(name, dtype), in_shape, engine=engine, **options)


def build(name: str, dtype: str) -> Any:
    """The matrix of a setting, from nothing but its kernel."""
    cls, _, in_shape, options = SETTINGS[name]
    function = st.conv_matrix if cls is st.Conv else st.conv_transpose_matrix
    return function(kernel(name, dtype), in_shape, **options)
