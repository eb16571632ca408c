"""Padding by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import _validate as validate
from ..errors import DTypeError, GeometryError
from ..operators import Conv, Operator, as_operator
from ._sample import check_written


def pad(
    in_shape: Any, padding: Any, padding_mode: Any = "zeros", *, dtype: DTypeLike = float
) -> Operator:
    """Padding as an operator: a convolution with a single tap.

    Parameters
    ----------
    in_shape : tuple of int, (C, *size)
        Shape of one sample.
    padding : int, one int per spatial axis, or one (before, after) pair per axis
        How much, as for :class:`Conv`, the first spatial axis first. Pairs may also be fewer or
        more than spatial axes: they belong to the last axes of the sample. Negative amounts crop.
    padding_mode : str or one str per axis, default 'zeros'
        What lies outside, as for :class:`Conv`.
    dtype : dtype-like, default float
        Type of the matrix's entries, all of them integers but where a mode says otherwise.

    Returns
    -------
    Conv or Operator
        A ``Conv`` where all axes but the first are padded, or all.

    Raises
    ------
    GeometryError
        An argument cannot be what it is; torch's flat tuple is answered with its translation.
    DTypeError
        `dtype` is a type that the library does not compute with, or does not hold the entries.

    See Also
    --------
    Conv : takes the same `padding` and `padding_mode` itself.

    Notes
    -----
    Forward: x extended. The adjoint adds each entry of the border to the entry that it was copied
    from; for 'zeros' it crops. ``torch.nn.functional.pad(x, (left, right, top, bottom))`` lists the
    last axis first: here it is ``padding=[(top, bottom), (left, right)]``.

    Examples
    --------
    >>> from sparse_tconv import layers
    >>> op = layers.pad((1, 3), [(2, 1)], "reflect", dtype=int)
    >>> op.apply([[1, 2, 3]])
    array([[3, 2, 1, 2, 3, 2]])
    >>> layers.pad((1, 3, 3), (1, 1, 2, 0))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `padding` must be an int, one int per axis or pairs, first axis
        first; got (1, 1, 2, 0), torch's flat order. Pass padding=[(2, 0), (1, 1)].
    """
    shape = validate.shape("in_shape", in_shape)
    kind = validate.numeric_dtype("dtype", dtype)
    axes = _padded_axes(padding, shape)
    lead, size = shape[: len(shape) - axes], shape[len(shape) - axes :]
    channels = int(np.prod(lead, dtype=object)) if lead else 1
    options: dict[str, Any] = {"padding": padding, "padding_mode": padding_mode}
    if not lead:
        return _conv(np.ones((1,) * axes, kind), size, channels=False, **options)
    check_written("in_shape", shape, channels, 2 * kind.itemsize)
    weight = np.ones((channels, *(1,) * (axes + 1)), kind)
    op = _conv(weight, (channels, *size), groups=channels, **options)
    out_shape = (*lead, *op.out_shape[1:])
    return op if len(lead) == 1 else as_operator(op, shape, out_shape, spatial_ndim=axes)


def _conv(ones: Any, in_shape: Any, *, padding_mode: Any, **options: Any) -> Conv:
    """The convolution, or the error that names the dtype of its one tap."""
    try:
        return Conv(ones, in_shape, padding_mode=padding_mode, **options)
    except DTypeError as error:
        raise DTypeError(
            f"`dtype` must hold the entries of the border of {padding_mode!r}; got {ones.dtype}. "
            f"Pass float, or a wider type with signs."
        ) from error


def _padded_axes(padding: Any, shape: tuple[int, ...]) -> int:
    """How many of the last axes are padded."""
    if isinstance(padding, str):
        raise GeometryError(
            f"`padding` must be numbers; got {padding!r}. The words belong to a kernel: pass how much."
        )
    spatial = len(shape) - 1
    if validate.is_sequence(padding):
        entries = list(padding)
        if entries and all(validate.is_sequence(entry) for entry in entries):
            spatial = len(entries)
        elif len(entries) != spatial and entries and len(entries) % 2 == 0:
            _answer_torch(entries, shape)
    if not 1 <= spatial <= len(shape):
        raise GeometryError(
            f"`padding` must be for axes of {shape}, the first of them channels; got {padding!r}. "
            f"Pass one (before, after) pair per axis, for the last ones."
        )
    return spatial


def _answer_torch(entries: list[Any], shape: tuple[int, ...]) -> None:
    """Raise with the translation of torch's flat tuple, last axis first."""
    flat = [validate.integer("padding", entry) for entry in entries]
    pairs = list(zip(flat[::2], flat[1::2], strict=True))[::-1]
    raise GeometryError(
        f"`padding` must be an int, one int per axis or pairs, first axis first; got {tuple(flat)}, torch's "
        f"flat order. Pass padding={pairs}."
    )
