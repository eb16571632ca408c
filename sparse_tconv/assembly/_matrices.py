"""The matrix of a convolution, and of a transposed convolution."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, DTypeLike
from scipy.sparse import csr_array

from .. import _validate as validate
from .._parameters import documented
from ..geometry import ConvGeometry
from ._csr import fresh_matrix


@documented
def conv_matrix(
    weight: ArrayLike,
    in_shape: Any,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: Any = "zeros",
    flip: bool = False,
    channels: bool = True,
    dtype: DTypeLike | None = None,
    index_dtype: DTypeLike | None = None,
    drop_zeros: bool = False,
    max_bytes: int | None = None,
) -> csr_array:
    """The matrix C of a convolution: ``C @ x.ravel()`` is the convolution of x, flat.

    Parameters
    ----------
    {conv_weight}
    {conv_geometry}
    {matrix_options}

    Returns
    -------
    scipy.sparse.csr_array, shape (prod(out_shape), prod(in_shape))
        A fresh, writable matrix in canonical format: columns sorted, no duplicates. Rows number
        ``(C_out, *out_size)`` and columns ``(C_in, *size)``, C-ordered.

    Raises
    ------
    {geometry_errors}
        Or `dtype` or `index_dtype` cannot hold the matrix, or integer taps that meet at a border add up
        to more than the matrix's type holds.
    MatrixTooLargeError
        The matrix would not fit.

    See Also
    --------
    conv_transpose_matrix : the transpose, with the arguments of a transposed convolution.
    Conv : the same map as an operator, applied without storing the matrix.

    Notes
    -----
    ``y[co, o] = sum over ci, t of weight[co, ci, t] * x~[ci, o * stride - before + dilation * t]``,
    where x~ is x extended by its padding mode. Where several taps read one sample, their sum is one
    entry. Zero taps are stored, so that the pattern is the geometry's, unless ``drop_zeros=True``.
    The cost is that of copying the matrix.

    Examples
    --------
    The matrix of a 2x2 kernel on a 3x3 image:

    >>> import numpy as np
    >>> from sparse_tconv import conv_matrix
    >>> C = conv_matrix([[1, 2], [3, 4]], (3, 3), channels=False)
    >>> C.toarray()
    array([[1, 2, 0, 3, 4, 0, 0, 0, 0],
           [0, 1, 2, 0, 3, 4, 0, 0, 0],
           [0, 0, 0, 1, 2, 0, 3, 4, 0],
           [0, 0, 0, 0, 1, 2, 0, 3, 4]])
    >>> C @ np.arange(9)
    array([27, 37, 57, 67])

    >>> conv_matrix(np.ones((8, 3, 3, 3)), (1, 3, 32, 32))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `in_shape` must have 3 entries (C_in, H, W) for a 4-d weight;
        got 4. Leave out the batch axis; for a kernel without channels pass channels=False.
    """
    kernel = validate.kernel_array_for("weight", weight, dtype)
    geometry = ConvGeometry.from_conv(
        kernel.shape,
        in_shape,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        padding_mode=padding_mode,
        flip=flip,
        channels=channels,
    )
    return fresh_matrix(
        geometry,
        kernel,
        False,
        dtype=validate.optional_dtype("dtype", dtype),
        index=index_dtype,
        drop_zeros=validate.flag("drop_zeros", drop_zeros),
        max_bytes=max_bytes,
    )


@documented
def conv_transpose_matrix(
    weight: ArrayLike,
    in_shape: Any,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    output_size: Any = None,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: Any = "zeros",
    flip: bool = False,
    channels: bool = True,
    dtype: DTypeLike | None = None,
    index_dtype: DTypeLike | None = None,
    drop_zeros: bool = False,
    max_bytes: int | None = None,
) -> csr_array:
    """The matrix C^T of a transposed convolution, C being the convolution whose input is its
    output.

    Parameters
    ----------
    {transpose_weight}
    {transpose_geometry}
    {matrix_options}

    Returns
    -------
    scipy.sparse.csr_array, shape (prod(out_shape), prod(in_shape))
        A fresh, writable matrix in canonical format: columns sorted, no duplicates. Rows number
        ``(C_out, *out_size)`` and columns ``(C_in, *size)``, C-ordered. Nothing is conjugated.

    Raises
    ------
    {geometry_errors}
        Or `dtype` or `index_dtype` cannot hold the matrix, or integer taps that meet at a border add up
        to more than the matrix's type holds.
    MatrixTooLargeError
        The matrix would not fit.

    See Also
    --------
    conv_matrix : the matrix whose transpose this is.
    ConvTranspose : the same map as an operator, applied without storing the matrix.

    Notes
    -----
    The output size is ``(n - 1) * stride - (before + after) + dilation * (k - 1) + 1 +
    output_padding`` along each axis, for every padding mode; ``padding='same'`` gives ``n *
    stride``. The cost is that of copying the matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import conv_transpose_matrix
    >>> T = conv_transpose_matrix([1, 1, 1], (2,), stride=2, channels=False)
    >>> T.toarray()
    array([[1, 0],
           [1, 0],
           [1, 1],
           [0, 1],
           [0, 1]])
    >>> T @ np.ones(2, dtype=int)
    array([1, 1, 2, 1, 1])

    >>> conv_transpose_matrix([1, 1, 1], (2,), output_padding=1, channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `output_padding` must be less than max(stride, dilation) = 1
        on axis 0; got 1. Use 0.
    """
    kernel = validate.kernel_array_for("weight", weight, dtype)
    geometry = ConvGeometry.from_conv_transpose(
        kernel.shape,
        in_shape,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        output_size=output_size,
        dilation=dilation,
        groups=groups,
        padding_mode=padding_mode,
        flip=flip,
        channels=channels,
    )
    return fresh_matrix(
        geometry,
        kernel,
        True,
        dtype=validate.optional_dtype("dtype", dtype),
        index=index_dtype,
        drop_zeros=validate.flag("drop_zeros", drop_zeros),
        max_bytes=max_bytes,
    )
