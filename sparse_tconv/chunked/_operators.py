"""Operators that one has, on Dask arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..operators import Affine, ConvOperator, ConvTranspose
from ._arrays import checked
from ._functions import offset
from ._products import forward, transpose


def apply(op: ConvOperator | Affine, x: Any) -> Any:
    """An operator applied to a Dask array, lazily.

    Parameters
    ----------
    op : Conv, ConvTranspose or Affine
        The operator; ``op.T`` and ``op.H`` too.
    x : dask.array.Array, (..., *op.in_shape)
        Samples, chunked as for :func:`conv`.

    Returns
    -------
    dask.array.Array, (..., *op.out_shape)
        Of dtype ``numpy.result_type(x, op.weight)``, chunked as by :func:`conv` and
        :func:`conv_transpose`.

    Raises
    ------
    ShapeError
        `x` does not end in ``op.in_shape``, or has unknown chunk sizes.
    DTypeError
        `op` is no operator of this library, or `x` no Dask array of numbers.
    MissingExtraError
        Dask is not installed.

    See Also
    --------
    conv : the same from a weight and its parameters.

    Notes
    -----
    Nothing that the operator has built is used: a task carries the kernel and the geometry of its
    own window. The engine asked for is that of every window; 'auto' chooses for each geometry.

    Examples
    --------
    >>> from sparse_tconv import Conv, chunked
    >>> chunked.apply(Conv([1.0, 2.0], (4,), channels=False), [1.0, 2.0, 3.0, 4.0])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `x` must be a Dask array; got list. Use the functions of
        sparse_tconv for arrays in memory, or dask.array.from_array.
    """
    linear = op.op if isinstance(op, Affine) else op
    if not isinstance(linear, ConvOperator):
        raise DTypeError(
            f"`op` must be a Conv, ConvTranspose or Affine; got {type(op).__name__}. "
            "Make one with sparse_tconv.Conv(weight, in_shape)."
        )
    array = checked("x", x)
    n = len(linear.in_shape)
    if array.shape[max(array.ndim - n, 0) :] != linear.in_shape:
        listed = ", ".join(map(str, linear.in_shape))
        raise ShapeError(
            f"`x` must have shape (..., {listed}); got {array.shape}. "
            "Batch axes stand in front; chunks do not matter."
        )
    y = _product(linear, array)
    if not isinstance(op, Affine):
        return y
    added = offset(linear.geometry, op.bias, linear.out_shape[0], np.dtype(y.dtype))
    return y if added is None else y + added


def _product(op: ConvOperator, x: Any) -> Any:
    """C x, C^T x, or the conjugate of what they give for conj(x)."""
    multiply = transpose if isinstance(op, ConvTranspose) else forward
    if op.conjugated:
        return multiply(op.geometry, op.weight, x.conj(), op.requested_engine).conj()
    return multiply(op.geometry, op.weight, x, op.requested_engine)
