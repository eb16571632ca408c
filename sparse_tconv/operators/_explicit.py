"""An operator's matrix, sparse or dense."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from .._memory import shortage_told
from .._parameters import documented
from ._arithmetic import Arithmetic
from ._entries import by_products, cast_entries, guard_dense


class WithMatrix(Arithmetic):
    """An operator that can be written down."""

    def _matrix(self, max_bytes: Any) -> csr_array:
        """The matrix in the operator's dtype, canonical; possibly an array that others hold."""
        return by_products(self._multiply, self._in_shape, self.shape[0], self.dtype, max_bytes)

    @property
    def matrix(self) -> csr_array:
        """The operator's matrix, fresh at each access: keep it where it is used again."""
        return self.to_matrix()

    @documented
    def to_matrix(
        self,
        *,
        dtype: DTypeLike | None = None,
        index_dtype: DTypeLike | None = None,
        max_bytes: int | None = None,
    ) -> csr_array:
        """The operator's matrix, fresh, writable and the caller's own.

        Parameters
        ----------
        dtype : dtype-like, optional
            Type of the values; the operator's, if not given.
        {index_dtype}
        max_bytes : int, optional
            Refuse to build a larger matrix, on the way to it too; what memory is available, if not
            given.

        {fresh_matrix}

        Examples
        --------
        >>> import sparse_tconv as st
        >>> op = st.Restriction((3,), [True, False, True]) @ st.Diagonal([1, 2, 3])
        >>> op.to_matrix(dtype="float32").toarray()
        array([[1., 0., 0.],
               [0., 0., 3.]], dtype=float32)
        >>> op.to_matrix(dtype=int)
        Traceback (most recent call last):
            ...
        sparse_tconv.errors.DTypeError: `dtype` must be able to hold entries of dtype float64; got
            int64. Ask for float64 and convert the matrix.
        """
        wanted = validate.optional_dtype("dtype", dtype)
        with shortage_told("matrix", "Use `op.apply`, which multiplies without storing it."):
            return self._fresh(wanted, index_dtype, max_bytes)

    def _fresh(self, wanted: Any, index: Any, max_bytes: Any) -> csr_array:
        """The matrix as a copy that the caller owns, in a dtype, if not None, and index dtype."""
        holds = wanted is not None and np.can_cast(self.dtype, wanted)
        made = self._matrix_in(wanted if holds else self.dtype, max_bytes)
        return cast_entries(made, self.dtype, wanted, index, max_bytes)

    def _matrix_in(self, dtype: np.dtype[Any], max_bytes: Any) -> csr_array:
        """The matrix for a dtype that holds the operator's: what it adds up is added up in that one.
        Where nothing is added up the entries may still be of the operator's own.
        """
        wider = self.dtype.kind in "iu" and dtype != self.dtype
        return (self._in_type(dtype) if wider else self)._matrix(max_bytes)

    def _in_type(self, dtype: np.dtype[Any]) -> Any:
        """The operator of integers in a type that holds them: another one where sums in its matrix
        may not fit its own.
        """
        return self

    def toarray(self, max_bytes: int | None = None) -> NDArray[Any]:
        """The operator's matrix as a dense array.

        Parameters
        ----------
        max_bytes : int, optional
            Refuse to build a larger one; what memory is available, if not given.

        Returns
        -------
        array, op.shape
            Fresh.

        Raises
        ------
        MatrixTooLargeError
            The array would not fit.
        """
        guard_dense(self.shape, self.dtype, max_bytes)
        with shortage_told("matrix", "Use `op.apply`, which multiplies without storing it."):
            matrix = self._matrix(None)
            guard_dense(self.shape, self.dtype, max_bytes)  # and what is left beside it
            return np.asarray(matrix.toarray())
