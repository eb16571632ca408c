"""The product as a function of the kernel: w -> C(w) x, for a fixed sample x."""

from __future__ import annotations

from contextlib import AbstractContextManager
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..assembly import guard_entries, index_dtype, wrap
from ..geometry import ConvGeometry
from ..kernel_products import apply_kernel, kernel_gradient, tap_images
from ..threads import whole
from ._extended import extending
from ._meeting_samples import folded
from ._operator import Operator


class KernelOperator(Operator):
    """w -> C(w) x, or w -> C(w)^T x, as a linear operator; made by ``op.kernel_operator(x)``.

    Parameters
    ----------
    geometry : ConvGeometry
        The geometry of C.
    x : array, (*batch, *in_shape)
        The fixed samples; copied.
    transposed : bool
        Whether the samples are those of C^T.
    """

    def __init__(
        self, geometry: ConvGeometry, x: NDArray[Any], transposed: bool, dtype: np.dtype[Any]
    ) -> None:
        sample = geometry.y_shape if transposed else geometry.x_shape
        self.geometry = geometry
        self._transposed = transposed
        self._batch = x.shape[: x.ndim - len(sample)]
        channels = () if geometry.channels else (1,)
        self._x = np.array(x.reshape(prod(self._batch), *channels, *sample), order="C")
        self._x.flags.writeable = False
        result = geometry.x_shape if transposed else geometry.y_shape
        out_shape = (*self._batch, *result)
        self._bind_shapes(geometry.weight_shape, out_shape, np.result_type(x.dtype, dtype))
        self._spatial_ndim = len(geometry.axes)

    @property
    def samples(self) -> NDArray[Any]:
        """The fixed samples, (*batch, *in_shape) of the operator that made this one; read-only."""
        g = self.geometry
        return self._x.reshape(*self._batch, *(g.y_shape if self._transposed else g.x_shape))

    def with_samples(self, x: NDArray[Any]) -> KernelOperator:
        """The same of other samples, of the same shape."""
        return KernelOperator(self.geometry, x, self._transposed, self.dtype)

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        fixed, kernels = self._common(self._x, x)
        with self._extending(len(x) * self.shape[0], fixed.dtype):
            y = np.empty((len(kernels), *self.out_shape), dtype=fixed.dtype)
            for kernel, out in zip(kernels, y, strict=True):
                product = whole(apply_kernel, self.geometry, kernel, fixed, self._transposed)
                out[...] = product.reshape(out.shape)
        return y

    def _multiply_adjoint(self, y: NDArray[Any]) -> NDArray[Any]:
        fixed, results = self._common(self._x.conj() if self.dtype.kind == "c" else self._x, y)
        channels = self.geometry.x_channels if self._transposed else self.geometry.y_channels
        sample = self.out_shape[len(self._batch) :][self.geometry.channels :]
        shaped = results.reshape(len(y), len(fixed), channels, *sample)
        gradients = np.empty((len(y), *self.in_shape), dtype=fixed.dtype)
        with self._extending(0, fixed.dtype):
            for result, out in zip(shaped, gradients, strict=True):
                pair = (result, fixed) if self._transposed else (fixed, result)
                out[...] = whole(kernel_gradient, self.geometry, *pair)
        return gradients

    def _extending(self, numbers: int, dtype: np.dtype[Any]) -> AbstractContextManager[None]:
        """Where the samples are extended, for a product of so many numbers."""
        return extending(self.geometry, len(self._x), numbers, dtype)

    def _common(self, a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Both arrays in the dtype of the result."""
        dtype = np.result_type(self.dtype, b.dtype)
        return a.astype(dtype, copy=False), b.astype(dtype, copy=False)

    def _in_type(self, dtype: np.dtype[Any]) -> KernelOperator:
        return KernelOperator(self.geometry, self.samples, self._transposed, dtype)

    def _read(self, x: NDArray[Any]) -> NDArray[Any]:
        """What every tap brings to every position: (batch, other channels, positions, taps)."""
        images = tap_images(self.geometry, x, self._transposed)
        return np.stack(
            [image.reshape(*image.shape[:2], prod(image.shape[2:])) for image in images], axis=-1
        )

    def _matrix(self, max_bytes: Any) -> csr_array:
        """One row per result entry, one column per tap: each row stores the taps of all channels
        that it reads, those beyond the border as zeros.
        """
        g = self.geometry
        others = (g.y_channels if self._transposed else g.x_channels) // g.groups
        nnz = self.shape[0] * others * prod(g.kernel_size)
        guard_entries(self.shape, nnz, self.dtype, index_dtype(self.shape, nnz), max_bytes)
        with self._extending(0, self.dtype):
            read = folded(self._read, self._x, self.dtype)
        if g.flip:
            read = read[..., ::-1]
        batch, _, positions, taps = read.shape
        rows = g.x_channels if self._transposed else g.y_channels
        # (batch, group, row channel of the group, position, other channel of the group, tap)
        grouped = read.reshape(batch, g.groups, 1, others, positions, taps).swapaxes(3, 4)
        shape = (batch, g.groups, rows // g.groups, positions, others, taps)
        data = np.broadcast_to(grouped, shape)
        group, row, other = np.ogrid[: g.groups, : rows // g.groups, :others]
        if self._transposed:  # kernels are (y channel, x channel of the group)
            first = ((group * others + other) * (rows // g.groups) + row) * taps
        else:
            first = ((group * (rows // g.groups) + row) * others + other) * taps
        index = index_dtype(self.shape, nnz)
        cols = (first[..., None] + np.arange(taps)).astype(index)[None, :, :, None]
        indices = np.broadcast_to(cols, shape).reshape(-1)
        indptr = np.arange(self.shape[0] + 1, dtype=index) * index.type(others * taps)
        return wrap(data.reshape(-1), indices, indptr, self.shape)
