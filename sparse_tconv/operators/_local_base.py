"""What LocalConv and its transpose have in common."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from ..errors import GeometryError, ShapeError
from ..geometry import ConvGeometry
from ._index import flat_index
from ._local_kernel import LocalKernelOperator
from ._local_state import LocalState
from ._operator import Operator


class LocalOperator(Operator):
    """A locally connected layer or its transpose as an operator, or the conjugate of one."""

    _transposed: ClassVar[bool]
    _twin: ClassVar[type[LocalOperator]]

    def _bind(self, state: LocalState, conjugated: bool) -> None:
        """Become the operator of a state."""
        self._state = state
        self._conjugated = conjugated and state.weight.dtype.kind == "c"
        geometry = state.geometry
        shapes = geometry.x_shape, geometry.y_shape
        self._bind_shapes(*(shapes[::-1] if self._transposed else shapes), state.weight.dtype)
        self._spatial_ndim = len(geometry.axes)
        self._batch = (-1, *(() if geometry.channels else (1,)), *self._in_shape)

    @classmethod
    def _of(cls, state: LocalState, conjugated: bool) -> Self:
        operator = cls.__new__(cls)
        operator._bind(state, conjugated)
        return operator

    @property
    def geometry(self) -> ConvGeometry:
        """The geometry of the convolution whose pattern the matrix has."""
        return self._state.geometry

    @property
    def transposed(self) -> bool:
        """Whether this is C^T, or C^H, of its geometry's C."""
        return self._transposed

    @property
    def conjugated(self) -> bool:
        """Whether the matrix holds the conjugate of the weight."""
        return self._conjugated

    @property
    def weight(self) -> NDArray[Any]:
        """The kernels of all output positions of C, read-only; the same array for all relatives."""
        return self._state.weight

    @property
    def engine(self) -> str:
        """What computes the products: 'csr', the matrix; or 'direct', which stores none."""
        return self._state.engine

    @property
    def requested_engine(self) -> str:
        """Name of the engine that was asked for: 'auto', unless it was pinned."""
        return self._state.asked

    @property
    def flops(self) -> int:
        """Floating-point operations of one product by the explicit matrix: two per entry, eight if
        complex.
        """
        return 2 * self.geometry.nnz * (4 if self.dtype.kind == "c" else 1)

    @property
    def matrix(self) -> csr_array:
        """The operator's matrix: each access a new csr_array around read-only values and indices,
        the indices those of the ``Conv`` of this geometry.

        Use :meth:`to_matrix` for one to write into.
        """
        matrix = self._state.matrix(self._transposed)
        return matrix.conj() if self._conjugated else matrix

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
            Type of the values; the weight's, if not given.
        index_dtype : int32 or int64, optional
            Type of the indices; int32 while everything fits, if not given.
        max_bytes : int, optional
            Refuse to build a larger matrix; what memory is available, if not given.

        Returns
        -------
        scipy.sparse.csr_array
            In canonical format: the pattern of the ``Conv`` of this geometry, the entries of taps
            that are zero among them.

        Raises
        ------
        MatrixTooLargeError
            The matrix would not fit.
        DTypeError, GeometryError
            `dtype` or `index_dtype` cannot hold the matrix.

        Examples
        --------
        >>> from sparse_tconv import LocalConv
        >>> LocalConv([[1, 3], [2, 4]], (3,), channels=False).to_matrix(dtype=float).toarray()
        array([[1., 2., 0.],
               [0., 3., 4.]])
        """
        wanted = validate.optional_dtype("dtype", dtype)
        options = {"dtype": wanted, "index": index_dtype, "max_bytes": max_bytes}
        made = self._state.fresh(self._transposed, **options)
        if self._conjugated:
            np.conjugate(made.data, out=made.data)
        return made

    def _matrix(self, max_bytes: Any) -> csr_array:
        if max_bytes is not None:
            return self.to_matrix(max_bytes=max_bytes)
        return self.matrix

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        samples = x.reshape(self._batch)
        if self._conjugated:
            return self._state.multiply(samples.conj(), self._transposed).conj()
        return self._state.multiply(samples, self._transposed)

    def _related(self, transposed: bool, conjugated: bool) -> LocalOperator:
        cls = self._twin if transposed else type(self)
        return cls._of(self._state, conjugated != self._conjugated)

    def with_weight(self, weight: ArrayLike) -> Self:
        """The same operator with other kernels.

        Parameters
        ----------
        weight : array-like, the shape of ``op.weight``
            The new kernels; their dtype may differ.

        Returns
        -------
        LocalConv or LocalConvTranspose
            Of the same class, direction, geometry and engine.

        Raises
        ------
        ShapeError
            The kernels have another shape.
        DTypeError
            They have a type that the library does not compute with.

        Examples
        --------
        >>> from sparse_tconv import LocalConv
        >>> op = LocalConv([[1, 3], [2, 4]], (3,), channels=False)
        >>> op.with_weight([[1, 1], [-1, -1]]).apply([1, 2, 4])
        array([-1, -2])
        """
        kernels = validate.kernel_array("weight", weight)
        if kernels.shape != self.weight.shape:
            raise ShapeError(
                f"`weight` must have shape {self.weight.shape}; got {kernels.shape}. "
                f"Make a new {type(self).__name__} for another geometry."
            )
        state = LocalState(self.geometry, kernels, self._state.asked)
        return self._of(state, self._conjugated)

    def kernel_operator(self, x: ArrayLike) -> LocalKernelOperator:
        """The operator ``w -> apply(x)`` for fixed samples: the product is linear in the kernels
        too.

        Parameters
        ----------
        x : array-like, (..., *in_shape)
            The samples; leading batch axes stack.

        Returns
        -------
        LocalKernelOperator
            From ``in_shape = weight.shape`` to ``out_shape = (..., *op.out_shape)``.

        Raises
        ------
        ShapeError
            `x` does not end in ``in_shape``.
        GeometryError
            The operator is a conjugate, which is not linear in the weight.

        Examples
        --------
        >>> from sparse_tconv import LocalConv
        >>> op = LocalConv([[1, 3], [2, 4]], (3,), channels=False)
        >>> op.kernel_operator([1, 2, 4]).matrix.toarray()
        array([[1, 0, 2, 0],
               [0, 2, 0, 4]])
        """
        if self._conjugated:
            raise GeometryError(
                "`op` must not be conjugated: its product is not linear in the weight; "
                "got the adjoint of a complex operator. Use op.T."
            )
        samples, _ = self._checked(x)
        shape = self.weight.shape
        return LocalKernelOperator(self.geometry, samples, self._transposed, shape, self.dtype)

    def index(self, channel: Any, *position: Any) -> Any:
        """The row of the matrix that gives an output entry; ``op.T.index`` gives columns.

        Parameters
        ----------
        channel : int or array of int
            The output channel; with ``channels=False`` there is none, and positions only are given.
        *position : int or array of int
            One per spatial axis. Arrays are broadcast against each other.

        Returns
        -------
        int or array of int64

        Raises
        ------
        GeometryError
            There are too few or too many indices, or one lies outside ``out_shape``.

        Examples
        --------
        >>> from sparse_tconv import LocalConv
        >>> LocalConv([[1, 3], [2, 4]], (3,), channels=False).index(1)
        1
        """
        return flat_index(self.out_shape, (channel, *position))

    def __reduce__(self) -> tuple[Any, ...]:
        state = self._state
        return _rebuilt, (type(self), state.geometry, state.weight, state.asked, self._conjugated)

    def _label(self) -> str:
        words = f"{self.in_shape} -> {self.out_shape}, kernel_size={self.geometry.kernel_size}"
        conjugated = ", conjugated" if self._conjugated else ""
        name = type(self).__name__
        return f"<{name} {words}{conjugated}, dtype={self.dtype}, engine={self.engine!r}>"


def _rebuilt(
    cls: type[LocalOperator],
    geometry: ConvGeometry,
    weight: NDArray[Any],
    engine: str,
    conjugated: bool,
) -> LocalOperator:
    """The operator of a pickle."""
    return cls._of(LocalState(geometry, weight, engine), conjugated)


def kernels_shape(weight: NDArray[Any], in_shape: Any, channels: bool) -> tuple[int, ...]:
    """The shape of one kernel of a weight that has one for every output position."""
    sides = validate.shape("in_shape", in_shape)
    n = max(len(sides) - channels, 1)
    if weight.ndim != 2 * n + 2 * channels:
        raise GeometryError(
            f"`weight` must have {2 * n + 2 * channels} axes, those of a kernel and of the output "
            f"positions, for an `in_shape` of {len(sides)}; got {weight.ndim}. "
            f"Pass (C_out, C_in // groups, *kernel_size, *out_size), without channels=True the last two."
        )
    return weight.shape[: n + 2 * channels]


def gathered_state(weight: NDArray[Any], geometry: ConvGeometry, engine: str) -> LocalState:
    """The state of a weight that has one kernel for each output position."""
    out_size = tuple(axis.n_out for axis in geometry.axes)
    given = weight.shape[weight.ndim - len(out_size) :]
    if given != out_size:
        raise GeometryError(
            f"`weight` must have one kernel for each output position, of {out_size}; got {given}. "
            f"The output size follows from in_shape, stride, padding and dilation."
        )
    return LocalState(geometry, weight, engine)
