"""Operations of a traced model that are linear: convolutions, averages, interpolation, matrices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag as blocks_of
from scipy.sparse import csr_array, eye_array, kron

from ... import layers
from ...assembly import guard_entries, index_dtype
from ...errors import DTypeError
from ...operators import Conv, ConvTranspose, Operator, block_diag

Links = list[tuple[Any, "Operator | None"]]  # where from, and by what operator; None: the identity


class Matrices(Operator):
    """Stacked matrices, each times the one of the sample that it belongs to, or these times each.

    Parameters
    ----------
    factors : array, (batch, n, k)
        Not copied.
    width : int
        Rows or columns of the sample that the product keeps.
    left : bool
        Whether the factors stand on the left.
    """

    def __init__(self, factors: NDArray[Any], width: int, left: bool) -> None:
        batch, n, k = factors.shape
        ends = ((k, width), (n, width)) if left else ((width, n), (width, k))
        super().__init__((batch, *ends[0]), (batch, *ends[1]), factors.dtype)
        self._factors, self._width, self._left = factors, width, left

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self._factors @ x if self._left else x @ self._factors)

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        factors = self._factors.conj() if conjugated else self._factors
        if transposed:
            factors = factors.transpose(0, 2, 1)
        return Matrices(factors, self._width, self._left)

    def _matrix(self, max_bytes: Any) -> csr_array:
        nnz = self._factors.size * self._width
        guard_entries(self.shape, nnz, self.dtype, index_dtype(self.shape, nnz), max_bytes)
        kept = eye_array(self._width, dtype=self.dtype, format="csr")
        parts = [
            kron(csr_array(m), kept) if self._left else kron(kept, csr_array(m.T))
            for m in self._factors
        ]
        matrix = csr_array(blocks_of(parts, format="csr", dtype=self.dtype))
        matrix.sum_duplicates()
        return matrix

    @property
    def flops(self) -> int:
        """Two per entry of a factor and row or column of the sample."""
        return 2 * self._factors.size * self._width


def matrix_product(call: Any) -> Links:
    """Of two matrices, or stacks of them, either or both of which depend on the inputs."""
    nodes = call.node.args[:2]
    a, b = (call.array(call.values[node]) for node in nodes)
    a, b = (v.reshape(-1, *v.shape[-2:]) for v in (a, b))
    parts: Links = []
    if nodes[0] in call.sources:
        parts.append((nodes[0], Matrices(b, a.shape[1], left=False)))
    if nodes[1] in call.sources:
        parts.append((nodes[1], Matrices(a, b.shape[2], left=True)))
    return parts


def _convolution(call: Any) -> Links:
    """Of a sample with a constant kernel; a batch is so many samples."""
    x, weight, _, stride, padding, dilation, transposed, output_padding, groups = call.args()[:9]
    node = call.node.args[0]
    if call.sources != [node] or node in call.node.args[1:3]:
        raise DTypeError(
            f"`model` must have kernels that do not depend on the inputs; got {call.node.target} with one "
            f"that does. Use torch.func.jacrev(model)(x) for its dense Jacobian."
        )
    options: dict[str, Any] = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
    }
    taps, shape = call.array(weight), tuple(x.shape[1:])
    op: Operator
    if transposed:
        op = ConvTranspose(taps, shape, output_padding=output_padding, **options)
    else:
        op = Conv(taps, shape, **options)
    return [(node, op if len(x) == 1 else block_diag([op] * len(x)))]


def _planes(call: Any, axes: int) -> tuple[Any, tuple[int, ...]]:
    """The argument's node, and its shape with all that comes before the last axes as channels."""
    shape = call.values[call.node.args[0]].shape
    return call.node.args[0], (prod(shape[:-axes]), *shape[-axes:])


def _average(axes: int, call: Any) -> Links:
    node, shape = _planes(call, axes)
    kernel, stride, padding, *options = call.args()[1:]
    return [
        (node, layers.avg_pool(shape, kernel, stride or None, padding, *options, dtype=call.dtype))
    ]


def _adaptive(axes: int, call: Any) -> Links:
    node, shape = _planes(call, axes)
    return [(node, layers.adaptive_avg_pool(shape, call.args()[1], dtype=call.dtype))]


def _interpolated(mode: str, axes: int, call: Any) -> Links:
    node, shape = _planes(call, axes)
    size, align, *factors = call.args()[1:]
    scaled = all(factor is not None for factor in factors)
    where: dict[str, Any] = {"scale_factor": factors} if scaled else {"size": size}
    op = layers.upsample(shape, mode=mode, align_corners=align, dtype=call.dtype, **where)
    return [(node, op)]


def _folded(call: Any) -> Links:
    node = call.node.args[0]
    x = call.values[node]
    columns = (prod(x.shape[:-1]), x.shape[-1])
    return [(node, layers.fold(columns, *call.args()[1:], dtype=call.dtype))]


LINEAR: dict[str, Callable[[Any], Links]] = {
    "convolution": _convolution,
    "avg_pool1d": partial(_average, 1),
    "avg_pool2d": partial(_average, 2),
    "avg_pool3d": partial(_average, 3),
    "adaptive_avg_pool1d": partial(_adaptive, 1),
    "_adaptive_avg_pool2d": partial(_adaptive, 2),
    "_adaptive_avg_pool3d": partial(_adaptive, 3),
    "upsample_linear1d": partial(_interpolated, "linear", 1),
    "upsample_bilinear2d": partial(_interpolated, "bilinear", 2),
    "upsample_bicubic2d": partial(_interpolated, "bicubic", 2),
    "upsample_trilinear3d": partial(_interpolated, "trilinear", 3),
    "col2im": _folded,
}
