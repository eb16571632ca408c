"""Convolutions as functions, in torch.nn.functional's names and positions, over operators that are
kept from one call to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validate as validate
from ._parameters import documented
from .errors import GeometryError, ShapeError
from .geometry import ConvGeometry
from .kept_products import applied


@documented
def conv(
    x: ArrayLike,
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
) -> NDArray[Any]:
    """Convolve samples: ``C x + bias``.

    Parameters
    ----------
    x : array-like, (..., C_in, *size)
        Samples, with any number of leading batch axes, none included; ``(..., *size)`` with
        ``channels=False``.
    weight : array-like, (C_out, C_in // groups, *kernel_size)
        The kernel; ``kernel_size`` alone with ``channels=False``.
    bias : array-like, (C_out,), optional
        Added to each output channel; of shape ``()`` with ``channels=False``.
    {conv_options}

    Returns
    -------
    array, (..., C_out, *out_size)
        Fresh, of dtype ``numpy.result_type(x, weight)``.

    Raises
    ------
    {engine_errors}
    ShapeError
        `x` has too few axes, or `bias` has another shape.

    See Also
    --------
    conv_transpose : the transpose.
    Conv : the operator behind this function.

    Notes
    -----
    The operator is looked up by its geometry and the content of the weight: a second call with
    equal arguments builds nothing. See :func:`cache_info`.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> st.conv([[1, 2, 4, 8]], [[[1, -1]]], [10])
    array([[9, 8, 6]])
    >>> st.conv([1, 2, 4, 8], [1, 1], padding=1, channels=False)
    array([ 1,  3,  6, 12,  8])
    >>> st.conv([1, 2, 4, 8], [[[1, 1]]])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `x` must have at least 2 axes (..., C_in, *size) for a 3-d
        weight;
        got shape (4,). For arrays without channels pass channels=False.
    """
    samples, kernel, in_shape = _arrays(x, weight, channels)
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
    return applied(False, geometry, kernel, samples, bias, engine)


@documented
def conv_transpose(
    x: ArrayLike,
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
) -> NDArray[Any]:
    """Apply a transposed convolution to samples: ``C^T x + bias``.

    Parameters
    ----------
    x : array-like, (..., C_in, *size)
        Samples, with any number of leading batch axes, none included; ``(..., *size)`` with
        ``channels=False``.
    weight : array-like, (C_in, C_out // groups, *kernel_size)
        The kernel, the same array as of the convolution whose transpose this is; ``kernel_size``
        alone with ``channels=False``.
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
    array, (..., C_out, *out_size)
        Fresh, of dtype ``numpy.result_type(x, weight)``.

    Raises
    ------
    {engine_errors}
    ShapeError
        `x` has too few axes, or `bias` has another shape.

    See Also
    --------
    conv : the convolution whose transpose this is.
    ConvTranspose : the operator behind this function.

    Notes
    -----
    Positions are PyTorch's: here `groups` comes before `dilation`. The transposed convolution is
    the transpose of the convolution whose input is its output, for every padding mode.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> st.conv_transpose([1, 1], [1, 1, 1], stride=2, channels=False)
    array([1, 1, 2, 1, 1])
    >>> st.conv_transpose([1, 1], [1, 1, 1], stride=2, output_size=9, channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `output_size` must be between 5 and 6 on axis 0; got 9. The
        nearest valid size is 6.
    """
    samples, kernel, in_shape = _arrays(x, weight, channels)
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
    return applied(True, geometry, kernel, samples, bias, engine)


def _arrays(
    x: ArrayLike, weight: ArrayLike, channels: Any
) -> tuple[NDArray[Any], NDArray[Any], tuple[int, ...]]:
    """Both arrays, and the shape of one sample."""
    samples = validate.numeric_array("x", x)
    kernel = validate.kernel_array("weight", weight)
    with_channels = validate.flag("channels", channels)
    n = kernel.ndim - with_channels
    if with_channels and kernel.ndim < 3:
        n = max(samples.ndim, 1)  # the geometry answers for the weight
    if samples.ndim < n:
        wanted = "C_in, *size" if with_channels else "*size"
        hint = (
            "For arrays without channels pass channels=False."
            if with_channels
            else "Check `weight`."
        )
        raise ShapeError(
            f"`x` must have at least {n} axes (..., {wanted}) for a {kernel.ndim}-d weight; "
            f"got shape {samples.shape}. {hint}"
        )
    if 0 in samples.shape[samples.ndim - n :]:
        raise ShapeError(
            f"`x` must have no empty axes beside its batch; got shape {samples.shape}. "
            f"Leave empty samples out."
        )
    return samples, kernel, samples.shape[samples.ndim - n :]


def _with_axes(function: Callable[..., NDArray[Any]], n_axes: int) -> Callable[..., NDArray[Any]]:
    """A function that takes kernels of `n_axes` spatial axes only."""
    name = f"{function.__name__}{n_axes}d"

    def fixed(x: ArrayLike, weight: ArrayLike, *args: Any, **options: Any) -> NDArray[Any]:
        wanted = n_axes + 2 * bool(options.get("channels", True))
        if type(weight) is np.ndarray and weight.ndim == wanted:
            return function(x, weight, *args, **options)
        kernel = validate.kernel_array("weight", weight)
        if kernel.ndim != wanted:
            hint = f"Use {function.__name__} for any number of axes."
            if kernel.ndim == n_axes:
                hint = "For a bare kernel on bare arrays pass channels=False."
            raise GeometryError(
                f"`weight` must have {wanted} axes for {name}; got shape {kernel.shape}. {hint}"
            )
        return function(x, kernel, *args, **options)

    fixed.__name__ = fixed.__qualname__ = name
    fixed.__module__ = __name__
    fixed.__wrapped__ = function  # type: ignore[attr-defined]  # the signature that help() shows
    fixed.__doc__ = (
        f"{function.__name__} for {n_axes} spatial {'axis' if n_axes == 1 else 'axes'}: same arguments, "
        f"same result.\n\n    Raises\n    ------\n    GeometryError\n        `weight` has not {n_axes} spatial "
        f"axes; or see :func:`{function.__name__}`.\n    DTypeError, ShapeError, MissingExtraError\n"
        f"        As :func:`{function.__name__}` does.\n\n    See Also\n    --------\n"
        f"    {function.__name__} : for any number of axes, with all parameters described.\n\n"
        "    Examples\n    --------\n    >>> import numpy as np\n    >>> import sparse_tconv as st\n"
        f"    >>> x, weight = np.ones((1{', 4' * n_axes})), np.ones((1, 1{', 2' * n_axes}))\n"
        f"    >>> bool(np.all(st.{name}(x, weight) == st.{function.__name__}(x, weight)))\n    True\n"
    )
    return fixed


conv1d = _with_axes(conv, 1)
conv2d = _with_axes(conv, 2)
conv3d = _with_axes(conv, 3)
conv_transpose1d = _with_axes(conv_transpose, 1)
conv_transpose2d = _with_axes(conv_transpose, 2)
conv_transpose3d = _with_axes(conv_transpose, 3)
