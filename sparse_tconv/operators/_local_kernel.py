"""The product with one kernel per output position as a function of the kernels, for fixed samples."""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, kron, vstack

from ..assembly import extension_matrix, guard_entries, index_dtype
from ..geometry import ConvGeometry
from ..local_products import local_forward, local_gradient, local_transpose
from ..threads import whole
from ._entries import canonical
from ._extended import extending
from ._local_state import correlation_kernels
from ._meeting_samples import folded
from ._operator import Operator


class LocalKernelOperator(Operator):
    """w -> C(w) x, or w -> C(w)^T x; made by ``op.kernel_operator(x)`` of a ``LocalConv``.

    Parameters
    ----------
    geometry : ConvGeometry
        The geometry of C.
    x : array, (*batch, *in_shape)
        The fixed samples; copied.
    transposed : bool
        Whether the samples are those of C^T.
    weight_shape : tuple of int
        Shape of the kernels of all output positions.
    """

    def __init__(
        self,
        geometry: ConvGeometry,
        x: NDArray[Any],
        transposed: bool,
        weight_shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> None:
        sample = geometry.y_shape if transposed else geometry.x_shape
        self.geometry, self._transposed = geometry, transposed
        batch = x.shape[: x.ndim - len(sample)]
        channels = () if geometry.channels else (1,)
        self._x = np.array(x.reshape(prod(batch), *channels, *sample), order="C")
        self._x.flags.writeable = False
        result = geometry.x_shape if transposed else geometry.y_shape
        self._result = (*channels, *result)
        self._bind_shapes(weight_shape, (*batch, *result), np.result_type(x.dtype, dtype))
        self._spatial_ndim = len(geometry.axes)

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        product = local_transpose if self._transposed else local_forward
        dtype = np.result_type(self.dtype, x.dtype)
        with extending(self.geometry, len(self._x), len(x) * self.shape[0], dtype):
            y = np.empty((len(x), *self.out_shape), dtype)
            for weight, out in zip(x, y, strict=True):
                kernels = correlation_kernels(self.geometry, weight)
                out[...] = whole(product, self.geometry, kernels, self._x).reshape(out.shape)
        return y

    def _multiply_adjoint(self, y: NDArray[Any]) -> NDArray[Any]:
        fixed = self._x.conj()
        dtype = np.result_type(self.dtype, y.dtype)
        found = np.empty((len(y), *self.in_shape), dtype)
        results = y.reshape(len(y), len(fixed), *self._result)
        with extending(self.geometry, len(fixed), 0, dtype):
            for result, out in zip(results, found, strict=True):
                pair = (result, fixed) if self._transposed else (fixed, result)
                gradient = whole(local_gradient, self.geometry, *map(np.ascontiguousarray, pair))
                out[...] = self._weight(gradient)
        return found

    def _weight(self, kernels: NDArray[Any]) -> NDArray[Any]:
        """Kernels that are ready to correlate as the user's weight."""
        n = len(self.geometry.axes)
        turned = np.flip(kernels, tuple(range(2, 2 + n))) if self.geometry.flip else kernels
        return turned.reshape(self.in_shape)

    def _in_type(self, dtype: np.dtype[Any]) -> LocalKernelOperator:
        g = self.geometry
        sample = g.y_shape if self._transposed else g.x_shape
        batch = self.out_shape[: len(self.out_shape) - len(self._result[not g.channels :])]
        samples = self._x.reshape(*batch, *sample)
        return LocalKernelOperator(self.geometry, samples, self._transposed, self.in_shape, dtype)

    def _matrix(self, max_bytes: Any) -> csr_array:
        """Every number of a kernel stands once per sample in C(w) of an extended sample: what
        there reads it, or is written by it, is folded by the extension's matrix.
        """
        g = self.geometry
        if not self._transposed:
            return self._read_matrix(max_bytes)
        each = prod(self.in_shape)
        guard_entries(self.shape, each * len(self._x), self.dtype, np.dtype(np.int64), max_bytes)
        out_channel, position = self._of_weight()
        folds = reduce(kron, [extension_matrix(axis).T for axis in g.axes])
        fold = kron(np.eye(g.x_channels, dtype=np.int64), folds).tocsr()[:, position]
        number = self._out_number()

        def entries(sample: NDArray[Any]) -> NDArray[Any]:
            values = sample.reshape(g.y_channels, -1)[out_channel, number]
            return np.asarray(fold.data.astype(sample.dtype) * values[fold.indices])

        parts = []
        for sample in self._x:
            data = folded(entries, sample, self.dtype)
            parts.append(csr_array((data, fold.indices, fold.indptr), shape=fold.shape))
        return canonical(vstack(parts, format="csr"))

    def _read_matrix(self, max_bytes: Any) -> csr_array:
        g = self.geometry
        each = prod(self.in_shape)
        nnz = each * len(self._x)
        index = index_dtype(self.shape, nnz)
        guard_entries(self.shape, nnz, self.dtype, index, max_bytes)
        out_channel, _ = self._of_weight()
        rows = out_channel * prod(axis.n_out for axis in g.axes) + self._out_number()

        def entries(sample: NDArray[Any]) -> NDArray[Any]:
            ones = np.ones((1, *self._result), sample.dtype)
            return self._weight(whole(local_gradient, g, sample[None], ones)).reshape(-1)

        parts = []
        for sample in self._x:
            with extending(g, 1, 0, self.dtype):
                values = folded(entries, sample, self.dtype)
            shape = (prod(self._result), each)
            parts.append(csr_array((values, (rows, np.arange(each))), shape=shape))
        return canonical(vstack(parts, format="csr"))

    def _out_number(self) -> NDArray[Any]:
        """For each number of the weight the output position that it belongs to."""
        positions = prod(axis.n_out for axis in self.geometry.axes)
        return np.tile(np.arange(positions), prod(self.in_shape) // positions)

    def _of_weight(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """For each number of the weight its output channel, and the flat number of (input channel,
        extended position) that it reads.
        """
        g = self.geometry
        inner = g.x_channels // g.groups
        n = len(g.axes)
        sizes = (g.y_channels, inner, *g.kernel_size, *(axis.n_out for axis in g.axes))
        channel, reads, *places = np.ogrid[tuple(slice(0, size) for size in sizes)]
        number = channel // (g.y_channels // g.groups) * inner + reads
        for axis, tap, out in zip(g.axes, places[:n], places[n:], strict=True):
            extent = axis.last - axis.first + 1
            at = axis.position(out, tap) - axis.first
            number = number * extent + at
        ordered = self._weight(np.broadcast_to(number, sizes)).reshape(-1)
        return np.broadcast_to(channel, sizes).reshape(-1), ordered
