"""The gradient with respect to the kernel, from compiled sums."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...assembly import from_correlation_kernel
from ...geometry import ConvGeometry
from ...threads import num_threads, run
from ..borders import extend, within
from ..gemm.gradient import gradient as matrix_gradient
from ..windows import extended
from ._calls import fixed, sorted_rows, split

_SCRATCH_BYTES = 4 * 2 * 64  # four vectors of two registers, on the widest machine
_WORTH_A_THREAD = 200_000
_MANY = 256  # pairs of channels; the gradient of so many is a product of matrices, which BLAS has


def kernel_gradient(geometry: ConvGeometry, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """The transpose of ``w -> C(w) x`` applied to y, summed over the batch; nothing is
    conjugated.
    """
    inputs, units = geometry.x_channels // geometry.groups, geometry.y_channels // geometry.groups
    if inputs * units >= _MANY:
        summed = matrix_gradient(within(geometry), extend(geometry, x), y)
        return from_correlation_kernel(geometry, summed)
    gradient = _split_complex(geometry, extended(geometry, x), y)
    return from_correlation_kernel(
        geometry, gradient.reshape(geometry.y_channels, -1, *geometry.kernel_size)
    )


def _split_complex(geometry: ConvGeometry, wide: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Four real gradients make a complex one."""
    if y.dtype.kind != "c":
        return _sums(geometry, wide, y)
    result = np.empty((geometry.y_channels, *_tap_shape(geometry)), dtype=y.dtype)
    result.real = _sums(geometry, wide.real, y.real) - _sums(geometry, wide.imag, y.imag)
    result.imag = _sums(geometry, wide.real, y.imag) + _sums(geometry, wide.imag, y.real)
    return result


def _tap_shape(geometry: ConvGeometry) -> tuple[int, int, int]:
    """Input channels of a group, taps of the outer axes, taps of the last."""
    return (
        geometry.x_channels // geometry.groups,
        prod(geometry.kernel_size[:-1]),
        geometry.kernel_size[-1],
    )


def _sums(geometry: ConvGeometry, wide: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """The sums over samples and outputs of y times what a tap reads, (y_channels, inputs, outer
    taps, taps).
    """
    from ._gradient_loops import gradient

    rows, shifts, pitch = _by_residue(geometry, wide)
    axes = geometry.axes[:-1]
    steps = [prod(wide.shape[3 + number : -1]) * pitch for number in range(len(axes))]
    places = _grid(
        [step * a.stride * np.arange(a.n_out) for a, step in zip(axes, steps, strict=True)]
    )
    outer = _grid([step * a.dilation * np.arange(a.k) for a, step in zip(axes, steps, strict=True)])
    units = geometry.y_channels // geometry.groups
    x_channel = prod(wide.shape[2:-1]) * pitch
    sizes = np.array(
        [
            geometry.groups,
            units,
            wide.shape[1] // geometry.groups,
            x_channel,
            geometry.axes[-1].n_out,
        ]
    )
    tables = tuple(map(fixed, (sizes, places, outer, shifts)))
    x, data = fixed(rows).reshape(-1), fixed(y).reshape(-1)
    items, slots = _pieces(geometry, len(y), places.size)
    totals = np.zeros((slots, geometry.y_channels, *_tap_shape(geometry)), dtype=y.dtype)

    def piece(item: tuple[int, int, int, int, int]) -> None:
        scratch = np.empty(_SCRATCH_BYTES // y.itemsize, dtype=y.dtype)
        gradient(x, data, totals[item[0]].reshape(-1), scratch, *tables, *item[1:])

    run(piece, items)
    return np.asarray(totals.sum(axis=0, dtype=y.dtype))


def _by_residue(
    geometry: ConvGeometry, wide: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], int]:
    """Rows with the residues of the last stride side by side, where each tap starts in them, and
    their length.
    """
    axis = geometry.axes[-1]
    taps = axis.dilation * np.arange(axis.k)
    if axis.stride == 1:
        return np.ascontiguousarray(wide), taps, wide.shape[-1]
    kept, slot = np.unique(taps % axis.stride, return_inverse=True)
    length = -(-wide.shape[-1] // axis.stride)
    rows = sorted_rows(wide, wide.shape[-1], axis.stride, kept, length)
    return rows, slot.reshape(-1) * length + taps // axis.stride, kept.size * length


def _grid(parts: list[NDArray[Any]]) -> NDArray[np.int64]:
    """All sums of one number from each part, C-ordered."""
    total = np.zeros(1, dtype=np.int64)
    for part in parts:
        total = np.add.outer(total, part).reshape(-1)
    return total


def _pieces(
    geometry: ConvGeometry, batch: int, rows: int
) -> tuple[list[tuple[int, int, int, int, int]], int]:
    """(slot, first and last unit, first and last row): units apart if there are enough, else
    rows apart, each in a slot of its own.
    """
    units, threads = geometry.y_channels, num_threads()
    if batch * geometry.nnz < _WORTH_A_THREAD or threads == 1:
        return [(0, 0, units, 0, batch * rows)], 1
    if units >= 2 * threads:
        return [(0, *part, 0, batch * rows) for part in split(units, 2 * threads)], 1
    parts = split(batch * rows, 2 * threads)
    return [(slot, 0, units, *part) for slot, part in enumerate(parts)], max(len(parts), 1)
