"""What a locally connected operator shares with its transpose: kernels, geometry, the matrix."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _validate as validate
from ..assembly import Skeleton, local_matrix, shared_local_matrix, sums_may_wrap, wrap
from ..errors import GeometryError
from ..geometry import ConvGeometry
from ..local_products import local_forward, local_transpose
from ..threads import whole
from ._extended import extending
from ._shared_state import SharedState

ENGINES = ("auto", "csr", "direct")
_FEW = 1 << 12  # output positions: the loop over taps costs more than the sums


class LocalState(SharedState):
    """A geometry, read-only kernels for every output position, and the matrix once it is made.

    Parameters
    ----------
    geometry : ConvGeometry
        The geometry of C.
    weight : array, (*geometry.weight_shape, *out_size)
        The kernels.
    engine : str
        The engine asked for, or 'auto'.
    """

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any], engine: str) -> None:
        out_size = tuple(axis.n_out for axis in geometry.axes)
        given = weight.shape[weight.ndim - len(out_size) :]
        if given != out_size:
            raise GeometryError(
                f"`weight` must have one kernel for each output position, of {out_size}; got {given}. "
                f"The output size follows from in_shape, stride, padding and dilation."
            )
        if not validate.is_word(engine, ENGINES):
            raise GeometryError(
                f"`engine` must be one of {', '.join(map(repr, ENGINES))} for kernels that vary in "
                f"space; got {validate.written(engine)}. Pass one of these."
            )
        super().__init__(geometry, weight, engine)
        self._engine = engine if engine != "auto" else _chosen(geometry, self.weight)
        self._matrices: dict[bool, tuple[NDArray[Any], Skeleton]] = {}

    @property
    def kernels(self) -> NDArray[Any]:
        """The weight with channel axes, ready to correlate: a view."""
        return correlation_kernels(self.geometry, self.weight)

    @property
    def engine_name(self) -> str:
        """'csr', the matrix; or 'direct', which stores none."""
        return self._engine

    def multiply(self, x: NDArray[Any], transposed: bool, conjugated: bool) -> NDArray[Any]:
        """C, C^T or a conjugate of them times a batch of samples with channel axes, in the result's
        dtype.
        """
        if conjugated:
            return self.multiply(x.conj(), transposed, False).conj()
        if self._engine == "csr":
            g = self.geometry
            sizes = [axis.n_in if transposed else axis.n_out for axis in g.axes]
            channels = g.x_channels if transposed else g.y_channels
            product = self.matrix(transposed, False) @ x.reshape(len(x), -1).T
            return np.ascontiguousarray(product.T).reshape(len(x), channels, *sizes)
        product = local_transpose if transposed else local_forward
        numbers = len(x) * self.geometry.shape[1 if transposed else 0]
        with extending(self.geometry, len(x), numbers, np.result_type(x, self.weight)):
            return whole(product, self.geometry, self.kernels, np.ascontiguousarray(x))

    def matrix(self, transposed: bool, conjugated: bool) -> csr_array:
        """C or C^T: a new csr_array around arrays that are kept, read-only but for its own row
        pointer; a conjugate of them is a copy.
        """
        with self._lock:
            if transposed not in self._matrices:
                made = shared_local_matrix(self.geometry, self.weight, transposed)
                self._matrices[transposed] = made
            values, skeleton = self._matrices[transposed]
        matrix = wrap(values, skeleton.indices, skeleton.indptr.copy(), skeleton.shape)
        return matrix.conj() if conjugated else matrix

    def fresh(self, transposed: bool, **options: Any) -> csr_array:
        """C or C^T, the caller's own; options as of :func:`local_matrix`."""
        return local_matrix(self.geometry, self.weight, transposed, **options)


def _chosen(geometry: ConvGeometry, weight: NDArray[Any]) -> str:
    """What 'auto' means: the matrix while it is small, and holds its sums of integers."""
    few = prod(axis.n_out for axis in geometry.axes) <= _FEW
    return "csr" if few and not sums_may_wrap(geometry, weight) else "direct"


def correlation_kernels(geometry: ConvGeometry, weight: NDArray[Any]) -> NDArray[Any]:
    """Kernels of every position with channel axes, their own axes flipped where C flips them; its
    own inverse but for the channel axes.
    """
    kernels = weight if geometry.channels else weight[None, None]
    n = len(geometry.axes)
    return np.flip(kernels, axis=tuple(range(2, 2 + n))) if geometry.flip else kernels
