"""Operators and matrices of other libraries, as operators between samples."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from scipy.sparse.linalg import aslinearoperator

from .. import _validate as validate
from ..errors import DTypeError, ShapeError
from ._entries import canonical, guard_nnz
from ._operator import Operator
from ._reshaped import Reshaped

_SCIPYS = type(aslinearoperator(np.ones((1, 1))))


class MatrixOperator(Operator):
    """A sparse or dense matrix between samples; made by :func:`as_operator`.

    Parameters
    ----------
    held : sparse array or 2-d array
        The matrix; not copied.
    in_shape, out_shape : tuple of int
        Of as many entries as it has columns and rows.
    """

    def __init__(self, held: Any, in_shape: tuple[int, ...], out_shape: tuple[int, ...]) -> None:
        self._held = held
        self._bind_shapes(in_shape, out_shape, held.dtype)
        self._spatial_ndim = 0  # until `as_operator` is told a shape

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        return _columns(self._held, x.reshape(len(x), self.shape[1]))

    def _multiply_adjoint(self, y: NDArray[Any]) -> NDArray[Any]:
        flat = y.reshape(len(y), self.shape[0])
        if self.dtype.kind != "c":
            return _columns(self._held.T, flat)
        return _columns(self._held.T, flat.conj()).conj()

    def _matrix(self, max_bytes: Any) -> csr_array:
        if isinstance(self._held, np.ndarray):
            nnz = int(np.count_nonzero(self._held))
            guard_nnz(self.shape, nnz, self.dtype, max_bytes)
            return canonical(self._held)
        # SciPy would sort the indices of the caller's matrix in place.
        return canonical(self._held if self._held.has_canonical_format else self._held.copy())

    @property
    def flops(self) -> int:
        """Two per entry, eight if complex."""
        entries = self._held.size if isinstance(self._held, np.ndarray) else self._held.nnz
        return int(entries) * (8 if self.dtype.kind == "c" else 2)

    def _label(self) -> str:
        kind = "dense" if isinstance(self._held, np.ndarray) else "sparse"
        return f"<Matrix {self.in_shape} -> {self.out_shape}, {kind}, dtype={self.dtype}>"


class ForeignOperator(Operator):
    """An operator with SciPy's methods between samples; made by :func:`as_operator`.

    Parameters
    ----------
    held : object with ``shape``, ``matvec`` and ``rmatvec``
        The operator.
    in_shape, out_shape : tuple of int
        Of as many entries as it has columns and rows.
    dtype : numpy.dtype
        What its results are cast to, with that of the samples.
    """

    def __init__(
        self,
        held: Any,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> None:
        self._held = held
        self._bind_shapes(in_shape, out_shape, dtype)
        if not hasattr(held, "dims"):
            self._spatial_ndim = 0  # until `as_operator` is told a shape

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._each(self._held.matvec, x.reshape(len(x), self.shape[1]), self.shape[0])

    def _multiply_adjoint(self, y: NDArray[Any]) -> NDArray[Any]:
        flat = y.reshape(len(y), self.shape[0])
        try:
            return self._each(self._held.rmatvec, flat, self.shape[1])
        except NotImplementedError as error:
            raise DTypeError(
                f"`A` must have an `rmatvec` for its T and H; got a {type(self._held).__name__} without. "
                f"Pass rmatvec= to scipy.sparse.linalg.LinearOperator."
            ) from error

    def _each(self, product: Any, x: NDArray[Any], rows: int) -> NDArray[Any]:
        """A product of one vector after the other: what every library has."""
        result = np.result_type(x.dtype, self.dtype)
        if result.kind == "c" and self.dtype.kind != "c":
            # Real operators of other libraries may drop imaginary parts.
            parts = self._each(product, np.concatenate([x.real, x.imag]), rows)
            return (parts[: len(x)] + 1j * parts[len(x) :]).astype(result, copy=False)
        y = np.empty((len(x), rows), result)
        for place, vector in zip(y, x.astype(result, copy=False), strict=True):
            place[...] = np.asarray(product(vector)).reshape(-1)
        return y

    def _label(self) -> str:
        ends = f"{self.in_shape} -> {self.out_shape}"
        return f"<Foreign {ends}, {type(self._held).__name__}, dtype={self.dtype}>"


def as_operator(
    A: Any, in_shape: Any = None, out_shape: Any = None, *, spatial_ndim: int | None = None
) -> Operator:
    """An operator or a matrix of another library as an operator between samples.

    Parameters
    ----------
    A : LinearOperator, sparse matrix, 2-d array or PyLops operator
        What to wrap; it is held, not copied. An operator of this library is returned as it is, or
        with other shapes.
    in_shape, out_shape : tuple of int, optional
        Shapes of one sample that it takes and gives. If not given, those that it has, as a PyLops
        operator has ``dims`` and ``dimsd``, or else flat ones, ``(n,)``.
    spatial_ndim : int, optional
        How many trailing axes of `in_shape` are spatial. If not given, all of a shape that was said,
        and none of a flat one that nobody did: what its entries are is not known.

    Returns
    -------
    Operator

    Raises
    ------
    DTypeError
        `A` is no operator or matrix, or of a type that the library does not compute with.
    ShapeError
        A shape does not have as many entries as `A` has columns or rows.
    GeometryError
        `spatial_ndim` is no number of the axes of `in_shape`.

    See Also
    --------
    Operator : the base class, for operators of your own.

    Notes
    -----
    Forward ``A.matvec``, adjoint ``A.rmatvec``; of a matrix, the matrix and its conjugate
    transpose. ``ours @ A`` and ``ours + A`` wrap by themselves.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse
    >>> import sparse_tconv as st
    >>> M = scipy.sparse.csr_array([[1.0, 0.0, 0.0, 2.0]])
    >>> op = st.as_operator(M, in_shape=(2, 2))
    >>> op.apply([[1, 2], [3, 4]]), op.H.apply([1.0])
    (array([9.]), array([[1., 0.],
           [0., 2.]]))
    >>> st.as_operator(M, in_shape=(2, 3))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `in_shape` must have 4 entries, one per column of an operator of
        shape (1, 4); got (2, 3), which has 6. Leave it out for flat samples.
    """
    op = A if isinstance(A, Operator) else _wrapped(A)
    shapes = (
        _sides("in_shape", in_shape, op.in_shape, op.shape, "column"),
        _sides("out_shape", out_shape, op.out_shape, op.shape, "row"),
    )
    if in_shape is not None and spatial_ndim is None and _unsaid(op):
        spatial_ndim = len(shapes[0])
    if shapes == (op.in_shape, op.out_shape) and spatial_ndim is None:
        return op
    return Reshaped(op, *shapes, spatial_ndim)


def is_foreign(value: Any) -> bool:
    """Whether a value is a sparse matrix, or has products as an operator of SciPy or PyLops has."""
    if issparse(value):
        return bool(value.ndim == 2)
    return validate.has(value, "shape", "matvec", "rmatvec")


def _unsaid(op: Operator) -> bool:
    """Whether an operator of another library is flat because nobody said the shape of x."""
    return isinstance(op, MatrixOperator | ForeignOperator) and op._spatial_ndim == 0


def _wrapped(A: Any) -> Operator:
    if isinstance(A, _SCIPYS):
        A = A.A  # the matrix that aslinearoperator was given
    if issparse(A) or isinstance(A, np.ndarray):
        held = validate.numeric_array("A", A) if isinstance(A, np.ndarray) else csr_array(A)
        validate.numeric_dtype("A", held.dtype)
        if held.ndim != 2 or 0 in held.shape:
            raise ShapeError(
                f"`A` must be a matrix with rows and columns; got shape {held.shape}. Pass a 2-d array."
            )
        rows, columns = held.shape
        return MatrixOperator(held, (columns,), (rows,))
    if not is_foreign(A):
        raise DTypeError(
            f"`A` must be an operator, a sparse matrix or a 2-d array; got {type(A).__name__}. "
            f"Subclass sparse_tconv.Operator for one of your own."
        )
    dtype = validate.numeric_dtype("A", np.dtype(float) if A.dtype is None else A.dtype)
    rows, columns = (int(n) for n in A.shape)
    dims, dimsd = (
        tuple(map(int, getattr(A, name, (size,))))
        for name, size in (("dims", columns), ("dimsd", rows))
    )
    return ForeignOperator(A, dims, dimsd, dtype)


def _sides(
    name: str, value: Any, own: tuple[int, ...], shape: tuple[int, int], word: str
) -> tuple[int, ...]:
    """A shape asked for, or the operator's own."""
    if value is None:
        return own
    sides = validate.shape(name, value)
    if prod(sides) != prod(own):
        raise ShapeError(
            f"`{name}` must have {prod(own)} entries, one per {word} of an operator of shape {shape}; "
            f"got {sides}, which has {prod(sides)}. Leave it out for flat samples."
        )
    return sides


def _columns(matrix: Any, x: NDArray[Any]) -> NDArray[Any]:
    """The matrix times each row of x, as rows."""
    if len(x) == 1:
        return np.asarray(matrix @ x[0]).reshape(1, -1)
    return np.ascontiguousarray((matrix @ x.T).T)
