"""What makes an operator of a direction: the arguments of a convolution, or of a transposed one."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from .. import _validate as validate
from ..geometry import ConvGeometry
from ._relatives import SharedOperator


class Forward(SharedOperator):
    """C, made of the arguments of a convolution."""

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
        kernel = validate.kernel_array("weight", weight)
        geometry = ConvGeometry.from_conv(
            self._kernel_shape(kernel, in_shape, channels),
            in_shape,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            padding_mode=padding_mode,
            flip=flip,
            channels=channels,
        )
        self._bind(self._state_class(geometry, kernel, engine), False)


class Backward(SharedOperator):
    """C^T, made of the arguments of a transposed convolution."""

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
        kernel = validate.kernel_array("weight", weight)
        geometry = ConvGeometry.from_conv_transpose(
            self._kernel_shape(kernel, in_shape, channels),
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
        self._bind(self._state_class(geometry, kernel, engine), False)
