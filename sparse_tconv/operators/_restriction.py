"""Some of the entries of a sample, in their order."""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import inf, prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from .._memory import check_fits
from ..assembly import wrap
from ..errors import GeometryError, ShapeError
from ._entries import guard_nnz
from ._operator import Operator
from ._relative import Relative


class Restriction(Operator):
    """Takes some of the entries of a sample and leaves the others out.

    Parameters
    ----------
    in_shape : tuple of int
        Shape of one sample.
    where : array-like of bool, in_shape; slice; or tuple of slices
        What to take. By a mask, ``out_shape`` is ``(count,)``, in C order; by slices, one per axis
        from the first on, it is that of ``x[where]``.
    dtype : dtype-like, default float
        Type of the ones in the matrix.
    spatial_ndim : int, optional
        How many trailing axes of `in_shape` are spatial; all, if not given.

    Raises
    ------
    GeometryError
        Nothing is taken, there are more slices than axes, a slice is not of ints, or a shape is wrong.
    ShapeError
        The mask has another shape.
    DTypeError
        `where` is no Boolean array, slice or tuple of slices.

    See Also
    --------
    Diagonal : sets entries to zero instead.

    Notes
    -----
    Forward ``y = x[where]``; the adjoint puts y back to where it was, zeros elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> import sparse_tconv as st
    >>> crop = st.Restriction((4, 4), (slice(1, 3), slice(None, None, 2)))
    >>> crop.apply(np.arange(16).reshape(4, 4))
    array([[ 4.,  6.],
           [ 8., 10.]])
    >>> st.Restriction((3,), [True, False, True]).T.apply([5, 7])
    array([5., 0., 7.])
    >>> st.Restriction((3,), [1, 0, 1])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `where` must be a Boolean array, a slice or a tuple of slices;
        got an array of int64. Write where != 0 for a mask.
    """

    def __init__(
        self,
        in_shape: Any,
        where: Any,
        *,
        dtype: DTypeLike = float,
        spatial_ndim: int | None = None,
    ) -> None:
        shape = validate.shape("in_shape", in_shape)
        if prod(shape) > sys.maxsize:
            raise GeometryError(
                f"`in_shape` must have at most {sys.maxsize} entries; got {shape}. Nothing so large fits in memory."
            )
        slices = _slices(where)
        self._taken: Any = _mask(where, shape) if slices is None else _fitting(slices, shape)
        view = np.broadcast_to(np.int8(0), shape)
        out_shape = view[self._taken].shape if slices is not None else (len(self._taken),)
        if 0 in out_shape:
            raise GeometryError(
                f"`where` must take at least one entry of {shape}; got none. Widen the mask or the slices."
            )
        super().__init__(shape, out_shape, dtype, spatial_ndim=spatial_ndim)

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        result = np.result_type(x.dtype, self.dtype)
        if isinstance(self._taken, tuple):
            return x[(slice(None), *self._taken)].astype(result)
        return x.reshape(len(x), -1).take(self._taken, axis=1).astype(result, copy=False)

    def _multiply_adjoint(self, y: NDArray[Any]) -> NDArray[Any]:
        dtype = np.result_type(y.dtype, self.dtype)
        nbytes = len(y) * self.shape[1] * dtype.itemsize
        check_fits("x", f"a product of shape {(len(y), *self.in_shape)}", nbytes, "Take a part.")
        x = np.zeros((len(y), *self.in_shape), dtype)
        if isinstance(self._taken, tuple):
            x[(slice(None), *self._taken)] = y
        else:
            x.reshape(len(y), -1)[:, self._taken] = y
        return x

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        return Relative(self, transposed, False) if transposed else self

    def _matrix(self, max_bytes: Any) -> csr_array:
        rows, columns = self.shape
        guard_nnz(self.shape, rows, self.dtype, max_bytes)
        taken = self._taken
        if isinstance(taken, tuple):
            taken = _flat(taken, self.in_shape)
        index = np.int32 if columns <= np.iinfo(np.int32).max else np.int64
        ends = np.arange(rows + 1, dtype=index)
        return wrap(np.ones(rows, self.dtype), taken.astype(index), ends, self.shape)

    @property
    def flops(self) -> int:
        """None: 0."""
        return 0

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        return 1.0


def _slices(where: Any) -> tuple[slice, ...] | None:
    """The slices asked for, or None where there is a mask."""
    if isinstance(where, slice):
        return (where,)
    if isinstance(where, tuple) and all(isinstance(entry, slice) for entry in where):
        return where
    return None


def _fitting(slices: tuple[slice, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    if len(slices) > len(shape):
        raise GeometryError(
            f"`where` must have at most one slice per axis of {shape}; got {len(slices)}. "
            f"Leave out those of batch axes."
        )
    return tuple(map(_checked, slices))


def _checked(part: slice) -> slice:
    """A slice of ints, which may be larger than any array."""
    form = "a mask or slices of ints"
    start, stop, step = (
        None if number is None else validate.integer("where", number, maximum=inf, form=form)
        for number in (part.start, part.stop, part.step)
    )
    if step == 0:
        raise GeometryError(f"`where` must have slices whose step is not 0; got {part}. Use 1.")
    return slice(start, stop, step)


def _flat(slices: tuple[slice, ...], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The flat positions that slices take."""
    places = np.zeros((), np.int64)
    whole = (slice(None),) * (len(shape) - len(slices))
    for size, part in zip(shape, (*slices, *whole), strict=True):
        places = np.add.outer(places * size, np.arange(*part.indices(size)))
    return places.reshape(-1)


def _mask(where: Any, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """The flat positions that a mask takes."""
    mask = validate.boolean_array("where", where, "a Boolean array, a slice or a tuple of slices")
    if mask.shape != shape:
        raise ShapeError(
            f"`where` must have the shape of one sample, {shape}; got {mask.shape}. "
            f"It serves the whole batch."
        )
    return np.flatnonzero(mask)
