"""Random operators that have a structure, and what is true of their matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from factories import MODES, random_array, random_setting

import sparse_tconv as st

KINDS = ("any", "circular", "symmetric", "mixed", "kronecker")
DOUBLE = (np.float64, np.complex128)
EVERY = (*DOUBLE, np.float32, np.complex64, np.int64, np.longdouble)
EXTREMES = {
    "largest": ("auto", "lanczos", "shift-invert"),
    "smallest": ("auto", "lu", "qr", "augmented", "gram"),
}
KERNELS = ("random", "integers", "deficient", "near the identity")
LARGEST = 600  # rows or columns of a matrix that is decomposed in a test


def random_operator(
    rng: np.random.Generator, kind: str = "any", dtypes: tuple[Any, ...] = DOUBLE
) -> Any:
    """A Conv or a relative of one, with the structure of its kind."""
    while True:
        op = _conv(rng, kind, dtypes)
        if op is not None and max(op.shape) <= LARGEST:
            return (op, op.T, op.H, op.H.T)[rng.integers(4)]


def _conv(rng: np.random.Generator, kind: str, dtypes: tuple[Any, ...]) -> Any:
    if kind == "any":
        setting = random_setting(rng, dtypes=dtypes)
        return st.Conv(setting.weight, setting.in_shape, **setting.options)
    axes = int(rng.integers(1, 4))
    groups = int(rng.choice([1, 1, 2]))
    channels = groups * int(rng.integers(1, 4)), int(rng.integers(1, 4))
    sizes = rng.integers(1, {1: 8, 2: 5, 3: 4}[axes], axes)
    kernel, dilation = rng.integers(1, 5, axes), rng.integers(1, 3, axes)
    if kind == "circular":
        stride = rng.integers(1, 4, axes)
        before = rng.integers(-2, 8, axes)
        total = dilation * (kernel - 1) + 1 - stride
        options = {
            "stride": stride,
            "padding": np.stack([before, total - before], axis=1),
            "padding_mode": "circular",
        }
        sizes = sizes * stride
    else:
        modes = {"symmetric": ("symmetric",), "mixed": MODES, "kronecker": MODES}[kind]
        kernel = 2 * rng.integers(0, 3, axes) + 1
        options = {
            "padding": dilation * (kernel - 1) // 2,
            "padding_mode": [str(mode) for mode in rng.choice(modes, axes)],
        }
    weight = random_array(rng, (*channels, *kernel), rng.choice(np.array(dtypes, dtype=object)))
    if kind in ("symmetric", "mixed"):
        for axis in range(2, weight.ndim):
            weight = weight + np.flip(weight, axis)
    if kind == "kronecker":
        weight = random_array(rng, channels, weight.dtype)
        for side in kernel:
            weight = np.multiply.outer(weight, random_array(rng, (int(side),), weight.dtype))
    options["flip"] = bool(rng.integers(2))
    try:
        in_shape = (channels[1] * groups, *sizes.tolist())
        return st.Conv(weight, in_shape, dilation=dilation, groups=groups, **options)
    except st.GeometryError:  # an empty output
        return None


def dense(op: Any) -> Any:
    """The whole matrix, taps that meet in an entry summed in double precision."""
    wide = np.complex128 if op.dtype.kind == "c" else np.float64
    return op.with_weight(op.weight.astype(wide)).matrix.toarray()


def true_values(op: Any) -> Any:
    """The singular values of the whole matrix."""
    return np.linalg.svd(dense(op), compute_uv=False)


def rounding_of(op: Any) -> float:
    """Rounding unit of the dtype that a kernel was given in, at least that of float64."""
    eps = np.finfo(op.dtype).eps if op.dtype.kind in "fc" else 0.0
    return float(max(eps, np.finfo(np.float64).eps))


def second_difference_cond(n: int) -> float:
    """The n x n matrix of [1, -2, 1] under zero padding has cot(pi / (2 (n + 1)))^2."""
    return float(1 / np.tan(np.pi / (2 * (n + 1))) ** 2)


def an_operator(rng, kind):
    """An operator whose kernel has the nature of its kind: few values, many zeros, small rank,
    clusters.
    """
    if kind == "near the identity":
        return near_the_identity(rng)
    op = random_operator(rng, str(rng.choice(KINDS)), EVERY)
    if kind == "integers":
        return op.with_weight(rng.integers(-1, 2, op.weight.shape).astype(op.dtype))
    if kind == "deficient":
        weight = op.weight.copy()
        weight[rng.integers(len(weight))] = 0
        weight[..., rng.integers(weight.shape[-1])] = 0
        return op.with_weight(weight)
    return op


def near_the_identity(rng):
    """One tap of one in each channel, and noise: clusters as narrow as it."""
    groups, side = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    size = rng.integers(3, 40 if side == 1 else 7, side)
    weight = np.zeros((groups, 1, *(3,) * side))
    weight[(slice(None), 0, *(1,) * side)] = 1
    weight += 10.0 ** rng.integers(-12, -3) * rng.standard_normal(weight.shape)
    mode = str(rng.choice(MODES))
    return st.Conv(weight, (groups, *size.tolist()), padding=1, groups=groups, padding_mode=mode)


def applies(op, method):
    return method != "lu" or op.shape[0] == op.shape[1]
