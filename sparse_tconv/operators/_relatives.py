"""An operator and its relatives over one shared state: T, H, the matrix, new kernels, pickles."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from ..assembly import correlation_kernel, fresh_matrix
from ..errors import ShapeError
from ..geometry import ConvGeometry
from ._operator import Operator
from ._state import State


class SharedOperator(Operator):
    """C, C^T or a conjugate of one of them: a direction, over a state that the relatives share."""

    _transposed: ClassVar[bool]
    _twin: ClassVar[type[SharedOperator]]  # the class of the transpose

    def _bind(self, state: State, conjugated: bool) -> None:
        """Become the operator of a state."""
        self._state = state
        self._conjugated = conjugated and state.is_complex
        geometry = state.geometry
        shapes = geometry.x_shape, geometry.y_shape
        self._bind_shapes(*(shapes[::-1] if self._transposed else shapes), state.weight.dtype)
        self._spatial_ndim = len(geometry.axes)
        self._batch = (-1, *(() if geometry.channels else (1,)), *self._in_shape)

    @classmethod
    def of(cls, state: State, conjugated: bool = False) -> Self:
        """The operator of a state, or its conjugate.

        Parameters
        ----------
        state : State
            Geometry, kernel and engines, shared with other operators.
        conjugated : bool, default False
            Whether to conjugate a complex kernel.

        Returns
        -------
        Conv or ConvTranspose
        """
        operator = cls.__new__(cls)
        operator._bind(state, conjugated)
        return operator

    @property
    def geometry(self) -> ConvGeometry:
        """The geometry of C, the same object for an operator and its transpose."""
        return self._state.geometry

    @property
    def transposed(self) -> bool:
        """Whether this is C^T, or C^H, of its geometry's C."""
        return self._transposed

    @property
    def conjugated(self) -> bool:
        """Whether the matrix holds the conjugate of the weight."""
        return self._conjugated

    def kernel(self) -> NDArray[Any]:
        """The taps that C correlates with: the weight, flipped where ``flip=True``, not conjugated.

        Returns
        -------
        array, the shape of ``op.weight``
            Read-only, a view of the weight.

        Examples
        --------
        >>> from sparse_tconv import Conv
        >>> Conv([1, 2, 3], (5,), flip=True, channels=False).kernel()
        array([3, 2, 1])
        """
        kernel = correlation_kernel(self.geometry, self.weight)
        return kernel if self.geometry.channels else kernel[0, 0]

    @property
    def weight(self) -> NDArray[Any]:
        """The kernel, read-only, the same array for an operator, its transpose and its adjoint."""
        return self._state.weight

    @property
    def engine(self) -> str:
        """Name of the engine that computes the products."""
        return self._state.engine_name

    @property
    def requested_engine(self) -> str:
        """Name of the engine that was asked for: 'auto', unless it was pinned."""
        return self._state.asked

    @property
    def flops(self) -> int:
        """Floating-point operations of one product by the explicit matrix: two per entry, eight if
        complex.
        """
        return 2 * self.geometry.nnz * (4 if self._state.is_complex else 1)

    @property
    def matrix(self) -> csr_array:
        """The operator's matrix: each access a new csr_array around cached, read-only values and
        indices.

        Nothing done to the returned matrix reaches the operator. Use :meth:`to_matrix` for one to
        write into.
        """
        return self._state.matrix(self._transposed, self._conjugated)

    def to_matrix(
        self,
        dtype: DTypeLike | None = None,
        index_dtype: DTypeLike | None = None,
        drop_zeros: bool = False,
        max_bytes: int | None = None,
    ) -> csr_array:
        """The operator's matrix, fresh, writable and the caller's own.

        Parameters
        ----------
        dtype : dtype-like, optional
            Type of the values; the weight's, if not given.
        index_dtype : int32 or int64, optional
            Type of the indices; int32 while everything fits, if not given.
        drop_zeros : bool, default False
            Leave out the entries of taps that are zero in every channel pair.
        max_bytes : int, optional
            Refuse to build a larger matrix; what memory is available, if not given.

        Returns
        -------
        scipy.sparse.csr_array
            In canonical format.

        Raises
        ------
        MatrixTooLargeError
            The matrix would not fit.
        DTypeError, GeometryError
            `dtype` or `index_dtype` cannot hold the matrix.

        Examples
        --------
        >>> from sparse_tconv import Conv
        >>> M = Conv([1, -1], (4,), channels=False).to_matrix(dtype="float32")
        >>> M *= 2
        >>> M.toarray()
        array([[ 2., -2.,  0.,  0.],
               [ 0.,  2., -2.,  0.],
               [ 0.,  0.,  2., -2.]], dtype=float32)
        """
        return fresh_matrix(
            self.geometry,
            self.weight.conj() if self._conjugated else self.weight,
            self._transposed,
            dtype=validate.optional_dtype("dtype", dtype),
            index=index_dtype,
            drop_zeros=validate.flag("drop_zeros", drop_zeros),
            max_bytes=max_bytes,
        )

    def _matrix(self, max_bytes: Any) -> csr_array:
        return self.matrix if max_bytes is None else self.to_matrix(max_bytes=max_bytes)

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._state.multiply(x.reshape(self._batch), self._transposed, self._conjugated)

    def _related(self, transposed: bool, conjugated: bool) -> SharedOperator:
        cls = self._twin if transposed else type(self)
        return cls.of(self._state, conjugated != self._conjugated)

    def with_weight(self, weight: ArrayLike) -> Self:
        """The same operator with another kernel.

        Parameters
        ----------
        weight : array-like, the shape of ``op.weight``
            The new kernel; its dtype may differ.

        Returns
        -------
        Conv or ConvTranspose
            Of the same class, direction, geometry and engine; the index arrays of a matrix already
            built are shared.

        Raises
        ------
        ShapeError
            The kernel has another shape.
        DTypeError
            The kernel has a type that the library, or the engine asked for, does not compute with.

        Examples
        --------
        >>> from sparse_tconv import Conv
        >>> op = Conv([1, -1], (3,), channels=False)
        >>> op.with_weight([2, 5]).matrix.toarray()
        array([[2, 5, 0],
               [0, 2, 5]])
        """
        kernel = validate.kernel_array("weight", weight)
        if kernel.shape != self.weight.shape:
            raise ShapeError(
                f"`weight` must have shape {self.weight.shape}; got {kernel.shape}. "
                f"Make a new {type(self).__name__} for another geometry."
            )
        return self.of(State(self.geometry, kernel, self._state.asked), self._conjugated)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (
            type(self),
            self.geometry,
            self.weight,
            self._state.asked,
            self._conjugated,
        )

    def _label(self) -> str:
        g = self.geometry
        words = [f"{self.in_shape} -> {self.out_shape}", f"kernel_size={g.kernel_size}"]
        for name, usual in (("stride", 1), ("dilation", 1), ("padding_mode", "zeros")):
            values = getattr(g, name)
            if any(value != usual for value in values):
                words.append(f"{name}={values}")
        if g.groups != 1:
            words.append(f"groups={g.groups}")
        if g.flip:
            words.append("flip=True")
        if self._conjugated:
            words.append("conjugated")
        return f"<{type(self).__name__} {', '.join(words)}, dtype={self.dtype}, engine={self.engine!r}>"


def _rebuilt(
    cls: type[SharedOperator],
    geometry: ConvGeometry,
    weight: NDArray[Any],
    engine: str,
    conjugated: bool,
) -> SharedOperator:
    """The operator of a pickle."""
    return cls.of(State(geometry, weight, engine), conjugated)
