"""What LocalConv and its transpose have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from .._parameters import documented
from ..errors import GeometryError
from ._local_kernel import LocalKernelOperator
from ._local_state import LocalState
from ._relatives import SharedOperator


class LocalOperator(SharedOperator):
    """A locally connected layer or its transpose as an operator, or the conjugate of one."""

    _state: LocalState
    _state_class = LocalState

    @staticmethod
    def _kernel_shape(weight: NDArray[Any], in_shape: Any, channels: Any) -> tuple[int, ...]:
        """The weight has one kernel for every output position."""
        channels = validate.flag("channels", channels)
        sides = validate.shape("in_shape", in_shape)
        n = max(len(sides) - channels, 1)
        if weight.ndim != 2 * n + 2 * channels:
            raise GeometryError(
                f"`weight` must have {2 * n + 2 * channels} axes, those of a kernel and of the output "
                f"positions, for an `in_shape` of {len(sides)}; got {weight.ndim}. "
                f"Pass (C_out, C_in // groups, *kernel_size, *out_size), without channels=True the last two."
            )
        return weight.shape[: n + 2 * channels]

    def _fresh(self, wanted: Any, index: Any, max_bytes: Any) -> csr_array:
        """In the pattern of the ``Conv`` of this geometry, the entries of taps that are zero among
        them.
        """
        options = {"dtype": wanted, "index": index, "max_bytes": max_bytes}
        made = self._state.fresh(self._transposed, **options)
        if self._conjugated:
            np.conjugate(made.data, out=made.data)
        return made

    @documented
    def kernel_operator(self, x: ArrayLike) -> LocalKernelOperator:
        """The operator ``w -> apply(x)`` for fixed samples, on the kernels of all positions.

        Parameters
        ----------
        {kernel_samples}

        Returns
        -------
        LocalKernelOperator
            From ``in_shape = weight.shape`` to ``out_shape = (..., *op.out_shape)``.

        Raises
        ------
        {kernel_operator_errors}

        Examples
        --------
        >>> from sparse_tconv import LocalConv
        >>> op = LocalConv([[1, 3], [2, 4]], (3,), channels=False)
        >>> op.kernel_operator([1, 2, 4]).matrix.toarray()
        array([[1, 0, 2, 0],
               [0, 2, 0, 4]])
        """
        samples = self._linear_in_weight(x)
        shape = self.weight.shape
        return LocalKernelOperator(self.geometry, samples, self._transposed, shape, self.dtype)
