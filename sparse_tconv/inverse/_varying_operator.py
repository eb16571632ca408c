"""The operator of a varying blur: convolutions on windows, weighted and added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..engines import extend, fold
from ..geometry import ConvGeometry
from ..operators import Conv, Operator, Terms, terms_of
from ..threads import whole
from ._varying_matrix import varying_matrix
from ._varying_windows import (
    Window,
    along_axes,
    transposed,
    windows_at_input,
    windows_at_output,
)

_TOGETHER = 1 << 17  # entries of windows that one convolution takes as its channels


@dataclass(frozen=True, eq=False)
class Part:
    """The blurs by some PSFs between windows of equal shapes, one channel for each.

    Parameters
    ----------
    windows : list of tuple of Window
        Of each channel one per axis.
    conv : Conv
        From what is read to what is written: one kernel per channel.
    weights : array
        The nodes' weights, in the windows whose position chooses the PSF.
    """

    windows: list[tuple[Window, ...]]
    conv: Conv
    weights: NDArray[Any]

    def cut(self, x: NDArray[Any]) -> NDArray[Any]:
        """What is read of a batch of images, (batch, channel, *window)."""
        return np.stack([x[_place(w.read for w in found)] for found in self.windows], axis=1)

    def cut_written(self, y: NDArray[Any]) -> NDArray[Any]:
        """What is written, of a batch of images."""
        return np.stack([y[_place(w.write for w in found)] for found in self.windows], axis=1)

    def add(self, y: NDArray[Any], pieces: NDArray[Any]) -> None:
        """Add windows that are written to a batch of images."""
        for number, found in enumerate(self.windows):
            y[_place(w.write for w in found)] += pieces[:, number]

    def add_read(self, x: NDArray[Any], pieces: NDArray[Any]) -> None:
        """The transpose of :meth:`cut`."""
        for number, found in enumerate(self.windows):
            x[_place(w.read for w in found)] += pieces[:, number]

    def extended(self, pieces: NDArray[Any]) -> NDArray[Any]:
        """Windows that are read as the convolution reads them: all of one shape are alike."""
        matrices = tuple(w.extend for w in self.windows[0])
        return along_axes(pieces, matrices, 2)

    def folded(self, pieces: NDArray[Any]) -> NDArray[Any]:
        """The transpose of :meth:`extended`."""
        matrices = tuple(w.extend for w in self.windows[0])
        return along_axes(pieces, transposed(matrices), 2)


def _place(slices: Any) -> tuple[Any, ...]:
    return (slice(None), *slices)


def _extended(axes: Any, x: NDArray[Any]) -> NDArray[Any]:
    return extend(axes, x).copy()  # out of the work space, which convolutions use too


class VaryingBlur(Operator):
    """A blur whose PSF changes across the image; made by :func:`varying_blur`.

    Parameters
    ----------
    psfs : array, (*nodes, *kernel_size)
        The PSFs.
    positions : list of array
        The coordinates of the nodes along each axis.
    hats : list of array, (nodes, pixels)
        The nodes' weights along each axis.
    geometry : ConvGeometry
        Of the blur by one of the PSFs, without channels.
    at : {'input', 'output'}
        Whose position chooses the PSF.
    in_shape : tuple of int
        Shape of the image, with its channels.
    """

    def __init__(
        self,
        psfs: NDArray[Any],
        positions: list[NDArray[np.float64]],
        hats: list[NDArray[Any]],
        geometry: ConvGeometry,
        at: str,
        in_shape: tuple[int, ...],
    ) -> None:
        super().__init__(in_shape, in_shape, psfs.dtype, spatial_ndim=len(geometry.axes))
        self._psfs, self._hats = np.array(psfs), hats
        self._psfs.flags.writeable = False
        self.positions, self.geometry, self.at = tuple(positions), geometry, at
        windows = windows_at_input if at == "input" else windows_at_output
        self._made = tuple(self._make(windows))

    @property
    def psfs(self) -> NDArray[Any]:
        """The PSFs at the nodes, read-only."""
        return self._psfs

    def with_psfs(self, psfs: NDArray[Any]) -> VaryingBlur:
        """The same of other PSFs at the same nodes."""
        return VaryingBlur(
            psfs, list(self.positions), self._hats, self.geometry, self.at, self.in_shape
        )

    @property
    def center(self) -> tuple[int, ...]:
        """Index of the PSFs' center."""
        sides = zip(self.geometry.kernel_size, self.geometry.axes, strict=True)
        return tuple(k - 1 - axis.before for k, axis in sides)

    @property
    def weights(self) -> NDArray[Any]:
        """The weights of all nodes, (*nodes, *size): they sum to one at every pixel."""
        n = len(self._hats)
        return reduce(
            np.multiply,
            [
                hat.reshape([1] * i + [len(hat)] + [1] * (n - 1) + [-1] + [1] * (n - 1 - i))
                for i, hat in enumerate(self._hats)
            ],
        )

    @property
    def hats(self) -> list[NDArray[Any]]:
        """The nodes' weights along each axis, (nodes, pixels)."""
        return self._hats

    @property
    def flops(self) -> int:
        """Those of the convolutions and of the weights, for every channel."""
        channels = prod(self.in_shape) // prod(self.geometry.x_shape)
        return channels * sum(part.conv.flops + part.weights.size for part in self._made)

    def terms(self) -> Terms | None:
        """Those of the largest taps of all PSFs, whose weights sum to one at every pixel."""
        sides = len(self._hats)
        largest = np.abs(self._psfs).max(axis=tuple(range(sides)))
        found = terms_of(self.geometry, largest)
        if found is None:
            return None
        channels = prod(self.in_shape) // prod(self.geometry.x_shape)
        return Terms(2**sides * found.count, sqrt(channels) * found.size)

    def _make(self, windows: Any) -> Iterator[Part]:
        """The parts of all nodes whose weights are somewhere in the image."""
        by_axis = [
            [windows(axis, hat) for hat in hats]
            for axis, hats in zip(self.geometry.axes, self._hats, strict=True)
        ]
        alike: dict[Any, list[tuple[tuple[int, ...], tuple[Window, ...]]]] = {}
        for node in np.ndindex(*map(len, self._hats)):
            choices = [found[i] for found, i in zip(by_axis, node, strict=True)]
            for choice in product(*choices):
                alike.setdefault(tuple(w.kind for w in choice), []).append((node, choice))
        for found in alike.values():
            lengths = tuple(w.length for w in found[0][1])
            step = max(1, _TOGETHER // prod(lengths))
            for start in range(0, len(found), step):
                yield self._part(found[start : start + step], lengths)

    def _part(self, found: list[Any], lengths: tuple[int, ...]) -> Part:
        kernels = np.stack([self._psfs[node] for node, _ in found])[:, None]
        conv = Conv(
            kernels,
            (len(found), *lengths),
            padding=[w.padding for w in found[0][1]],
            groups=len(found),
            flip=True,
        )
        outer = np.multiply.outer
        weights = np.stack([reduce(outer, [w.weights for w in choice]) for _, choice in found])
        return Part([choice for _, choice in found], conv, weights)

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        size = self.geometry.x_shape
        wide = self._extended(x.reshape(-1, *size))
        y = np.zeros((len(wide), *size), np.result_type(x.dtype, self.dtype))
        for part in self._made:
            pieces = part.cut(wide)
            if self.at == "input":
                part.add(y, part.conv.apply(part.extended(pieces * part.weights)))
            else:
                part.add(y, part.weights * part.conv.apply(pieces))
        return y.reshape(len(x), *self.out_shape)

    def _multiply_adjoint(self, y: NDArray[Any]) -> NDArray[Any]:
        size = self.geometry.x_shape
        given = y.reshape(-1, *size)
        lengths = size
        if self.at == "output":
            lengths = tuple(axis.last - axis.first + 1 for axis in self.geometry.axes)
        wide = np.zeros((len(given), *lengths), np.result_type(y.dtype, self.dtype))
        for part in self._made:
            pieces = part.cut_written(given)
            if self.at == "input":
                part.add_read(wide, part.weights * part.folded(part.conv.H.apply(pieces)))
            else:
                part.add_read(wide, part.conv.H.apply(part.weights * pieces))
        if self.at == "output":
            wide = whole(fold, self.geometry.axes, wide[:, None])
        return wide.reshape(len(y), *self.in_shape)

    def _extended(self, x: NDArray[Any]) -> NDArray[Any]:
        """The images, at the output with all that pixels read beyond them."""
        if self.at == "input":
            return x
        wide: NDArray[Any] = whole(_extended, self.geometry.axes, x[:, None])
        return wide[:, 0]

    def _matrix(self, max_bytes: Any) -> csr_array:
        return varying_matrix(self, max_bytes)

    def _label(self) -> str:
        nodes = "x".join(str(len(hat)) for hat in self._hats)
        size = self.geometry.kernel_size
        return (
            f"<VaryingBlur {self.in_shape} -> {self.out_shape}, {nodes} PSFs of {size} at the "
            f"{self.at}, dtype={self.dtype}>"
        )
