"""The convolution and its transpose as operators."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from .. import _validate as validate
from .._parameters import documented
from ..geometry import ConvGeometry
from ._base import ConvOperator
from ._state import State


@documented
class Conv(ConvOperator):
    """A convolution C as a linear operator.

    Parameters
    ----------
    {conv_weight}
    {stride_padding}
    {dilation}
    {groups}
    {mode_flip_channels}
    {engine}

    Raises
    ------
    {geometry_errors}

    See Also
    --------
    ConvTranspose : the transpose, with the arguments of a transposed convolution.
    conv_matrix : the matrix alone.

    Notes
    -----
    Forward ``y[co, o] = sum over ci, t of weight[co, ci, t] * x~[ci, o * stride - before + dilation
    * t]``, where x~ is x extended by its padding mode; adjoint ``C^H y = conj(C^T conj(y))``. The
    operator is a :class:`scipy.sparse.linalg.LinearOperator`: ``op @ x`` takes flat vectors,
    :meth:`apply` takes samples in their shape. ``op.T`` is a :class:`ConvTranspose` and never
    conjugates, ``op.H`` always does.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import Conv
    >>> op = Conv(np.ones((8, 3, 3, 3)), (3, 32, 32), stride=2, padding=1)
    >>> op.in_shape, op.out_shape, op.shape
    ((3, 32, 32), (8, 16, 16), (2048, 3072))
    >>> x, y = np.ones(op.in_shape), np.ones(op.out_shape)
    >>> float(np.vdot(op.apply(x), y)) == float(np.vdot(x, op.H.apply(y)))
    True
    >>> op.apply(x.T)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `x` must have shape (..., 3, 32, 32); got (32, 32, 3). The last
        axes are one sample, channels first.
    """

    _transposed = False

    def __init__(
        self,
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
        engine: str = "auto",
    ) -> None:
        kernel = validate.numeric_array("weight", weight)
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
        self._bind(State(geometry, kernel, engine), False)


@documented
class ConvTranspose(ConvOperator):
    """A transposed convolution C^T as a linear operator, C being the convolution whose input is its
    output.

    Parameters
    ----------
    {transpose_weight}
    {stride_padding}
    {output_padding}
    {dilation}
    {groups}
    {mode_flip_channels}
    {engine}

    Raises
    ------
    {geometry_errors}

    See Also
    --------
    Conv : the convolution whose transpose this is.
    conv_transpose_matrix : the matrix alone.

    Notes
    -----
    Forward ``x = C^T y``, which scatters ``weight[co, ci, t] * y[co, o]`` to sample ``o * stride -
    before + dilation * t`` of the output, folded back into it at the boundary; adjoint ``conj(C)
    x``. With ``flip=False`` and stride 1 in one dimension it *is* ``numpy.convolve(mode='full')``:
    transposing turns the correlation into a convolution.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import ConvTranspose
    >>> op = ConvTranspose([1, 2, 3], (4,), channels=False)
    >>> op @ np.array([1, 0, 0, 2])
    array([1, 2, 3, 2, 4, 6])
    >>> np.convolve([1, 0, 0, 2], [1, 2, 3], mode="full")
    array([1, 2, 3, 2, 4, 6])
    >>> ConvTranspose([1, 2, 3], (4,), stride=2, output_size=12, channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `output_size` must be between 9 and 10 on axis 0; got 12. The
        nearest valid size is 10.
    """

    _transposed = True

    def __init__(
        self,
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
        engine: str = "auto",
    ) -> None:
        kernel = validate.numeric_array("weight", weight)
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
        self._bind(State(geometry, kernel, engine), False)


Conv._twin = ConvTranspose
ConvTranspose._twin = Conv
