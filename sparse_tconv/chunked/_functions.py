"""The functions on Dask arrays: same arguments, same meaning, lazy in and out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from .._parameters import documented
from ..errors import ShapeError
from ..geometry import ConvGeometry
from ..operators import cast_bias
from ._arrays import checked
from ._products import forward, transpose


@documented
def conv(
    x: Any,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    padding_mode: Any = "zeros",
    flip: bool = False,
    channels: bool = True,
    engine: str = "auto",
) -> Any:
    """Convolve a Dask array: ``C x + bias``, lazily.

    Parameters
    ----------
    x : dask.array.Array, (..., C_in, *size)
        Chunked along batch, channels and space as one likes; a channel axis in several chunks is
        merged, because every output channel reads a whole group.
    weight : array-like, (C_out, C_in // groups, *kernel_size)
        The kernel, in memory; ``kernel_size`` alone with ``channels=False``.
    bias : array-like, (C_out,), optional
        Added to each output channel; of shape ``()`` with ``channels=False``.
    {conv_options}

    Returns
    -------
    dask.array.Array, (..., C_out, *out_size)
        Of dtype ``numpy.result_type(x, weight)``. Chunks follow those of `x`: an output chunk holds
        the windows that start in one input chunk.

    Raises
    ------
    {engine_errors}
    ShapeError
        `x` has too few axes or unknown chunk sizes, or `bias` has another shape.
    MissingExtraError
        Dask is not installed.

    See Also
    --------
    sparse_tconv.conv : the same for arrays in memory.

    Notes
    -----
    One task per output chunk: it gathers the window of the extended array that the chunk reads and
    applies a convolution without padding to it, with one thread of this library's. Tasks carry the
    kernel, never a matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import chunked
    >>> chunked.conv(np.ones(9), [1, 1], channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `x` must be a Dask array; got ndarray. Use the functions of
        sparse_tconv for arrays in memory, or dask.array.from_array.
    """
    kernel, in_shape = _arguments(x, weight, channels)
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
    added = offset(geometry, bias, geometry.y_channels, np.result_type(x.dtype, kernel.dtype))
    y = forward(geometry, kernel, x, engine)
    return y if added is None else y + added


@documented
def conv_transpose(
    x: Any,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    *,
    output_size: Any = None,
    padding_mode: Any = "zeros",
    flip: bool = False,
    channels: bool = True,
    engine: str = "auto",
) -> Any:
    """Apply a transposed convolution to a Dask array: ``C^T x + bias``, lazily.

    Parameters
    ----------
    x : dask.array.Array, (..., C_in, *size)
        Chunked along batch, channels and space as one likes; a channel axis in several chunks is
        merged.
    weight : array-like, (C_in, C_out // groups, *kernel_size)
        The kernel, in memory; ``kernel_size`` alone with ``channels=False``.
    bias : array-like, (C_out,), optional
        Added to each output channel; of shape ``()`` with ``channels=False``.
    {stride_padding}
    {output_padding}
    {groups}
    {dilation}
    {mode_flip_channels}
    {engine}

    Returns
    -------
    dask.array.Array, (..., C_out, *out_size)
        Of dtype ``numpy.result_type(x, weight)``; chunks begin where the windows of an input chunk
        begin.

    Raises
    ------
    {engine_errors}
    ShapeError
        `x` has too few axes or unknown chunk sizes, or `bias` has another shape.
    MissingExtraError
        Dask is not installed.

    See Also
    --------
    sparse_tconv.conv_transpose : the same for arrays in memory.

    Notes
    -----
    An output chunk is the sum over the stretches of the extended axis that repeat its samples: one
    in its interior, more where a boundary folds back onto it.

    Examples
    --------
    >>> from sparse_tconv import chunked
    >>> chunked.conv_transpose([1.0, 2.0], [1, 1], channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `x` must be a Dask array; got list. Use the functions of
        sparse_tconv for arrays in memory, or dask.array.from_array.
    """
    kernel, in_shape = _arguments(x, weight, channels)
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
    added = offset(geometry, bias, geometry.x_channels, np.result_type(x.dtype, kernel.dtype))
    y = transpose(geometry, kernel, x, engine)
    return y if added is None else y + added


def _arguments(x: Any, weight: ArrayLike, channels: Any) -> tuple[NDArray[Any], tuple[int, ...]]:
    """The kernel, and the shape of one sample."""
    array = checked("x", x)
    kernel = validate.kernel_array("weight", weight)
    n = max(kernel.ndim - validate.flag("channels", channels), 1)
    if array.ndim < n or 0 in array.shape[array.ndim - n :]:
        raise ShapeError(
            f"`x` must have at least {n} axes, none of a sample's empty, for a {kernel.ndim}-d weight; "
            f"got shape {array.shape}. For arrays without channels pass channels=False."
        )
    return kernel, array.shape[array.ndim - n :]


def offset(
    geometry: ConvGeometry, bias: ArrayLike | None, channels: int, dtype: np.dtype[Any]
) -> NDArray[Any] | None:
    """The bias in the shape in which it is added, and in the result's dtype."""
    if bias is None:
        return None
    array = validate.constant_array("bias", bias)
    wanted = (channels,) if geometry.channels else ()
    if array.shape != wanted:
        raise ShapeError(
            f"`bias` must have shape {wanted}; got {array.shape}. Give one number per output channel."
        )
    return cast_bias(array, dtype).reshape(*wanted, *(1,) * len(geometry.axes))
