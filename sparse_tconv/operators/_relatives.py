"""An operator and its relatives over one shared state: T, H, the matrix, new kernels, pickles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self
from weakref import ref

from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from ..assembly import fresh_matrix
from ..errors import ShapeError
from ..geometry import ConvGeometry
from ._samples import SampleOperator
from ._state import State


class SharedOperator(SampleOperator):
    """C, C^T or a conjugate of one of them: a direction, over a state that the relatives share."""

    _transposed: ClassVar[bool]
    _twin: ClassVar[type[SharedOperator]]  # the class of the transpose

    def _bind(self, state: State, conjugated: bool) -> None:
        """Become the operator of a state."""
        self._state = state
        self._conjugated = conjugated and state.is_complex
        # The relatives that exist: held by the one made from the other, known to the other weakly,
        # so that op.T.T is op without a cycle of references.
        self._relatives: dict[str, Callable[[], SharedOperator | None]] = {}
        self._bind_shapes(state.weight.dtype)

    @classmethod
    def _of(cls, state: State, conjugated: bool) -> Self:
        operator = cls.__new__(cls)
        operator._bind(state, conjugated)
        return operator

    @property
    def geometry(self) -> ConvGeometry:
        """The geometry of C, the same object for an operator and its transpose."""
        return self._state.geometry

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Shape of one sample that the operator takes."""
        return self.geometry.y_shape if self._transposed else self.geometry.x_shape

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of one sample that the operator gives."""
        return self.geometry.x_shape if self._transposed else self.geometry.y_shape

    @property
    def weight(self) -> NDArray[Any]:
        """The kernel, read-only, the same array for an operator, its transpose and its adjoint."""
        return self._state.weight

    @property
    def engine(self) -> str:
        """Name of the engine that computes the products."""
        return self._state.engine_name

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

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        axes = self.in_shape if self.geometry.channels else (1, *self.in_shape)
        samples = x.reshape(len(x), *axes)
        return self._state.multiply(samples, self._transposed, self._conjugated)

    def _transpose(self) -> SharedOperator:
        return self._relative("T", self._conjugated)

    def _adjoint(self) -> SharedOperator:
        return self._relative("H", not self._conjugated) if self._state.is_complex else self.T

    def _relative(self, name: str, conjugated: bool) -> SharedOperator:
        """The transpose or adjoint: the one that exists, or a new one that holds this operator."""
        relative = self._relatives.get(name, lambda: None)()
        if relative is None:
            relative = self._twin._of(self._state, conjugated)
            relative._relatives[name] = lambda: self
            self._relatives[name] = ref(relative)
        return relative

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
        return self._of(State(self.geometry, kernel, self._state.asked), self._conjugated)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (
            type(self),
            self.geometry,
            self.weight,
            self._state.asked,
            self._conjugated,
        )

    def __repr__(self) -> str:
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
    return cls._of(State(geometry, weight, engine), conjugated)
