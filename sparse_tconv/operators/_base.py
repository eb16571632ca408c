"""What Conv and ConvTranspose have in common, and what can be derived from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from ..choice import estimates, refusals
from ..errors import GeometryError
from ._index import flat_index
from ._info import Info
from ._kernel_operator import KernelOperator
from ._relatives import SharedOperator


class ConvOperator(SharedOperator):
    """A convolution or a transposed convolution as an operator, or the conjugate of one."""

    if TYPE_CHECKING:

        @property
        def T(self) -> ConvOperator: ...

        @property
        def H(self) -> ConvOperator: ...

    def kernel_operator(self, x: ArrayLike) -> KernelOperator:
        """The operator ``w -> apply(x)`` for fixed samples: the product is linear in the kernel
        too.

        Parameters
        ----------
        x : array-like, (..., *in_shape)
            The samples; leading batch axes stack.

        Returns
        -------
        KernelOperator
            A LinearOperator from ``in_shape = weight.shape`` to ``out_shape = (...,
            *op.out_shape)``, of dtype ``numpy.result_type(x, weight)``. It is matrix-free;
            ``matrix`` builds its matrix. Its ``H`` gives the gradient with respect to the weight.

        Raises
        ------
        ShapeError
            `x` does not end in ``in_shape``.
        GeometryError
            The operator is a conjugate, which is not linear in the weight.

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
        if self._conjugated:
            raise GeometryError(
                "`op` must not be conjugated: its product is not linear in the weight; "
                "got the adjoint of a complex operator. Use op.T."
            )
        samples, _ = self._checked(x)
        return KernelOperator(self.geometry, samples, self._transposed, self.dtype)

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
