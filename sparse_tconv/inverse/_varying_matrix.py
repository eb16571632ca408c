"""The matrix of a varying blur."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..assembly import extension_matrix
from ..geometry import ConvGeometry
from ..operators import Conv, Diagonal, LocalConv, as_operator, block_diag


def varying_matrix(op: Any, max_bytes: Any) -> csr_array:
    """One kernel for every pixel, wherever what lies outside the image is copies of its samples,
    since their weights are copied with them; else the sum of the blurs.
    """
    local = _local_weight(op)
    if local is None:
        matrix = _summed(op, max_bytes)
    else:
        matrix = LocalConv(local, op.geometry.x_shape, **_options(op.geometry)).to_matrix(
            max_bytes=max_bytes
        )
    channels = prod(op.in_shape) // prod(op.geometry.x_shape)
    if channels == 1:
        return matrix
    return block_diag([as_operator(matrix)] * channels).to_matrix(max_bytes=max_bytes)


def _local_weight(op: Any) -> NDArray[Any] | None:
    """The kernels of all output pixels, (*kernel_size, *size); None if there are none."""
    axes = op.geometry.axes
    n = len(axes)
    operands: list[Any] = []
    for number, (axis, hat) in enumerate(zip(axes, op.hats, strict=True)):
        # (node, tap, output): the node's weight where that tap reads
        if op.at == "output":
            seen = np.broadcast_to(hat[:, None], (len(hat), axis.k, axis.n_out))
        else:
            extension = extension_matrix(axis)
            if (np.diff(extension.indptr) > 1).any() or (extension.data != 1).any():
                return None
            wide = (extension.astype(hat.dtype) @ hat.T).T
            taps = np.arange(axis.k - 1, -1, -1)[:, None]  # the kernel is flipped
            seen = wide[:, axis.position(np.arange(axis.n_out), taps) - axis.first]
        operands += [seen, [number, n + number, 2 * n + number]]
    nodes, kernel, pixels = (list(range(i * n, (i + 1) * n)) for i in range(3))
    return np.asarray(np.einsum(op.psfs, nodes + kernel, *operands, kernel + pixels, optimize=True))


def _summed(op: Any, max_bytes: Any) -> csr_array:
    """The weighted sum of the blurs by all PSFs."""
    total: Any = None
    weights = op.weights
    for node in np.ndindex(*map(len, op.hats)):
        blur = Conv(op.psfs[node], op.geometry.x_shape, **_options(op.geometry))
        scale = Diagonal(weights[node])
        part = blur @ scale if op.at == "input" else scale @ blur
        total = part if total is None else total + part
    return total.to_matrix(max_bytes=max_bytes)


def _options(geometry: ConvGeometry) -> dict[str, Any]:
    """The arguments of a blur of this geometry."""
    return {
        "padding": [(axis.before, axis.k - 1 - axis.before) for axis in geometry.axes],
        "padding_mode": geometry.padding_mode,
        "flip": True,
        "channels": False,
    }
