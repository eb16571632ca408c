"""How long a product by the loops over rows takes, from counts alone.

The loops work on tiles: two outputs, four registers each. A tile costs a multiply-add per register,
output and tap, less where two outputs share what they read and where three neighboring taps share
two loads; tiles that meet an edge and tiles of half the width cost more. Then the outputs travel
once to memory. Nothing of the samples' size is looked at.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, prod
from typing import Any

import numpy as np

from ...geometry import Axis, ConvGeometry
from ...pattern import MatrixPattern

# Nanoseconds on one core with registers of 64 bytes: a fit to 216 products with 1 to 3 axes, 7 us
# to 4 ms long; nine in ten are within 1.3 of it.
_PASS = 16.0  # a row of one or two outputs, per phase
# A multiply-add of a register whose operand serves both outputs or one, singly and in threes of taps.
_SHARED, _SHARED_THREE = 0.174, 0.145
_ALONE, _ALONE_THREE = 0.275, 0.218
_EDGE, _EDGE_REGISTER = 7.3, 0.274  # a tile that meets an edge, and its multiply-adds
_HALF_REGISTER = 0.44
_NEAR = 32_768  # bytes of input that one output reads, and that stay in a core's first cache
_FAR = 1.4  # multiply-adds beyond take that much longer
_BYTE = 0.019  # of the output
_SORTED = 0.77  # a sample whose phase is sorted out first
_WOVEN = 0.065  # an output woven from phases
_WALKED = 1.2  # an entry at an edge that repeats samples
_WIDE = 256  # bytes of a tile


@lru_cache(maxsize=1 << 12)
def row_nanoseconds(geometry: ConvGeometry, dtype: np.dtype[Any], transposed: bool) -> float:
    """Estimated time of one sample on one core, without the call."""
    pattern = MatrixPattern(geometry, transposed)
    axis = geometry.axes[-1]
    outputs, inputs = pattern.axes[-1].shape
    phases = min(axis.stride, outputs) if transposed else 1
    *outer, _ = pattern.axes
    rows = prod(part.shape[0] for part in outer)
    readings = pattern.col_channels * prod(part.nnz for part in geometry.axes[:-1]) / rows
    passes, together, share = _passes(geometry, pattern, dtype.kind == "c")
    shared, alone = readings * together * share, readings * together * (1 - share)
    taps = axis.k / phases
    threes = 0.0 if dtype.kind == "c" else taps * _in_threes(axis, transposed)
    inside, edged, half = _tiles(axis, -(-outputs // phases) * dtype.itemsize, transposed)
    row = 4 * inside * shared * (_SHARED_THREE * threes + _SHARED * (taps - threes))
    row += 4 * inside * alone * (_ALONE_THREE * threes + _ALONE * (taps - threes))
    row += edged * _EDGE + (shared + alone) * taps * (
        4 * edged * _EDGE_REGISTER + 2 * half * _HALF_REGISTER
    )
    if readings * inputs * dtype.itemsize > _NEAR:
        row *= _FAR
    total = passes * phases * (_PASS + row)
    written = pattern.row_channels * rows * outputs
    total += _BYTE * dtype.itemsize * written
    size = (dtype.itemsize / 8) ** 0.5
    if phases > 1:
        total += _WOVEN * size * written
    elif axis.stride > 1 and not transposed:
        total += _SORTED * size * pattern.shape[1]
    if axis.mode != "zeros":
        positions = min(1.0, axis.dilation * (axis.k - 1) / outputs)
        total += _WALKED * written * positions * readings * axis.nnz / axis.n_out
    return total


def _passes(
    geometry: ConvGeometry, pattern: MatrixPattern, is_complex: bool
) -> tuple[float, int, float]:
    """Passes over a row; outputs of a pass, which are two channels, or two neighboring rows, or the
    two real products of a complex one; and the share of what they read that serves both.
    """
    rows = prod(part.shape[0] for part in pattern.axes[:-1])
    units = pattern.row_channels // geometry.groups
    if is_complex:
        return pattern.row_channels * rows, 2, 1.0
    if units > 1:
        return geometry.groups * ceil(units / 2) * rows, 2, 1.0
    if len(geometry.axes) == 1:
        return pattern.row_channels, 1, 0.0
    near = geometry.axes[-2]
    taps = max(near.nnz / pattern.axes[-2].shape[0], 1.0)
    share = 1 - 1 / taps
    if near.stride > 1:
        share = 1 - 1 / (2 * taps) if pattern.transposed else max(0, near.k - near.stride) / near.k
    return pattern.row_channels * rows / 2, 2, share


def _in_threes(axis: Axis, transposed: bool) -> float:
    """The share of the taps whose shifts come in threes of neighbors."""
    if axis.dilation not in (1, axis.stride):
        return 0.0
    apart = axis.stride if transposed or axis.dilation == 1 else 1
    neighbors = axis.k / min(apart, axis.n_in if transposed else apart)
    return int(neighbors + 1e-9) // 3 * 3 / neighbors


def _tiles(axis: Axis, width: int, transposed: bool) -> tuple[int, int, int]:
    """Tiles in a row of so many bytes: inside, at an edge, of half the width."""
    full, rest = divmod(width, _WIDE)
    if not full:
        return 0, 0, ceil(rest / (_WIDE // 2))
    wide = full + (rest > _WIDE // 2)
    meets = axis.k > 1 and axis.mode == "zeros" and (transposed or axis.before > 0)
    edged = min(wide, 2) if meets else 0
    return wide - edged, edged, int(0 < rest <= _WIDE // 2)
