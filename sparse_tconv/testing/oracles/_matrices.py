"""The oracles as dense matrices, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._loops import conv_samples, conv_transpose_samples
from ._parts import with_channels

__all__ = ["matrix", "transpose_matrix"]


def matrix(weight: ArrayLike, in_shape: Sequence[int], **options: Any) -> NDArray[Any]:
    """Return `conv` as a dense matrix, one column per unit vector.

    Parameters
    ----------
    weight : array_like
        The kernel.
    in_shape : sequence of int
        The shape of one sample, with its channels unless ``channels=False``.
    **options
        The keyword arguments of `conv`.

    Returns
    -------
    ndarray, shape (outputs, inputs)
        A new array of the weight's dtype, acting on ``x.ravel()``.

    See Also
    --------
    transpose_matrix : the same for `conv_transpose`.

    Examples
    --------
    >>> matrix([[1, 2], [3, 4]], (3, 3), channels=False)
    array([[1, 2, 0, 3, 4, 0, 0, 0, 0],
           [0, 1, 2, 0, 3, 4, 0, 0, 0],
           [0, 0, 0, 1, 2, 0, 3, 4, 0],
           [0, 0, 0, 0, 1, 2, 0, 3, 4]])
    >>> matrix([1, 1], (1,), channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: output size must be at least 1 on every axis; got (0,).
    """
    return _columns(conv_samples, weight, in_shape, **options)


def transpose_matrix(weight: ArrayLike, in_shape: Sequence[int], **options: Any) -> NDArray[Any]:
    """Return `conv_transpose` as a dense matrix, one column per unit vector.

    Parameters
    ----------
    weight : array_like
        The kernel.
    in_shape : sequence of int
        The shape of one sample of the transposed convolution's input.
    **options
        The keyword arguments of `conv_transpose`.

    Returns
    -------
    ndarray, shape (outputs, inputs)
        A new array of the weight's dtype, acting on ``y.ravel()``.

    See Also
    --------
    matrix : the same for `conv`; of the same setting it is the transpose of this one.

    Examples
    --------
    >>> transpose_matrix([1, 2], (2,), stride=2, channels=False)
    array([[1, 0],
           [2, 0],
           [0, 1],
           [0, 2]])
    >>> transpose_matrix([1], (1,), padding=1, channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: output size must be at least 1 on every axis; got (-1,).
    """
    return _columns(conv_transpose_samples, weight, in_shape, **options)


def _columns(
    function: Any,
    weight: ArrayLike,
    in_shape: Sequence[int],
    channels: bool = True,
    flip: bool = False,
    **options: Any,
) -> NDArray[Any]:
    """Return the images of the unit vectors as columns."""
    sample = np.zeros(tuple(in_shape), np.asarray(weight).dtype)
    x, w = with_channels(sample, weight, channels, flip)
    units = np.eye(x.size, dtype=x.dtype).reshape(*x.shape, x.size)
    columns: NDArray[Any] = function(units, w, **options).reshape(-1, x.size)
    return columns
