"""What the second term measures: nothing, differences, curvature, or an operator of the user's."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import GeometryError, ShapeError
from ..operators import Conv, ConvOperator, Operator, as_operator, is_foreign
from ._arguments import one_of

GRADIENT, LAPLACIAN = "gradient", "laplacian"
WORDS = (GRADIENT, LAPLACIAN)


def regularizer_operator(regularizer: Any, op: Operator, in_shape: tuple[int, ...]) -> Any:
    """The operator L over flat samples, or None for the identity."""
    if regularizer is None:
        return None
    if isinstance(regularizer, str):
        return _difference_operator(one_of("regularizer", regularizer, WORDS), op, in_shape)
    if not is_operator(regularizer):
        listed = ", ".join(map(repr, WORDS))
        raise GeometryError(
            f"`regularizer` must be None, {listed}, a LinearOperator or a matrix; "
            f"got {regularizer!r}. Leave it out to damp x itself."
        )
    found = as_operator(regularizer)
    if found.shape[1] != prod(in_shape):
        raise ShapeError(
            f"`regularizer` must have {prod(in_shape)} columns, one per entry of x; "
            f"got shape {found.shape}. Make it for samples of shape {in_shape}."
        )
    return found


def is_operator(value: Any) -> bool:
    """Whether a value is a matrix, or has products as an operator of SciPy or PyLops has."""
    return isinstance(value, np.ndarray) or is_foreign(value)


def _difference_operator(word: str, op: Operator, in_shape: tuple[int, ...]) -> Conv:
    """Differences along the spatial axes of each channel apart.

    They are periodic on the axes where the operator is, and end at the border on the others, so
    that L^H L is diagonal in the same Fourier or cosine basis as C.
    """
    shape, n_axes = spatial_axes("regularizer", op, in_shape, word)
    lead = len(shape) - n_axes
    modes = op.geometry.padding_mode if isinstance(op, ConvOperator) else ("zeros",) * n_axes
    weight, padding = (_differences if word == GRADIENT else _curvature)(n_axes)
    channels = prod(shape[:lead])
    return Conv(
        np.tile(weight, (channels,) + (1,) * (n_axes + 1)),
        (channels, *shape[lead:]),
        padding=(padding,) * n_axes,
        padding_mode=tuple("circular" if mode == "circular" else "symmetric" for mode in modes),
        groups=channels,
    )


def spatial_axes(
    name: str, op: Any, in_shape: tuple[int, ...], word: str = GRADIENT
) -> tuple[tuple[int, ...], int]:
    """The true shape of x, and how many of its trailing axes are spatial.

    `name` is the argument that is at fault where they are not known, `word` what needs them.
    """
    if isinstance(op, Operator) and op.spatial_ndim:
        return in_shape, op.spatial_ndim
    if not isinstance(op, Operator) and hasattr(op, "dims"):  # PyLops's n-d shape of x
        shape = as_operator(op).in_shape
        return shape, len(shape)
    rule = "a matrix or an operator where the axes of x are not known"
    if name == "op":
        rule = "an operator that knows the axes of x"
    raise GeometryError(
        f"`{name}` must be {rule}: {word!r} "
        f"needs the in_shape of `op`; got a {type(op).__name__} of shape {tuple(op.shape)}. Pass "
        f"sparse_tconv.as_operator(op, in_shape=...)."
    )


def _differences(n_axes: int) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Forward differences, one output channel per axis."""
    weight = np.zeros((n_axes, 1) + (2,) * n_axes)
    origin = (0,) * n_axes
    for axis in range(n_axes):
        weight[(axis, 0, *origin)] = -1.0
        weight[(axis, 0, *origin[:axis], 1, *origin[axis + 1 :])] = 1.0
    return weight, (0, 1)


def _curvature(n_axes: int) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """The sum of the second differences."""
    weight = np.zeros((1, 1) + (3,) * n_axes)
    middle = (1,) * n_axes
    weight[(0, 0, *middle)] = -2.0 * n_axes
    for axis in range(n_axes):
        for side in (0, 2):
            weight[(0, 0, *middle[:axis], side, *middle[axis + 1 :])] = 1.0
    return weight, (1, 1)
