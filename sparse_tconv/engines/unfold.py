"""The engine of small samples: what each window reads is gathered, then multiplied by the kernel."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..assembly import correlation_kernel
from ..cache import store
from ..geometry import OUTSIDE, ConvGeometry, copies, extended_axis, positions_axis, source
from ..threads import run
from ._engine import Engine
from .extension import extend, fold

Places = NDArray[np.intp]

# Measured: a call, a number gathered or put back and what it takes more beyond those that stay in
# cache, a multiplication, the product of a group.
_CALL = 2.5e-6
_NUMBER = 1.5e-9
_FAR, _NEAR = 5e-9, 1 << 19
_PRODUCT = 3.2e-11
_GROUP = 1e-6
_LARGEST = 1 << 24  # numbers that one sample unfolds into
_TOGETHER = 1 << 17  # numbers that the samples of a batch unfold into at once


class UnfoldEngine(Engine):
    """Products with what the windows read of a sample, unfolded into a table (tap, window).

    ``C x`` is the kernel times the table; ``C^T y`` the kernel's transpose times y, each number of
    that table added to the sample it was read from. Three calls of NumPy for any geometry: the least
    time where the call is what costs. The table of places, 8 bytes for each tap of each window, is
    shared by all kernels of a geometry. Entries of the sample that are not finite go where the matrix
    sends them; taps that are not finite spread to what lies outside of it.
    """

    name = "unfold"

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        super().__init__(geometry, weight)
        groups = geometry.groups
        kernel = correlation_kernel(geometry, weight).reshape(groups, -1, unfolded_rows(geometry))
        # One product, or one for each group; numpy.dot costs half the call of numpy.matmul.
        self._kernel = np.ascontiguousarray(kernel if groups > 1 else kernel[0])
        # numpy.bincount adds in double precision: the table it reads is made in it.
        self._wide = np.result_type(weight.dtype, np.float64)
        self._transpose = self._kernel.swapaxes(-1, -2).astype(self._wide)
        # Borders that are sums of samples are written out first: what windows read is then a copy.
        inside = [positions_axis(axis.n_in, 0, axis.n_in) for axis in geometry.axes]
        pairs = zip(inside, geometry.axes, strict=True)
        self._written = [there if copies(axis.mode) else axis for there, axis in pairs]
        self._plain = self._written == inside
        read = geometry if self._plain else _written_out(geometry)
        self._places = kept_places(read)
        self._flat_places = self._places.reshape(-1)
        self._read_shape = (read.x_channels, *(axis.n_in for axis in read.axes))
        self._one_x, self._one_y = (1, *self._read_shape), (1, *self.y_shape)
        self._size = prod(read.x_shape)
        self._outside = bool((self._places == self._size).any())
        self._together = max(1, _TOGETHER // self._places.size)

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        if dtype.char not in "fdFD":
            return f"the sums of numpy.bincount are those of float64, not of {dtype}"
        numbers = unfolded_size(geometry)
        if numbers > _LARGEST:
            return f"a sample would unfold into {numbers:,} numbers"
        return None

    @classmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        numbers = unfolded_size(geometry) * (2 if dtype.kind == "c" else 1)
        per_number = _NUMBER + _PRODUCT * geometry.y_channels / geometry.groups
        groups = _GROUP * (geometry.groups - 1)
        far = _FAR * max(0, numbers - _NEAR)
        return _CALL + batch * (numbers * per_number + far + groups)

    @property
    def nbytes(self) -> int:
        return self._kernel.nbytes + self._transpose.nbytes

    @np.errstate(over="ignore", invalid="ignore")
    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        if not self._plain:
            x = x.reshape(len(x), self.geometry.x_channels, *(a.n_in for a in self.geometry.axes))
            x = np.ascontiguousarray(extend(self._written, x))
        flat = self._flat(x)
        if len(x) == 1 and self._kernel.ndim == 2:
            # All places are inside: 'clip' is the mode that takes least time to find that out.
            table = flat.take(self._places, mode="clip")
            return self._kernel.dot(table).reshape(self._one_y)
        y = np.empty((len(x), *self.y_shape), dtype=x.dtype)

        def product(first: int) -> None:
            part = slice(first, first + self._together)
            table = flat[part].take(self._places, axis=1, mode="clip")
            y[part] = self._times(self._kernel, table).reshape(-1, *self.y_shape)

        run(product, range(0, len(x), self._together))
        return y

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        wide = self._read_transpose(y)
        if self._plain:
            return wide
        return fold(self._written, wide)

    @np.errstate(over="ignore", invalid="ignore")
    def _read_transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        """The transpose on the samples that windows read."""
        if len(y) == 1 and self._kernel.ndim == 2:
            sample = y.reshape(-1, self._places.shape[-1]).astype(self._wide, copy=False)
            x = self._folded(self._transpose.dot(sample)).astype(y.dtype, copy=False)
            return x.reshape(self._one_x)
        samples = y.reshape(len(y), self.geometry.y_channels, self._places.shape[-1])
        samples = samples.astype(self._wide, copy=False)
        x = np.empty((len(y), self._size), dtype=y.dtype)

        def product(first: int) -> None:
            part = slice(first, first + self._together)
            tables = self._times(self._transpose, samples[part])
            for sample, table in zip(x[part], tables, strict=True):
                sample[...] = self._folded(table)

        run(product, range(0, len(y), self._together))
        return x.reshape(len(y), *self._read_shape)

    def _flat(self, x: NDArray[Any]) -> NDArray[Any]:
        """Samples as vectors; where windows read outside, with a zero behind for these."""
        flat = x.reshape(len(x), self._size)
        if not self._outside:
            return flat
        longer = np.empty((len(x), self._size + 1), dtype=x.dtype)
        longer[:, :-1] = flat
        longer[:, -1] = 0
        return longer

    def _times(self, kernel: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
        """The kernel, or its transpose, times tables (batch, rows of all groups, windows)."""
        if kernel.ndim == 2:
            return np.asarray(np.matmul(kernel, table))
        groups, _, rows = kernel.shape
        return np.asarray(np.matmul(kernel, table.reshape(len(table), groups, rows, -1)))

    def _folded(self, table: NDArray[Any]) -> NDArray[Any]:
        """One sample, flat: each number of a table added to the place it was read from."""
        if table.dtype.kind == "c":
            x = np.empty(self._size, dtype=table.dtype)
            x.real, x.imag = self._folded(table.real), self._folded(table.imag)
            return x
        x = np.bincount(self._flat_places, table.reshape(-1), self._size + self._outside)
        return x[:-1] if self._outside else x


def _written_out(geometry: ConvGeometry) -> ConvGeometry:
    """The geometry on axes whose borders of sums are written out."""
    axes = (axis if copies(axis.mode) else extended_axis(axis) for axis in geometry.axes)
    return replace(geometry, axes=tuple(axes))


def unfolded_rows(geometry: ConvGeometry) -> int:
    """Numbers that a window reads: one for each tap of each channel of its group."""
    return prod(geometry.kernel_size) * (geometry.x_channels // geometry.groups)


def unfolded_size(geometry: ConvGeometry) -> int:
    """Numbers that all windows of all groups read of one sample."""
    windows = prod(axis.n_out for axis in geometry.axes)
    return unfolded_rows(geometry) * geometry.groups * windows


def kept_places(geometry: ConvGeometry) -> Places:
    """The table of places of a geometry, shared by all kernels."""
    bucket = kept_places, geometry
    found: Places | None = store.find(bucket)
    if found is None:
        found = places(geometry)
        found.flags.writeable = False
        nbytes = found.nbytes
        store.add(bucket, found, lambda: nbytes)
    return found


def places(geometry: ConvGeometry) -> Places:
    """Which number of a flat sample each (channel and tap, window) reads; one past the last where
    it is zero.
    """
    outside = prod(axis.n_in for axis in geometry.axes)
    table = np.zeros((1, 1), dtype=np.intp)
    beyond = np.zeros((1, 1), dtype=bool)
    for axis in geometry.axes:
        position = axis.position(np.arange(axis.n_out), np.arange(axis.k)[:, None])
        read = source(axis.mode, position, axis.n_in)  # (tap, window)
        inside = np.where(read == OUTSIDE, 0, read)
        table = _outer(np.add, table * axis.n_in, inside)
        beyond = _outer(np.logical_or, beyond, read == OUTSIDE)
    channels = np.arange(geometry.x_channels, dtype=np.intp)[:, None, None] * outside
    table = np.where(beyond, geometry.x_channels * outside, channels + table)
    return table.reshape(-1, table.shape[-1])


def _outer(ufunc: np.ufunc, a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """(taps, windows) of two axes together, C-ordered both."""
    made = ufunc(a[:, None, :, None], b[None, :, None, :])
    return np.asarray(made.reshape(len(a) * len(b), -1))
