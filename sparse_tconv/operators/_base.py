"""What Conv and ConvTranspose have in common, and what can be derived from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from .._parameters import documented
from ..assembly import correlation_kernel, fresh_matrix
from ..choice import estimates, refusals
from ._info import Info
from ._kernel_operator import KernelOperator
from ._relatives import SharedOperator
from ._state import State


class ConvOperator(SharedOperator):
    """A convolution or a transposed convolution as an operator, or the conjugate of one."""

    _state: State
    _state_class = State

    if TYPE_CHECKING:

        @property
        def T(self) -> ConvOperator: ...

        @property
        def H(self) -> ConvOperator: ...

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
        return cls._of(state, conjugated)

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

    @documented
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
        {matrix_options}

        {fresh_matrix}

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

    @documented
    def kernel_operator(self, x: ArrayLike) -> KernelOperator:
        """The operator ``w -> apply(x)`` for fixed samples: the product is linear in the kernel
        too.

        Parameters
        ----------
        {kernel_samples}

        Returns
        -------
        KernelOperator
            A LinearOperator from ``in_shape = weight.shape`` to ``out_shape = (...,
            *op.out_shape)``, of dtype ``numpy.result_type(x, weight)``. It is matrix-free;
            ``matrix`` builds its matrix. Its ``H`` gives the gradient with respect to the weight.

        Raises
        ------
        {kernel_operator_errors}

        Examples
        --------
        >>> import numpy as np
        >>> from sparse_tconv import Conv
        >>> op, x = Conv([1, -1], (4,), channels=False), np.array([1, 2, 4, 8])
        >>> K = op.kernel_operator(x)
        >>> K.apply([1, -1]), op.apply(x)
        (array([-1, -2, -4]), array([-1, -2, -4]))
        >>> K.matrix.toarray()
        array([[1, 2],
               [2, 4],
               [4, 8]])
        """
        samples = self._linear_in_weight(x)
        return KernelOperator(self.geometry, samples, self._transposed, self.dtype)

    def info(self) -> Info:
        """What the operator costs, and why its engine was chosen.

        Returns
        -------
        Info
            Its repr is a table.

        Examples
        --------
        >>> from sparse_tconv import Conv
        >>> info = Conv([1.0, -1.0], (1000,), channels=False, engine="csr").info()
        >>> info.nnz, info.flops, info.engine
        (1998, 3996, 'csr')
        """
        geometry, state = self.geometry, self._state
        known = tuple(estimates(geometry, self.dtype))
        reason = "asked for" if state.asked != "auto" else "the least estimated time"
        if len(known) == 1 and state.asked == "auto":
            reason = "the only one for this dtype and geometry"
        return Info(
            repr(self),
            self.shape,
            geometry.nnz,
            geometry.nbytes(self.dtype),
            state.nbytes,
            self.flops,
            state.engine_name,
            reason,
            known,
            tuple(refusals(geometry, self.dtype)),
        )

    def _words(self) -> list[str]:
        words, g = [], self.geometry
        for name, usual in (("stride", 1), ("dilation", 1), ("padding_mode", "zeros")):
            values = getattr(g, name)
            if any(value != usual for value in values):
                words.append(f"{name}={values}")
        if g.groups != 1:
            words.append(f"groups={g.groups}")
        if g.flip:
            words.append("flip=True")
        return words
