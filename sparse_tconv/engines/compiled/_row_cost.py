"""How long a product takes, from counts alone.

The loops work on blocks: two outputs, four registers each. A block costs a multiply-add per
register, output and tap, less where two outputs share what they read and where three neighboring
taps share two loads; blocks that meet an edge and blocks of half the width cost more. Then the
outputs travel once to memory. Nothing of the samples' size is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from typing import Any

import numpy as np

from ...geometry import Axis, ConvGeometry
from ...pattern import MatrixPattern

# Nanoseconds on one core with registers of 64 bytes: a fit to 216 products with 1 to 3 axes, 7 us
# to 4 ms long; nine in ten are within 1.3 of it.
_PASS = 16.0  # a row of one or two outputs, per residue of a stride
_SHARED, _SHARED_THREE = (
    0.174,
    0.145,
)  # multiply-add of a register whose operand serves both outputs; in threes of taps
_ALONE, _ALONE_THREE = 0.275, 0.218
_EDGE, _EDGE_REGISTER = 7.3, 0.274  # a block that meets an edge, and its multiply-adds
_HALF_REGISTER = 0.44
_NEAR = 32_768  # bytes of input that one output reads, and that stay in a core's first cache
_FAR = 1.4  # multiply-adds beyond take that much longer
_BYTE = 0.019  # of the output
_SORTED = 0.77  # a sample whose residue is sorted out first
_WOVEN = 0.065  # an output woven from residues
_WALKED = 1.2  # an entry at an edge that repeats samples

_WIDE = 256  # bytes of a block


@dataclass(frozen=True)
class _Work:
    """What one pass over a row does: how many passes, and multiply-adds per tap of the last axis
    with and without sharing.
    """

    passes: float
    shared: float
    alone: float


def nanoseconds(geometry: ConvGeometry, dtype: np.dtype[Any], transposed: bool) -> float:
    """Estimated time of one sample on one core, without the call."""
    pattern = MatrixPattern(geometry, transposed)
    axis = geometry.axes[-1]
    outputs, inputs = pattern.axes[-1].shape
    lanes = min(axis.stride, outputs) if transposed else 1
    is_complex = dtype.kind == "c"
    outer = [axis.shape for axis in pattern.axes[:-1]]
    rows = pattern.row_channels * prod(shape[0] for shape in outer)
    readings = (
        pattern.col_channels * prod(a.nnz for a in geometry.axes[:-1]) / prod(n for n, _ in outer)
    )
    work = _work(geometry, pattern, is_complex, readings)
    blocks = _blocks(axis, -(-outputs // lanes) * dtype.itemsize, transposed)
    row = _row(axis, blocks, work, lanes, transposed, is_complex)
    if readings * inputs * dtype.itemsize > _NEAR:
        row *= _FAR
    total = work.passes * lanes * (_PASS + row)
    total += _BYTE * dtype.itemsize * rows * outputs
    size = (dtype.itemsize / 8) ** 0.5
    if lanes > 1:
        total += _WOVEN * size * rows * outputs
    elif axis.stride > 1 and not transposed:
        total += (
            _SORTED
            * size
            * pattern.col_channels
            * geometry.groups
            * prod(n for _, n in outer)
            * inputs
        )
    if axis.mode != "zeros":
        positions = min(outputs, axis.dilation * (axis.k - 1))
        total += _WALKED * rows * readings * axis.nnz / axis.n_out * positions
    return total


def _work(
    geometry: ConvGeometry, pattern: MatrixPattern, is_complex: bool, readings: float
) -> _Work:
    """Two channels, or two neighboring rows, or the two real products of a complex one, share a
    pass.
    """
    outer = prod(axis.shape[0] for axis in pattern.axes[:-1])
    units = pattern.row_channels // geometry.groups
    if is_complex:
        return _Work(pattern.row_channels * outer, 2 * readings, 0.0)
    if units > 1:
        return _Work(geometry.groups * ceil(units / 2) * outer, 2 * readings, 0.0)
    if not pattern.axes[:-1]:
        return _Work(pattern.row_channels, 0.0, readings)
    near = geometry.axes[-2]
    taps = max(near.nnz / pattern.axes[-2].shape[0], 1.0)
    share = 1 - 1 / taps
    if near.stride > 1:
        share = 1 - 1 / (2 * taps) if pattern.transposed else max(0, near.k - near.stride) / near.k
    return _Work(pattern.row_channels * outer / 2, 2 * share * readings, 2 * (1 - share) * readings)


def _blocks(axis: Axis, width: int, transposed: bool) -> tuple[int, int, int]:
    """Blocks in a row of that many bytes: inside, at an edge, of half the width."""
    full, rest = divmod(width, _WIDE)
    if not full:
        return 0, 0, ceil(rest / (_WIDE // 2))
    wide = full + (rest > _WIDE // 2)
    meets = axis.k > 1 and axis.mode == "zeros" and (transposed or axis.before > 0)
    edged = min(wide, 2) if meets else 0
    return wide - edged, edged, int(0 < rest <= _WIDE // 2)


def _row(
    axis: Axis,
    blocks: tuple[int, int, int],
    work: _Work,
    lanes: int,
    transposed: bool,
    is_complex: bool,
) -> float:
    """The blocks of one residue of a row."""
    inside, edged, half = blocks
    taps = axis.k / lanes
    neighbors = taps if transposed else axis.k / (axis.stride if axis.dilation == 1 else 1)
    threes = 0.0
    if not is_complex and axis.dilation in (1, axis.stride):
        threes = int(neighbors + 1e-9) // 3 * 3 / neighbors * taps
    single = taps - threes
    cost = 4 * inside * work.shared * (_SHARED_THREE * threes + _SHARED * single)
    cost += 4 * inside * work.alone * (_ALONE_THREE * threes + _ALONE * single)
    cost += edged * (_EDGE + 4 * _EDGE_REGISTER * taps * (work.shared + work.alone))
    return cost + half * 2 * _HALF_REGISTER * taps * (work.shared + work.alone)
