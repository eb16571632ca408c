"""An operator and a bias: x -> C x + b."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import block_array, csr_array

from .. import _validate as validate
from ..errors import DTypeError, ShapeError
from ._base import ConvOperator
from ._operator import Operator


@dataclass(frozen=True, eq=False)
class Affine:
    """The affine map x -> C x + b of an operator and a bias.

    Parameters
    ----------
    op : Operator
        The linear part.
    bias : array-like, (C_out,) or op.out_shape
        One number per output channel, ``op.out_shape[0]`` of them, of shape ``()`` for a
        convolution with ``channels=False``; or one per entry. Copied, and cast to the result's
        dtype.

    Raises
    ------
    ShapeError
        The bias has another shape.
    DTypeError
        `op` is no operator, or the bias has a type that the library does not compute with.

    Examples
    --------
    >>> from sparse_tconv import Affine, Conv
    >>> layer = Affine(Conv([[[1.0, -1.0]]], (1, 4)), [10.0])
    >>> layer.apply([[1.0, 2.0, 4.0, 8.0]])
    array([[9., 8., 6.]])
    >>> layer.homogeneous_matrix().toarray()
    array([[ 1., -1.,  0.,  0., 10.],
           [ 0.,  1., -1.,  0., 10.],
           [ 0.,  0.,  1., -1., 10.],
           [ 0.,  0.,  0.,  0.,  1.]])
    >>> Affine(layer.op, [1.0, 2.0])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `bias` must have shape (1,) or (1, 3); got (2,). Give one number
        per output channel, or one per entry.
    """

    op: Operator
    bias: NDArray[Any]

    if TYPE_CHECKING:
        # What is held is an array; what is given may be anything that becomes one.
        def __init__(self, op: Operator, bias: ArrayLike) -> None: ...

    def __post_init__(self) -> None:
        if not isinstance(self.op, Operator):
            raise DTypeError(
                f"`op` must be an operator of this library; got {type(self.op).__name__}. Wrap it with st.as_operator."
            )
        bias = np.array(checked_bias(self.op, self.bias, whole=True))
        bias.flags.writeable = False
        object.__setattr__(self, "bias", bias)

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Shape of one sample that the map takes."""
        return self.op.in_shape

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of one sample that the map gives."""
        return self.op.out_shape

    def apply(self, x: ArrayLike) -> NDArray[Any]:
        """C x + b for samples in their n-d shape.

        Parameters
        ----------
        x : array-like, (..., *in_shape)
            Any number of leading batch axes, none included.

        Returns
        -------
        array, (..., *out_shape)
            Fresh, of dtype ``numpy.result_type(x, weight)``.

        Raises
        ------
        ShapeError
            `x` does not end in ``in_shape``.
        DTypeError
            `x` has a type that the library does not compute with, or the results are of a kind
            that does not hold the bias: integers a bias of floats, real numbers a complex one.
        """
        return add_bias(self.op, self.op.apply(x), self.bias)

    def homogeneous_matrix(self) -> csr_array:
        """The matrix ``[[C, b], [0, 1]]``, which takes (x, 1) to (C x + b, 1).

        Returns
        -------
        scipy.sparse.csr_array
            Fresh; one row and one column more than C.
        """
        matrix = self.op.to_matrix()
        dtype = np.result_type(matrix.dtype, self.bias.dtype)
        ones = np.ones(prod(self.out_shape), dtype=dtype).reshape(1, *self.out_shape)
        column = csr_array((add_bias(self.op, 0 * ones, self.bias)).reshape(-1, 1))
        blocks = [[matrix, column], [None, csr_array(np.ones((1, 1), dtype=dtype))]]
        return csr_array(block_array(blocks, format="csr", dtype=dtype))


def checked_bias(op: Operator, bias: ArrayLike, *, whole: bool = False) -> NDArray[Any]:
    """The bias as an array of the right shape, which may be that of the results if `whole`."""
    array = validate.constant_array("bias", bias)
    plain = isinstance(op, ConvOperator) and not op.geometry.channels
    wanted = () if plain else op.out_shape[:1]
    if array.shape != wanted and not (whole and array.shape == op.out_shape):
        rule, hint = f"{wanted}", "Give one number" + (" per output channel" if wanted else "")
        if whole:
            rule, hint = f"{wanted} or {op.out_shape}", f"{hint}, or one per entry"
        raise ShapeError(f"`bias` must have shape {rule}; got {array.shape}. {hint}.")
    return array


def add_bias(op: Operator, y: NDArray[Any], bias: NDArray[Any]) -> NDArray[Any]:
    """Add the bias to fresh results, in their dtype."""
    y += cast_bias(bias, y.dtype).reshape(*bias.shape, *(1,) * (len(op.out_shape) - bias.ndim))
    return y


def cast_bias(bias: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The bias in the dtype of the results, if that holds numbers of its kind."""
    if bias.dtype == dtype:
        return bias
    if bias.dtype.kind == "c" and dtype.kind != "c":
        raise DTypeError(
            f"`bias` must be real for real results; got {bias.dtype}. Pass complex samples or a complex weight."
        )
    if dtype.kind in "iu":
        if bias.dtype.kind not in "iu":
            raise DTypeError(
                f"`bias` must be of integers for results of {dtype}; got {bias.dtype}. "
                f"Pass samples or a weight of floats."
            )
        limits = np.iinfo(dtype)
        if ((bias < limits.min) | (bias > limits.max)).any():
            raise DTypeError(
                f"`bias` must fit results of {dtype}, {limits.min} to {limits.max}; "
                f"got {bias.tolist()}. Pass samples or a weight of a wider type."
            )
    return bias.astype(dtype)
