"""Layers that mix no places: a number per channel, a matrix on the last axis."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .. import _validate as validate
from ..errors import GeometryError, ShapeError
from ..operators import Diagonal
from ._axis_matrices import AxisMatrices, cast_exactly
from ._sample import check_written


def channel_scale(in_shape: Any, scale: ArrayLike, *, dtype: DTypeLike | None = None) -> Diagonal:
    """Each channel times a number: the linear part of a batch norm in eval mode.

    Parameters
    ----------
    in_shape : tuple of int, (C, *size)
        Shape of one sample.
    scale : array-like, (C,) or a scalar
        The numbers; of a batch norm, ``weight / sqrt(running_var + eps)``.
    dtype : dtype-like, optional
        Type of the matrix's entries; float64, complex128 or wider as `scale` needs, if not given.

    Returns
    -------
    Diagonal

    Raises
    ------
    GeometryError
        `in_shape` is no tuple of positive ints.
    ShapeError
        `scale` is not one number per channel.
    MatrixTooLargeError
        What has to be written out does not fit in memory.
    DTypeError
        `dtype` is a type that the library does not compute with, or cannot hold `scale`.

    See Also
    --------
    Affine : adds the bias.

    Notes
    -----
    Forward ``y[c] = scale[c] * x[c]``, adjoint ``conj(scale[c]) * y[c]``. A batch norm is
    ``Affine(op, bias - running_mean * scale)``.

    Examples
    --------
    >>> from sparse_tconv import layers
    >>> layers.channel_scale((2, 2), [2, 3]).toarray()
    array([[2., 0., 0., 0.],
           [0., 2., 0., 0.],
           [0., 0., 3., 0.],
           [0., 0., 0., 3.]])
    >>> layers.channel_scale((2, 2), [1, 2, 3])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `scale` must have shape (2,), one number per channel; got (3,).
        The first axis of `in_shape` is that of the channels.
    """
    shape = validate.shape("in_shape", in_shape)
    numbers = _in_dtype("scale", scale, dtype)
    if numbers.shape not in ((), shape[:1]):
        raise ShapeError(
            f"`scale` must have shape {shape[:1]}, one number per channel; got {numbers.shape}. "
            f"The first axis of `in_shape` is that of the channels."
        )
    check_written("in_shape", shape, prod(shape), 2 * numbers.itemsize)
    column = numbers.reshape(*numbers.shape, *(1,) * (len(shape) - numbers.ndim))
    return Diagonal(np.broadcast_to(column, shape), spatial_ndim=len(shape) - 1)


def linear(in_shape: Any, weight: ArrayLike, *, dtype: DTypeLike | None = None) -> AxisMatrices:
    """A matrix on the last axis: the linear part of torch.nn.Linear.

    Parameters
    ----------
    in_shape : tuple of int, (..., in_features)
        Shape of one sample.
    weight : array-like, (out_features, in_features)
        The matrix. Copied.
    dtype : dtype-like, optional
        Type of the matrix's entries; float64, complex128 or wider as `weight` needs, if not given.

    Returns
    -------
    Operator

    Raises
    ------
    ShapeError
        `weight` is no matrix of as many columns as the last axis has entries.
    GeometryError
        `in_shape` has no axis, or is no shape.
    DTypeError
        `dtype` is a type that the library does not compute with, or cannot hold `weight`.

    See Also
    --------
    Affine : adds a bias of `out_shape`.

    Notes
    -----
    Forward ``y[..., o] = sum over i of weight[o, i] x[..., i]``; adjoint with ``weight^H``.

    Examples
    --------
    >>> from sparse_tconv import layers
    >>> layers.linear((2, 2), [[1, 2]]).toarray()
    array([[1., 2., 0., 0.],
           [0., 0., 1., 2.]])
    >>> layers.linear((2, 3), [[1, 2]])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `weight` must have shape (out_features, 3); got (1, 2). It acts on
        the last axis of a sample.
    """
    shape = validate.shape("in_shape", in_shape)
    if not shape:
        raise GeometryError("`in_shape` must have an axis of features; got (). Pass (n,) for n.")
    matrix = _in_dtype("weight", weight, dtype)
    if matrix.ndim != 2 or matrix.shape[1:] != shape[-1:] or not len(matrix):
        raise ShapeError(
            f"`weight` must have shape (out_features, {shape[-1]}); got {matrix.shape}. "
            f"It acts on the last axis of a sample."
        )
    return AxisMatrices(shape, [matrix], matrix.dtype)


def _in_dtype(name: str, values: ArrayLike, dtype: DTypeLike | None) -> Any:
    """A copy in the dtype asked for, or in double precision of the values' kind."""
    array = validate.numeric_array(name, values)
    wanted = validate.optional_dtype("dtype", dtype) or np.result_type(array, np.float64)
    if array.dtype.kind == "c" and wanted.kind != "c":
        wanted = validate.numeric_dtype("dtype", np.result_type(array, wanted))
    return np.array(cast_exactly(array, wanted))
