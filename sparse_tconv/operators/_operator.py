"""The base of all linear operators between samples in their n-d shape."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .. import _validate as validate
from ..errors import DTypeError, GeometryError, ShapeError
from ._explicit import WithMatrix
from ._kin import WithKin
from ._terms import Terms
from ._tree import tree


class Operator(WithKin, WithMatrix):
    """A linear operator from arrays of ``in_shape`` to arrays of ``out_shape``.

    The base of all operators of this library, and of your own: a subclass tells the two shapes and
    the dtype, and has two methods, a product and its adjoint. The rest follows from these:
    :meth:`apply`, ``@`` on flat vectors, ``T``, ``H``, expressions with other operators, the
    matrix.

    Parameters
    ----------
    in_shape, out_shape : tuple of int
        Shapes of one sample that it takes, and of one that it gives.
    dtype : dtype-like, default float
        Type of the matrix's entries: results are ``numpy.result_type(x, dtype)``.
    spatial_ndim : int, optional
        How many trailing axes of `in_shape` are spatial; all of them, if not given.

    Raises
    ------
    GeometryError
        A shape is not a tuple of positive ints, or `spatial_ndim` is no number of its axes.
    DTypeError
        `dtype` is a type that the library does not compute with.

    See Also
    --------
    as_operator : an operator, a sparse matrix or an array of another library as one of these.
    sparse_tconv.testing.check_operator : tests an operator that you wrote.

    Notes
    -----
    ``_multiply(x)`` takes a batch, an array of shape ``(batch, *in_shape)``, and returns a new one
    of ``(batch, *out_shape)``, of dtype ``numpy.result_type(x, dtype)``; it must not write into
    `x`. ``_multiply_adjoint(y)`` goes the other way: C^H, which for a real `dtype` is C^T, also for
    complex y. A batch has at least one sample. Methods may be called from several threads at once.

    ``_hermitian = True`` in a subclass says that the operator is its own adjoint: it then needs no
    ``_multiply_adjoint``. Where a subclass knows its matrix it may say so by ``_matrix(max_bytes)``, which returns it as a
    canonical ``csr_array``; without, the matrix is made of products with unit vectors.

    Examples
    --------
    >>> import numpy as np
    >>> import sparse_tconv as st
    >>> class Shift(st.Operator):
    ...     def __init__(self, size):
    ...         super().__init__((size,), (size,))
    ...
    ...     def _multiply(self, x):
    ...         return np.roll(x, 1, axis=-1)
    ...
    ...     def _multiply_adjoint(self, y):
    ...         return np.roll(y, -1, axis=-1)
    >>> shift = Shift(3)
    >>> shift.apply([1, 2, 3]), shift.T @ np.array([1.0, 2.0, 3.0])
    (array([3, 1, 2]), array([2., 3., 1.]))
    >>> (2 * shift - st.Identity(3)).toarray()
    array([[-1.,  0.,  2.],
           [ 2., -1.,  0.],
           [ 0.,  2., -1.]])
    >>> Shift(0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `in_shape` must be a tuple of positive ints, each, at least
        1; got 0. Use 1 or more.
    """

    def __init__(
        self,
        in_shape: Any,
        out_shape: Any,
        dtype: DTypeLike = float,
        *,
        spatial_ndim: int | None = None,
    ) -> None:
        self._bind_shapes(
            validate.shape("in_shape", in_shape),
            validate.shape("out_shape", out_shape),
            validate.numeric_dtype("dtype", dtype),
        )
        if spatial_ndim is not None:
            self._spatial_ndim = _axes_of(spatial_ndim, self._in_shape)

    # None until something says it: a composed operator asks its parts for the first that does.
    _spatial_ndim: int | None = None

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Shape of one sample that the operator takes."""
        return self._in_shape

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of one sample that the operator gives."""
        return self._out_shape

    @property
    def spatial_ndim(self) -> int:
        """How many trailing axes of ``in_shape`` are spatial; channels and frames come before."""
        known = self._spatial_ndim
        return len(self._in_shape) if known is None else known

    @property
    def flops(self) -> int | None:
        """Floating-point operations of one product by the matrix, or the matrices, that it is made
        of; None if that is not known.
        """
        return None

    def _multiply_adjoint(self, y: NDArray[Any]) -> NDArray[Any]:
        """The adjoint for a batch, (batch, *out_shape) to anything of (batch, size of in_shape)."""
        if self._hermitian:
            return self._multiply(y)
        raise DTypeError(
            f"`op` must have a method `_multiply_adjoint` for its T and H; got a {type(self).__name__}, "
            f"which has none. Write it: y of (batch, *out_shape) to (batch, *in_shape)."
        )

    def apply(self, x: ArrayLike) -> NDArray[Any]:
        """The operator applied to samples in their n-d shape.

        Parameters
        ----------
        x : array-like, (..., *in_shape)
            Any number of leading batch axes, none included.

        Returns
        -------
        array, (..., *out_shape)
            Of dtype ``numpy.result_type(x, op.dtype)``, fresh and C-ordered.

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
        if not prod(batch):  # a sample of a kernel operator may itself be empty
            return np.empty((*batch, *self._out_shape), np.result_type(samples, self.dtype))
        y = self._multiply(samples.reshape(prod(batch), *self._in_shape))
        return np.ascontiguousarray(y.reshape(*batch, *self._out_shape))

    def _checked(self, x: ArrayLike) -> tuple[NDArray[Any], tuple[int, ...]]:
        """Samples that end in in_shape, and the shape of their batch."""
        samples = validate.numeric_array("x", x)
        n = len(self._in_shape)
        if samples.ndim < n or samples.shape[samples.ndim - n :] != self._in_shape:
            listed = ", ".join(map(str, self._in_shape))
            flat = samples.shape[-1:] == self._vector
            hint = "Use `op @ x` for flat vectors." if flat else "The last axes are one sample."
            raise ShapeError(f"`x` must have shape (..., {listed}); got {samples.shape}. {hint}")
        return samples, samples.shape[: samples.ndim - n]

    def gram(self, damp: float = 0.0) -> Any:
        """The operator ``A^H A + damp^2 I`` of the normal equations, A being this operator.

        Parameters
        ----------
        damp : float, default 0.0
            At least 0.

        Returns
        -------
        GramOperator
            A Hermitian operator; the matrix rounds in the operator's type.

        Raises
        ------
        GeometryError
            `damp` is negative or not a finite number.

        Examples
        --------
        >>> from sparse_tconv import Conv
        >>> Conv([1, -1], (3,), channels=False).gram().matrix.toarray()
        array([[ 1, -1,  0],
               [-1,  2, -1],
               [ 0, -1,  1]])
        """
        return self._algebra.gram(self, damp)

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        """A number that the spectral norm does not exceed, from those of the operator's parts.

        Parameters
        ----------
        leaf : callable of an operator
            A bound of an operator that is made of no others.

        Returns
        -------
        float
            By the triangle inequality for sums, the product of norms for products; infinite or nan
            where that of a part is.
        """
        return leaf(self)

    def terms(self) -> Terms | None:
        """What a product adds up: how many terms, and how large; its rounding is as large as these
        are, however they cancel.

        Returns
        -------
        Terms or None
            None where that is not known: the matrix then tells.
        """
        return None

    def over_powers(self, leaf: Callable[[Any], tuple[Any, int]]) -> tuple[Any, int]:
        """The operator made of other parts, of which each has lost a power of two.

        Parameters
        ----------
        leaf : callable of an operator
            The part over a power of two, and the exponent, of an operator that is made of no others.

        Returns
        -------
        op : Operator
            The operator over a power of two.
        exponent : int
            That of the power.
        """
        return leaf(self)

    def _parts(self) -> tuple[Operator, ...]:
        """What the operator is made of, for its repr."""
        return ()

    def _label(self) -> str:
        """What the repr says of the operator apart from its parts."""
        return f"<{type(self).__name__} {self.in_shape} -> {self.out_shape}, dtype={self.dtype}>"

    def __repr__(self) -> str:
        return tree(self) if self._parts() else self._label()


def _axes_of(spatial_ndim: Any, in_shape: tuple[int, ...]) -> int:
    """A number of trailing axes of a shape."""
    count = validate.integer("spatial_ndim", spatial_ndim, minimum=0)
    if count > len(in_shape):
        raise GeometryError(
            f"`spatial_ndim` must be at most {len(in_shape)}, the axes of {in_shape}; got {count}. "
            f"Leave it out where all axes are spatial."
        )
    return count
