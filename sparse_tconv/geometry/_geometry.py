"""The geometry of a convolution: everything about C but its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from .. import _validate as validate
from . import _seen as seen
from ._arguments import Arguments, check_groups, in_channels, out_channels
from ._axis import Axis
from ._axis_wise import AxisWise
from ._forward import conv_axes
from ._transposed import conv_transpose_axes

_INT32_MAX = np.iinfo(np.int32).max


@dataclass(frozen=True)
class ConvGeometry(AxisWise):
    """Where the entries of the convolution matrix C are: integers and words only, frozen and
    hashable.

    Make one with :meth:`from_conv` or :meth:`from_conv_transpose`. Both describe the same C: the
    transposed convolution is ``C^T`` of the convolution whose input is its output. Arguments that
    describe the same matrix give equal geometries with equal hashes: 'same', 'full', the pads
    behind the axis, ``output_padding`` and ``output_size`` are resolved to sizes and not kept.

    Parameters
    ----------
    axes : tuple of Axis
        One per spatial axis.
    x_channels, y_channels : int
        Channels that C takes and gives; 1 and 1 when ``channels`` is False.
    groups : int
        Number of channel groups.
    flip : bool
        Whether the spatial axes of the kernel are flipped first.
    channels : bool
        Whether samples have a channel axis.

    Raises
    ------
    GeometryError
        Channels or groups are none, or do not divide.

    Examples
    --------
    >>> from sparse_tconv import ConvGeometry
    >>> g = ConvGeometry.from_conv((16, 3, 3, 3), (3, 64, 64), stride=2, padding=1)
    >>> g.x_shape, g.y_shape, g.shape
    ((3, 64, 64), (16, 32, 32), (16384, 12288))
    >>> g.nnz
    433200
    >>> g.output_padding  # what a transposed convolution needs to come back to 64 x 64
    (1, 1)
    >>> ConvGeometry.from_conv((16, 3, 3, 3), (8, 3, 64, 64))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `in_shape` must have 3 entries (C_in, H, W) for a 4-d weight;
        got 4. Leave out the batch axis; for a kernel without channels pass channels=False.
    """

    axes: tuple[Axis, ...]
    x_channels: int
    y_channels: int
    groups: int
    flip: bool
    channels: bool

    def __post_init__(self) -> None:
        check_groups(self.groups, x_channels=self.x_channels, y_channels=self.y_channels)
        # Asked for in every call: worked out once. Hashing alone walks through all axes.
        size_in = tuple(axis.n_in for axis in self.axes)
        size_out = tuple(axis.n_out for axis in self.axes)
        x_shape = (self.x_channels, *size_in) if self.channels else size_in
        y_shape = (self.y_channels, *size_out) if self.channels else size_out
        fields = self.axes, self.x_channels, self.y_channels, self.groups, self.flip, self.channels
        known = {
            "_x_shape": x_shape,
            "_y_shape": y_shape,
            "_shape": (prod(y_shape), prod(x_shape)),
            "_hash": hash(fields),
            "_nnz": None,
        }
        self.__dict__.update(known)

    def __hash__(self) -> int:
        return self.__dict__["_hash"]

    def __reduce__(self) -> tuple[Any, ...]:
        # By the fields: hashes of words differ from one process to the next.
        fields = self.axes, self.x_channels, self.y_channels, self.groups, self.flip, self.channels
        return type(self), fields

    @classmethod
    def from_conv(
        cls,
        weight_shape: Any,
        in_shape: Any,
        *,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: Any = 1,
        padding_mode: Any = "zeros",
        flip: bool = False,
        channels: bool = True,
    ) -> ConvGeometry:
        """The geometry of ``Conv`` with these arguments.

        Parameters
        ----------
        weight_shape : tuple of int
            ``(C_out, C_in // groups, *kernel_size)``; with ``channels=False`` just ``kernel_size``.
        in_shape : tuple of int
            Shape of one sample, ``(C_in, *size)``; with ``channels=False`` just ``size``.
        stride, padding, dilation, groups, padding_mode, flip, channels
            As for :func:`sparse_tconv.conv_matrix`.

        Returns
        -------
        ConvGeometry

        Raises
        ------
        GeometryError
            An argument is not what it may be, or the output would be empty.

        Notes
        -----
        The output size is ``floor((n + before + after - dilation * (k - 1) - 1) / stride) + 1``
        along each axis.

        Examples
        --------
        >>> from sparse_tconv import ConvGeometry
        >>> ConvGeometry.from_conv((3,), (5,), channels=False).shape
        (3, 5)
        """
        arguments = (
            *(weight_shape, in_shape, stride, padding, dilation, groups, padding_mode),
            *(flip, channels),
        )
        return cls._of(arguments, conv_axes)

    @classmethod
    def from_conv_transpose(
        cls,
        weight_shape: Any,
        in_shape: Any,
        *,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        output_size: Any = None,
        dilation: Any = 1,
        groups: Any = 1,
        padding_mode: Any = "zeros",
        flip: bool = False,
        channels: bool = True,
    ) -> ConvGeometry:
        """The geometry of ``ConvTranspose`` with these arguments: that of the C whose transpose it
        is.

        Parameters
        ----------
        weight_shape : tuple of int
            ``(C_in, C_out // groups, *kernel_size)``; with ``channels=False`` just ``kernel_size``.
        in_shape : tuple of int
            Shape of one sample that the transposed convolution takes: the ``y_shape`` of the
            result.
        stride, padding, output_padding, output_size, dilation, groups, padding_mode, flip, channels
            As for :func:`sparse_tconv.conv_transpose_matrix`.

        Returns
        -------
        ConvGeometry

        Raises
        ------
        GeometryError
            An argument is not what it may be, or the output would be empty.

        Notes
        -----
        The output size is ``(n - 1) * stride - (before + after) + dilation * (k - 1) + 1 +
        output_padding``.

        Examples
        --------
        >>> from sparse_tconv import ConvGeometry
        >>> g = ConvGeometry.from_conv_transpose(
        ...     (16, 3, 3, 3), (16, 32, 32), stride=2, padding=1, output_padding=1
        ... )
        >>> g.x_shape
        (3, 64, 64)
        >>> g == ConvGeometry.from_conv((16, 3, 3, 3), (3, 64, 64), stride=2, padding=1)
        True
        """
        arguments = (
            *(weight_shape, in_shape, stride, padding, dilation, groups, padding_mode),
            *(flip, channels),
        )
        return cls._of(arguments, conv_transpose_axes, output_padding, output_size)

    @classmethod
    def _of(
        cls, arguments: tuple[Any, ...], axes: Callable[..., tuple[Axis, ...]], *more: Any
    ) -> ConvGeometry:
        """The geometry of checked arguments; looked up if they have been seen before."""
        key = seen.key(axes, arguments, more)
        known: ConvGeometry | None = seen.find(key)
        if known is not None:
            return known
        given = Arguments.check(*arguments)
        resolved = axes(given, *more)
        channels = in_channels(given), out_channels(given)
        made = cls(resolved, *channels, given.groups, given.flip, given.channels)
        seen.add(key, made)
        return made

    @property
    def x_shape(self) -> tuple[int, ...]:
        """Shape of one sample that C takes."""
        return self.__dict__["_x_shape"]

    @property
    def y_shape(self) -> tuple[int, ...]:
        """Shape of one sample that C gives."""
        return self.__dict__["_y_shape"]

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Shape of the kernel: ``(y_channels, x_channels // groups, *kernel_size)``, or just
        ``kernel_size``.
        """
        if not self.channels:
            return self.kernel_size
        return (self.y_channels, self.x_channels // self.groups, *self.kernel_size)

    def group_channels(self, transposed: bool) -> tuple[int, int]:
        """Channels of one group that a product with C, or with C^T, takes and gives."""
        pair = self.x_channels // self.groups, self.y_channels // self.groups
        return pair[::-1] if transposed else pair

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix C: (size of y, size of x)."""
        return self.__dict__["_shape"]

    @property
    def nnz(self) -> int:
        """Exact number of stored entries of C, in time independent of the matrix's size; nothing
        is assembled.
        """
        found: int | None = self.__dict__["_nnz"]
        if found is None:
            pairs = self.y_channels * (self.x_channels // self.groups)
            found = prod(axis.nnz for axis in self.axes) * pairs
            self.__dict__["_nnz"] = found
        return found

    def nbytes(self, dtype: Any = np.float64) -> int:
        """Exact number of bytes of C as a CSR matrix with values of `dtype`: data, indices and
        indptr.

        Parameters
        ----------
        dtype : dtype-like, default float64
            Type of the values.

        Returns
        -------
        int
            Bytes; indices count 4 each while they fit into int32, 8 beyond.

        Raises
        ------
        DTypeError
            If `dtype` is not a type that the library computes with.

        Examples
        --------
        >>> from sparse_tconv import ConvGeometry
        >>> ConvGeometry.from_conv((2, 2), (3, 3), channels=False).nbytes("float64")
        212
        """
        values = validate.numeric_dtype("dtype", dtype).itemsize
        nnz = self.nnz
        index = 4 if max(nnz, *self.shape) <= _INT32_MAX else 8
        return nnz * (values + index) + (self.shape[0] + 1) * index
