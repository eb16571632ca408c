"""Strategies for weights and inputs: whole numbers, exact in every dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from ... import _validate as validate
from .._space import numpy_dtype

__all__ = ["inputs", "weights"]

LARGEST = 4


def weights(shape: Sequence[int], dtype: Any = np.float64) -> st.SearchStrategy[NDArray[Any]]:
    """Return a strategy for arrays of whole numbers from -4 to 4, complex for a complex dtype.

    Parameters
    ----------
    shape : sequence of int
        Of the array.
    dtype : dtype, default float64
        Of the array; unsigned integers are drawn from 0.

    Returns
    -------
    SearchStrategy
        Of ndarray.

    Raises
    ------
    DTypeError
        When `dtype` is not numeric.

    Examples
    --------
    >>> from sparse_tconv.testing import strategies
    >>> strategy = strategies.weights((2, 3), "complex64")
    >>> strategies.weights((2, 3), "bool")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `dtype` must be a numeric dtype; got bool. Use float64.
    """
    kind, _ = numpy_dtype(dtype, "dtype")
    least = 0 if kind.kind == "u" else -LARGEST
    whole = npst.arrays(
        np.int8, validate.shape("shape", shape), elements=st.integers(least, LARGEST)
    )
    if kind.kind != "c":
        return whole.map(lambda a: a.astype(kind))
    return st.tuples(whole, whole).map(lambda parts: (parts[0] + 1j * parts[1]).astype(kind))


def inputs(
    op: Any, *, dtype: Any = None, max_batch_axes: int = 0
) -> st.SearchStrategy[NDArray[Any]]:
    """Return a strategy for inputs of an operator: whole numbers from -4 to 4.

    Parameters
    ----------
    op : operator or shape
        Anything with ``in_shape`` and ``dtype``, or a shape.
    dtype : dtype, optional
        By default the operator's, float64 for a shape.
    max_batch_axes : int, default 0
        Most leading batch axes, each of length 1 to 3.

    Returns
    -------
    SearchStrategy
        Of ndarray.

    Raises
    ------
    DTypeError
        When `dtype` is not numeric.

    Examples
    --------
    >>> from sparse_tconv.testing import strategies
    >>> strategy = strategies.inputs((1, 4), max_batch_axes=2)
    >>> strategies.inputs((1, 4), dtype="bool")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `dtype` must be a numeric dtype; got bool. Use float64.
    """
    shape = validate.shape("op", op.in_shape if validate.has(op, "in_shape") else op)
    most = validate.integer("max_batch_axes", max_batch_axes, minimum=0)
    kind, _ = numpy_dtype(getattr(op, "dtype", np.float64) if dtype is None else dtype, "dtype")
    batches = st.lists(st.integers(1, 3), max_size=most)
    return batches.flatmap(lambda batch: weights((*batch, *shape), kind))
