"""Operators that work on each entry by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from ..errors import GeometryError
from ._entries import diagonal_matrix, guard_nnz
from ._operator import Operator


class Identity(Operator):
    """The identity: every sample is its own image.

    Parameters
    ----------
    shape : tuple of int
        Both ``in_shape`` and ``out_shape``.
    dtype : dtype-like, default float
        Type of the ones.
    spatial_ndim : int, optional
        How many trailing axes are spatial; all, if not given.

    Raises
    ------
    GeometryError
        `shape` is not a tuple of positive ints, or `spatial_ndim` is no number of its axes.
    DTypeError
        `dtype` is a type that the library does not compute with.

    See Also
    --------
    Diagonal : another number for each entry.

    Notes
    -----
    Forward and adjoint are ``y = x``. In a product it disappears where the dtype stays the same.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> st.Identity((2, 3)).apply([[1, 2, 3], [4, 5, 6]])
    array([[1., 2., 3.],
           [4., 5., 6.]])
    >>> op = st.Conv([1.0, -1.0], (4,), channels=False)
    >>> op @ st.Identity(4) is op
    True
    >>> st.Identity((2, 0))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `shape` must be a tuple of positive ints, each, at least 1;
        got 0. Use 1 or more.
    """

    def __init__(
        self, shape: Any, dtype: DTypeLike = float, *, spatial_ndim: int | None = None
    ) -> None:
        sides = validate.shape("shape", shape)
        super().__init__(sides, sides, dtype, spatial_ndim=spatial_ndim)

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        return x.astype(np.result_type(x.dtype, self.dtype))

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        return self

    def _matrix(self, max_bytes: Any) -> csr_array:
        guard_nnz(self.shape, self.shape[0], self.dtype, max_bytes)
        return diagonal_matrix(np.ones(self.shape[0], self.dtype), max_bytes)

    @property
    def flops(self) -> int:
        """None: 0."""
        return 0

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        return 1.0


class Diagonal(Operator):
    """Each entry times a number of its own: a mask, weights, a window.

    Parameters
    ----------
    values : array-like
        The numbers, in the n-d shape of a sample: both ``in_shape`` and ``out_shape``. Copied.
    spatial_ndim : int, optional
        How many trailing axes are spatial; all, if not given.

    Raises
    ------
    DTypeError
        `values` has a type that the library does not compute with: convert a mask of bool.
    GeometryError
        `values` has no entries, or `spatial_ndim` is no number of its axes.

    See Also
    --------
    Restriction : leaves the rest out, instead of setting it to zero.

    Notes
    -----
    Forward ``y = values * x``, adjoint ``conj(values) * y``.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> mask = st.Diagonal([[1, 0], [0, 1]])
    >>> mask.apply([[5, 6], [7, 8]])
    array([[5, 0],
           [0, 8]])
    >>> st.Diagonal([[True, False]])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `values` must have an integer dtype, or float32, float64,
        longdouble or their complex kin; got bool. Convert it: values.astype(np.int8), or to a float
        type.
    """

    def __init__(self, values: ArrayLike, *, spatial_ndim: int | None = None) -> None:
        held = np.array(validate.numeric_array("values", values), order="C")
        if not held.size:
            raise GeometryError(
                f"`values` must have entries; got shape {held.shape}. Pass one number per entry of a sample."
            )
        held.flags.writeable = False
        self._values = held
        super().__init__(held.shape, held.shape, held.dtype, spatial_ndim=spatial_ndim)

    @property
    def values(self) -> NDArray[Any]:
        """The numbers, read-only."""
        return self._values

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        return x * self._values

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        return (
            Diagonal(self._values.conj(), spatial_ndim=self._spatial_ndim) if conjugated else self
        )

    def _matrix(self, max_bytes: Any) -> csr_array:
        return diagonal_matrix(self._values.reshape(-1), max_bytes)

    @property
    def flops(self) -> int:
        """One per entry, six if complex."""
        return self.shape[0] * (6 if self.dtype.kind == "c" else 1)

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        return float(np.abs(self._values.astype(np.result_type(self.dtype, np.float64))).max())
