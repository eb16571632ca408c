"""Interpolation to another size."""

from __future__ import annotations

from math import floor, inf, prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import csr_array

from .. import _validate as validate
from ..errors import GeometryError
from ..operators import Conv, ConvTranspose, Operator
from ._axis_matrices import axis_operator, gathered
from ._pool import adaptive_avg_pool
from ._sample import channels_first, check_written

_MODES = ("nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area")
_AXES = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


def upsample(
    in_shape: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    *,
    dtype: DTypeLike = float,
) -> Operator:
    """Interpolation to another size: torch.nn.functional.interpolate.

    Parameters
    ----------
    in_shape : tuple of int, (C, *size)
        Shape of one sample.
    size : int or one int per spatial axis, optional
        The size that results.
    scale_factor : float or one float per spatial axis, optional
        Give this or `size`: the size is ``floor(n * scale_factor)``.
    mode : {'nearest', 'nearest-exact', 'linear', 'bilinear', 'trilinear', 'bicubic', 'area'}
        The rule; of 'linear', 'bilinear' and 'trilinear' the one for the number of spatial axes.
    align_corners : bool, optional
        For the linear and cubic rules: whether the centers of the corner pixels stay where they
        are; False, if not given.
    dtype : dtype-like, default float
        Type of the matrix's entries; integers serve the nearest rules.

    Returns
    -------
    ConvTranspose, Conv or Operator
        A ``ConvTranspose`` where each entry is repeated a whole number of times, a ``Conv`` where
        every so many are taken.

    Raises
    ------
    GeometryError
        An argument cannot be what it is, or does not go with `mode`.
    MatrixTooLargeError
        What has to be written out does not fit in memory.
    DTypeError
        `dtype` cannot hold the entries.

    See Also
    --------
    pixel_shuffle : takes the new pixels from channels.

    Notes
    -----
    The Kronecker product of one small matrix per axis: a row of it has 1 entry (nearest), 2
    (linear), 4 (cubic) or a window's (area), and its entries sum to 1. A source position is
    ``(o + 1/2) / scale - 1/2``, or ``o (n - 1) / (m - 1)`` with `align_corners`; nearest takes
    ``floor(o / scale)``, rounded in single precision, as PyTorch does. Results are those of
    ``recompute_scale_factor=None`` and ``antialias=False``.

    Examples
    --------
    >>> from sparse_tconv import layers
    >>> layers.upsample((1, 2), 4, mode="linear").toarray()
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.  , 1.  ]])
    >>> type(layers.upsample((3, 8, 8), scale_factor=2)).__name__
    'ConvTranspose'
    >>> layers.upsample((1, 2), 4, mode="bilinear")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `mode` must be for 1 spatial axes; got 'bilinear', which is for
        2. Pass 'linear'.
    """
    channels, old = channels_first(in_shape)
    kind = validate.numeric_dtype("dtype", dtype)
    _check_mode(mode, len(old))
    align = _aligned(mode, align_corners)
    new, scales = _sizes(old, size, scale_factor)
    if mode == "area":
        return adaptive_avg_pool((channels, *old), new, dtype=kind)
    check_written("size", new, 4 * max(*new, *old))
    axes = list(zip(old, new, scales, strict=True))
    if not mode.startswith("nearest"):
        rule = _cubic if mode == "bicubic" else _linear
        return axis_operator((channels, *old), [rule(*axis, align) for axis in axes], kind)
    sources = [_nearest(*axis, mode == "nearest-exact", len(old) == 2) for axis in axes]
    return _taken(channels, old, sources, kind)


