"""An operator and its relatives over one shared state: T, H, the matrix, new weights, pickles."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from ..errors import GeometryError, ShapeError
from ..geometry import ConvGeometry
from ._index import flat_index
from ._operator import Operator
from ._shared_state import SharedState
from ._terms import Terms, terms_of


class SharedOperator(Operator):
    """C, C^T or a conjugate of one of them: a direction, over a state that the relatives share."""

    _transposed: ClassVar[bool]
    _twin: ClassVar[type[SharedOperator]]  # the class of the transpose
    _state_class: ClassVar[type[SharedState]]
    _state: SharedState

    def _bind(self, state: SharedState, conjugated: bool) -> None:
        """Become the operator of a state."""
        self._state = state
        self._conjugated = conjugated and state.is_complex
        geometry = state.geometry
        shapes = geometry.x_shape, geometry.y_shape
        self._bind_shapes(*(shapes[::-1] if self._transposed else shapes), state.weight.dtype)
        self._spatial_ndim = len(geometry.axes)
        self._batch = (-1, *(() if geometry.channels else (1,)), *self._in_shape)

    @staticmethod
    def _kernel_shape(weight: NDArray[Any], in_shape: Any, channels: Any) -> tuple[int, ...]:
        """The shape of one kernel of a weight: C's ``weight_shape``."""
        return weight.shape

    @classmethod
    def _of(cls, state: SharedState, conjugated: bool) -> Self:
        """The operator of a state, or its conjugate."""
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

    @property
    def weight(self) -> NDArray[Any]:
        """The kernel, or one for every output position, read-only; the same array for an operator,
        its transpose and its adjoint.
        """
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

    def terms(self) -> Terms | None:
        return terms_of(self.geometry, self.weight)

    def _matrix(self, max_bytes: Any) -> csr_array:
        return self.matrix if max_bytes is None else self.to_matrix(max_bytes=max_bytes)

    def _matrix_in(self, dtype: np.dtype[Any], max_bytes: Any) -> csr_array:
        wider = self.dtype.kind in "iu" and dtype != self.dtype
        return (
            self.to_matrix(dtype=dtype, max_bytes=max_bytes) if wider else self._matrix(max_bytes)
        )

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._state.multiply(x.reshape(self._batch), self._transposed, self._conjugated)

    def _related(self, transposed: bool, conjugated: bool) -> SharedOperator:
        cls = self._twin if transposed else type(self)
        return cls._of(self._state, conjugated != self._conjugated)

    def with_weight(self, weight: ArrayLike) -> Self:
        """The same operator with another weight.

        Parameters
        ----------
        weight : array-like, the shape of ``op.weight``
            The new one; its dtype may differ.

        Returns
        -------
        Operator
            Of the same class, direction, geometry and engine; the index arrays of a matrix already
            built are shared.

        Raises
        ------
        ShapeError
            The weight has another shape.
        DTypeError
            It has a type that the library, or the engine asked for, does not compute with.

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
        state = self._state_class(self.geometry, kernel, self._state.asked)
        return self._of(state, self._conjugated)

    def _linear_in_weight(self, x: ArrayLike) -> NDArray[Any]:
        """Samples for a product that is linear in the weight, which that of a conjugate is not."""
        if self._conjugated:
            raise GeometryError(
                "`op` must not be conjugated: its product is not linear in the weight; "
                "got the adjoint of a complex operator. Use op.T."
            )
        return self._checked(x)[0]

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
        >>> from sparse_tconv import Conv
        >>> op = Conv([[1, 2], [3, 4]], (3, 3), channels=False)
        >>> op.index(1, 0)
        2
        >>> op.matrix[[op.index(1, 0)]].toarray()
        array([[0, 0, 0, 1, 2, 0, 3, 4, 0]])
        >>> op.index(2, 0)
        Traceback (most recent call last):
            ...
        sparse_tconv.errors.GeometryError: `index` must lie in range(2) on axis 0; got 2. The output
            is of shape (2, 2).
        """
        return flat_index(self.out_shape, (channel, *position))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (
            type(self),
            self.geometry,
            self.weight,
            self._state.asked,
            self._conjugated,
        )

    def _label(self) -> str:
        words = [f"{self.in_shape} -> {self.out_shape}", f"kernel_size={self.geometry.kernel_size}"]
        words += self._words()
        if self._conjugated:
            words.append("conjugated")
        return f"<{type(self).__name__} {', '.join(words)}, dtype={self.dtype}, engine={self.engine!r}>"

    def _words(self) -> list[str]:
        """What the repr says of the geometry besides shapes."""
        return []


def _rebuilt(
    cls: type[SharedOperator],
    geometry: ConvGeometry,
    weight: NDArray[Any],
    engine: str,
    conjugated: bool,
) -> SharedOperator:
    """The operator of a pickle."""
    return cls._of(cls._state_class(geometry, weight, engine), conjugated)
