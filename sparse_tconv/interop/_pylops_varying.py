"""PyLops's convolutions with filters that vary: one filter for every position of the input."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pylops.signalprocessing import (
    NonStationaryConvolve1D,
    NonStationaryConvolve2D,
    NonStationaryConvolve3D,
)

from .. import _validate as validate
from ..operators import LocalConvTranspose

NON_STATIONARY = (NonStationaryConvolve1D, NonStationaryConvolve2D, NonStationaryConvolve3D)


def from_nonstationary(operator: Any) -> LocalConvTranspose:
    """Each sample scatters the filter interpolated at its position: the transpose of a locally
    connected layer.
    """
    size = tuple(int(n) for n in operator.dims)
    filters = validate.numeric_array("operator.hs", operator.hs)
    axes = [int(operator.axis) % len(size)] if filters.ndim == 2 else list(range(len(size)))
    names = [""] if filters.ndim == 2 else ["x", "z"] if filters.ndim == 4 else ["x", "y", "z"]
    n, d = len(axes), len(size)
    # Labels of einsum: nodes, taps of all axes of the image, positions on them.
    nodes, taps, places = range(n), range(n, n + d), range(n + d, n + 2 * d)
    operands: list[Any] = []
    for number, (axis, name) in enumerate(zip(axes, names, strict=True)):
        first, step = (float(getattr(operator, f"{word}h{name}")) for word in "od")
        hats = _hats(first + step * np.arange(filters.shape[number]), size[axis])
        operands += [hats.astype(filters.real.dtype), [nodes[number], places[axis]]]
    tap_labels, place_labels = [taps[axis] for axis in axes], [places[axis] for axis in axes]
    labels = [*nodes, *tap_labels]
    found = np.einsum(filters, labels, *operands, tap_labels + place_labels, optimize=True)
    kernel = tuple(filters.shape[n + axes.index(a)] if a in axes else 1 for a in range(d))
    spread = tuple(size[a] if a in axes else 1 for a in range(d))
    weight = np.broadcast_to(found.reshape(*kernel, *spread), (*kernel, *size))
    padding = [k // 2 for k in kernel]
    return LocalConvTranspose(weight, size, padding=padding, channels=False)


def _hats(nodes: NDArray[Any], size: int) -> NDArray[np.float64]:
    """(node, position): linear between nodes, constant beyond the outermost."""
    positions = np.arange(size, dtype=np.float64)
    return np.stack([np.interp(positions, nodes, unit) for unit in np.eye(len(nodes))])