def _taken(channels: int, old: tuple[int, ...], sources: list[Any], kind: Any) -> Operator:
    """Entries taken from these places: a convolution where each is repeated, or skipped, equally."""
    shape, d = (channels, *old), len(old)
    pairs = list(zip(old, sources, strict=True))
    repeats = [max(1, len(s) // n) for n, s in pairs]
    if all(
        np.array_equal(s, np.repeat(np.arange(n), r))
        for (n, s), r in zip(pairs, repeats, strict=True)
    ):
        check_written("in_shape", shape, channels * prod(repeats), 2 * kind.itemsize)
        ones = np.ones((channels, 1, *repeats), kind)
        return ConvTranspose(ones, shape, stride=repeats, groups=channels)
    steps = [int(s[1]) if len(s) > 1 else n for n, s in pairs]
    if all(
        step > 0 and np.array_equal(s, np.arange(0, n, step))
        for (n, s), step in zip(pairs, steps, strict=True)
    ):
        check_written("in_shape", shape, channels, 2 * kind.itemsize)
        return Conv(np.ones((channels, 1, *(1,) * d), kind), shape, stride=steps, groups=channels)
    return axis_operator(shape, [gathered(s, n) for n, s in pairs], kind)


def _check_mode(mode: Any, axes: int) -> None:
    if not validate.is_word(mode, _MODES):
        listed = ", ".join(map(repr, _MODES))
        raise GeometryError(
            f"`mode` must be one of {listed}; got {validate.written(mode)}. Pass one of these words."
        )
    wanted = _AXES.get(mode, axes)
    if wanted != axes:
        linear = {1: "linear", 2: "bilinear", 3: "trilinear"}.get(axes, "nearest")
        raise GeometryError(
            f"`mode` must be for {axes} spatial axes; got {mode!r}, which is for {wanted}. Pass {linear!r}."
        )


def _aligned(mode: str, align_corners: Any) -> bool:
    if align_corners is None:
        return False
    if mode not in _AXES:
        raise GeometryError(
            f"`align_corners` must be left out for mode={mode!r}; got {align_corners!r}. "
            f"It belongs to the linear and cubic modes."
        )
    return validate.flag("align_corners", align_corners)


def _sizes(
    old: tuple[int, ...], size: Any, scale_factor: Any
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The new size, and the factors where these were given."""
    if (size is None) == (scale_factor is None):
        raise GeometryError(
            f"`size` must be given, or `scale_factor`, and not both; got {validate.written(size)} and "
            f"{validate.written(scale_factor)}. "
            f"Pass one of them."
        )
    if size is not None:
        return validate.per_axis("size", size, len(old), minimum=1), (None,) * len(old)
    many = validate.entries(scale_factor)
    given = [scale_factor] * len(old) if many is None else many
    factors = tuple(map(validate.real, given))
    # Beyond it a size is infinite, or NaN.
    if len(factors) != len(old) or not all(0 < f * max(old) < inf for f in factors):
        raise GeometryError(
            f"`scale_factor` must be a positive number or one per axis ({len(old)}); "
            f"got {validate.written(scale_factor)}. Pass `size` for a size."
        )
    new = tuple(floor(n * f) for n, f in zip(old, factors, strict=True))
    if min(new) < 1:
        raise GeometryError(
            f"`scale_factor` must leave at least one entry; got {scale_factor!r} for {old}. Take a larger one."
        )
    return validate.shape("scale_factor", new), factors


def _nearest(n: int, m: int, scale: float | None, exact: bool, images: bool) -> Any:
    """The source of each entry, rounded in single precision as PyTorch does, and without rounding
    where it doubles images.
    """
    if m == 2 * n and images and not exact:
        return np.arange(m) // 2
    step = np.float32(n) / np.float32(m) if scale is None else np.float32(1 / scale)
    places = np.arange(m, dtype=np.float32) + np.float32(0.5 if exact else 0)
    return np.minimum(np.floor(places * step).astype(np.int64), n - 1)


def _positions(n: int, m: int, scale: float | None, align: bool) -> Any:
    """Where each entry comes from, between those of the sample."""
    places = np.arange(m, dtype=float)
    if align:
        return places * ((n - 1) / (m - 1) if m > 1 else 0.0)
    return (places + 0.5) * (n / m if scale is None else 1 / scale) - 0.5


def _linear(n: int, m: int, scale: float | None, align: bool) -> csr_array:
    places = np.maximum(_positions(n, m, scale, align), 0) if m != n else np.arange(n, dtype=float)
    below = np.minimum(np.floor(places).astype(np.int64), n - 1)
    part = np.clip(places - below, 0, 1)
    columns = np.stack([below, np.minimum(below + 1, n - 1)], axis=1)
    matrix = gathered(columns, n, np.stack([1 - part, part], axis=1))
    matrix.eliminate_zeros()
    return matrix


def _cubic(n: int, m: int, scale: float | None, align: bool) -> csr_array:
    """Keys' kernel with a = -3/4 and the border replicated."""
    places = _positions(n, m, scale, align)
    below = np.floor(places)
    distance = np.abs((places - below)[:, None] - np.arange(-1, 3))
    near = (1.25 * distance - 2.25) * distance**2 + 1
    far = -0.75 * (((distance - 5) * distance + 8) * distance - 4)
    columns = np.clip(below.astype(np.int64)[:, None] + np.arange(-1, 3), 0, n - 1)
    matrix = gathered(columns, n, np.where(distance <= 1, near, far))
    matrix.eliminate_zeros()
    return matrix
