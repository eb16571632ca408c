"""SciPy's protocol: products with flat vectors, one or one per column."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import LinearOperator

from .. import _validate as validate
from ..errors import ShapeError

# What numeric_array lets through as it is: asked first, since a small product costs no more than
# the whole check.
_PLAIN = frozenset(
    np.dtype(t) for t in (*np.typecodes["AllInteger"], *np.typecodes["AllFloat"]) if t != "e"
)


class FlatVectors(LinearOperator):  # type: ignore[misc]  # SciPy has no types
    """Products with arrays of shape (n,) or (n, k) by a product of batches of samples.

    The public methods check the argument once and go straight to ``_multiply``; what is no plain
    array takes SciPy's own way, which keeps numpy.matrix and the like.
    """

    _in_shape: tuple[int, ...]
    _out_shape: tuple[int, ...]

    if TYPE_CHECKING:
        # SciPy's stubs type __new__ by its own arguments; those of ours are in __init__.
        def __new__(cls, *args: Any, **kwargs: Any) -> Self: ...

    def _bind_shapes(
        self, in_shape: tuple[int, ...], out_shape: tuple[int, ...], dtype: Any
    ) -> None:
        """Keep the shapes of samples, and tell SciPy the dtype and the flat shape."""
        self._in_shape, self._out_shape = in_shape, out_shape
        LinearOperator.__init__(self, dtype, (prod(out_shape), prod(in_shape)))
        self._vector = self.shape[1:]
        self._single = (1, *in_shape)

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        """The product for a batch, (batch, *in_shape) to a new array of (batch, size of
        out_shape).
        """
        raise AttributeError("_multiply")

    def __matmul__(self, other: Any) -> Any:
        if type(other) is np.ndarray and other.shape == self._vector and other.dtype in _PLAIN:
            return self._multiply(other.reshape(self._single)).reshape(-1)
        return super().__matmul__(other)

    def matvec(self, x: ArrayLike) -> Any:
        if type(x) is np.ndarray and x.shape == self._vector and x.dtype in _PLAIN:
            return self._multiply(x.reshape(self._single)).reshape(-1)
        return super().matvec(self._flat(x, 1))

    def matmat(self, X: ArrayLike) -> Any:
        return super().matmat(self._flat(X, 2))

    def rmatvec(self, x: ArrayLike) -> Any:
        return self.H.matvec(x)

    def rmatmat(self, X: ArrayLike) -> Any:
        return self.H.matmat(X)

    def dot(self, x: Any) -> Any:
        x = _read(x)
        if x.ndim > 2:
            self._flat(x, 2)
        return super().dot(x)

    def __rmul__(self, other: Any) -> Any:
        x, rows = _read(other), self.shape[0]
        if x.ndim not in (1, 2) or x.shape[-1] != rows:
            raise ShapeError(
                f"`x` must have shape ({rows},) or (k, {rows}) at the left of an operator; "
                f"got {x.shape}. Use `op.T.apply(x)` for arrays in their n-d shape."
            )
        return super().__rmul__(x)

    def _flat(self, x: Any, most: int) -> Any:
        """x, if it is one flat vector or has one per column."""
        x = _read(x)
        if x.shape[:1] == self._vector and len(x.shape) in (most, 1 if most == 1 else 2, 2):
            return x
        n = self.shape[1]
        hint = "Use `op.apply(x)` for arrays in their n-d shape."
        raise ShapeError(f"`x` must have shape ({n},) or ({n}, k); got {x.shape}. {hint}")

    def _matvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._multiply(validate.numeric_array("x", x).reshape(self._single)).reshape(-1)

    def _matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        columns = np.ascontiguousarray(validate.numeric_array("x", x).T)
        if not len(columns):
            return np.empty((self.shape[0], 0), np.result_type(columns, self.dtype))
        y = self._multiply(columns.reshape(len(columns), *self._in_shape))
        return y.reshape(len(columns), self.shape[0]).T


def _read(x: Any) -> Any:
    """x as an array, before SciPy reads it: what a mask hides it would use."""
    plain = isinstance(x, np.ndarray) and not isinstance(x, np.ma.MaskedArray)
    return x if plain else validate.numeric_array("x", x)
