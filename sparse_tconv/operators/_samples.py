"""SciPy's protocol for operators between samples in their n-d shape."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import LinearOperator

from .. import _validate as validate
from ..errors import ShapeError


class SampleOperator(LinearOperator):  # type: ignore[misc]  # SciPy has no types
    """A linear operator from arrays of ``in_shape`` to arrays of ``out_shape``.

    A subclass has the two shapes and ``_multiply``, which maps a batch of samples to a batch; this
    class checks arguments, and speaks SciPy's protocol for flat vectors.
    """

    def _bind_shapes(self, dtype: Any) -> None:
        """Tell SciPy the dtype and the flat shape."""
        LinearOperator.__init__(self, dtype, (prod(self.out_shape), prod(self.in_shape)))

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Shape of one sample that the operator takes."""
        raise AttributeError("in_shape")

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of one sample that the operator gives."""
        raise AttributeError("out_shape")

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        """The product for a batch, (batch, *in_shape) to anything of (batch, size of out_shape)."""
        raise AttributeError("_multiply")

    def apply(self, x: ArrayLike) -> NDArray[Any]:
        """The operator applied to samples in their n-d shape.

        Parameters
        ----------
        x : array-like, (..., *in_shape)
            Any number of leading batch axes, none included.

        Returns
        -------
        array, (..., *out_shape)
            Of dtype ``numpy.result_type(x, weight)``, fresh and C-ordered.

        Raises
        ------
        ShapeError
            `x` does not end in ``in_shape``.
        DTypeError
            `x` has a type that the library does not compute with.

        Examples
        --------
        >>> import numpy as np
        >>> from sparse_tconv import Conv
        >>> op = Conv([[1, 2], [3, 4]], (3, 3), channels=False)
        >>> op.apply(np.arange(9).reshape(3, 3))
        array([[27, 37],
               [57, 67]])
        >>> op.apply(np.ones((5, 3, 3))).shape
        (5, 2, 2)
        """
        samples, batch = self._checked(x)
        y = self._multiply(samples.reshape(prod(batch), *self.in_shape))
        return y.reshape(*batch, *self.out_shape)

    def _checked(self, x: ArrayLike) -> tuple[NDArray[Any], tuple[int, ...]]:
        """Samples that end in in_shape, and the shape of their batch."""
        samples = validate.numeric_array("x", x)
        n = len(self.in_shape)
        if samples.ndim < n or samples.shape[samples.ndim - n :] != self.in_shape:
            listed = ", ".join(map(str, self.in_shape))
            flat = samples.shape[-1:] == self.shape[1:]
            hint = "Use `op @ x` for flat vectors." if flat else "The last axes are one sample."
            raise ShapeError(f"`x` must have shape (..., {listed}); got {samples.shape}. {hint}")
        return samples, samples.shape[: samples.ndim - n]

    # SciPy's protocol. The public methods are wrapped to answer wrong shapes in this library's
    # words.

    def matvec(self, x: ArrayLike) -> Any:
        return super().matvec(self._flat(x, 1))

    def matmat(self, x: ArrayLike) -> Any:
        return super().matmat(self._flat(x, 2))

    def rmatvec(self, x: ArrayLike) -> Any:
        return self.H.matvec(x)

    def rmatmat(self, x: ArrayLike) -> Any:
        return self.H.matmat(x)

    def dot(self, x: Any) -> Any:
        if not (isinstance(x, LinearOperator) or np.isscalar(x)):
            x = _read(x)
            if x.ndim > 2:
                self._flat(x, 2)
        return super().dot(x)

    def _flat(self, x: Any, most: int) -> Any:
        """x, if it is one flat vector or has one per column."""
        x = _read(x)
        if x.shape[:1] == self.shape[1:] and len(x.shape) in (most, 1 if most == 1 else 2, 2):
            return x
        n = self.shape[1]
        hint = "Use `op.apply(x)` for arrays in their n-d shape."
        raise ShapeError(f"`x` must have shape ({n},) or ({n}, k); got {x.shape}. {hint}")

    def _matvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._multiply(validate.numeric_array("x", x).reshape(1, *self.in_shape)).reshape(-1)

    def _matmat(self, x: NDArray[Any]) -> NDArray[Any]:
        columns = np.ascontiguousarray(validate.numeric_array("x", x).T)
        y = self._multiply(columns.reshape(len(columns), *self.in_shape))
        return y.reshape(len(columns), self.shape[0]).T


def _read(x: Any) -> Any:
    """x as an array, before SciPy reads it: what a mask hides it would use."""
    plain = isinstance(x, np.ndarray) and not isinstance(x, np.ma.MaskedArray)
    return x if plain else validate.numeric_array("x", x)
