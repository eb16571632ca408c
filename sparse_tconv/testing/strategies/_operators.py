"""Strategies for operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..._validate import entries, written
from ...errors import DTypeError
from ...operators import Conv, ConvTranspose
from .._space import numpy_dtype
from ._arrays import weights
from ._geometries import conv_arguments, conv_transpose_arguments

__all__ = ["conv_transposes", "convs"]

DTYPES = (np.float64, np.float32, np.complex128, np.complex64, np.int64)


def convs(*, max_axes: int = 3, dtypes: Sequence[Any] = DTYPES) -> st.SearchStrategy[Conv]:
    """Return a strategy for `Conv` with a weight of small whole numbers.

    Parameters
    ----------
    max_axes : int, default 3
        Most spatial axes.
    dtypes : sequence of dtype
        Of the weight; the first is the simplest.

    Returns
    -------
    SearchStrategy
        Of Conv.

    Raises
    ------
    GeometryError
        When `max_axes` is not an int of at least 1.
    DTypeError
        When `dtypes` is no sequence of numeric dtypes.

    Examples
    --------
    >>> from sparse_tconv.testing import strategies
    >>> operators = strategies.convs(max_axes=2, dtypes=["float32"])
    >>> strategies.convs(max_axes=0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `max_axes` must be an int of at least 1; got 0. Use 2.
    """
    return _operators(Conv, conv_arguments(max_axes=max_axes), _kinds(dtypes))


def conv_transposes(
    *, max_axes: int = 3, dtypes: Sequence[Any] = DTYPES
) -> st.SearchStrategy[ConvTranspose]:
    """Return a strategy for `ConvTranspose` with a weight of small whole numbers.

    Parameters
    ----------
    max_axes, dtypes
        As in `convs`.

    Returns
    -------
    SearchStrategy
        Of ConvTranspose.

    Raises
    ------
    GeometryError
        When `max_axes` is not an int of at least 1.
    DTypeError
        When `dtypes` is no sequence of numeric dtypes.

    Examples
    --------
    >>> from sparse_tconv.testing import strategies
    >>> operators = strategies.conv_transposes(max_axes=2)
    >>> strategies.conv_transposes(max_axes=0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `max_axes` must be an int of at least 1; got 0. Use 2.
    """
    return _operators(ConvTranspose, conv_transpose_arguments(max_axes=max_axes), _kinds(dtypes))


def _kinds(dtypes: Any) -> tuple[Any, ...]:
    """The dtypes of weights that are drawn."""
    kinds = entries(dtypes)
    if not kinds:
        raise DTypeError(
            f"`dtypes` must be dtypes in a sequence; got {written(dtypes)}. Pass ['float64'], say."
        )
    return tuple(numpy_dtype(kind, "dtypes")[0] for kind in kinds)


@st.composite
def _operators(
    draw: st.DrawFn, kind: Any, arguments: st.SearchStrategy[Any], dtypes: tuple[Any, ...]
) -> Any:
    shape, in_shape, options = draw(arguments)
    weight = draw(weights(shape, draw(st.sampled_from(dtypes))))
    return kind(weight, in_shape, **options)
