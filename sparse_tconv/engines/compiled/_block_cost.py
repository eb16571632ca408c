"""How long a product of many channels takes, from counts alone."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, prod
from typing import Any

import numpy as np

from ...geometry import ConvGeometry
from ._block_plan import bands, blocks_of, sources_of, spans, stretch

# Nanoseconds on one core with registers of 64 bytes.
_REGISTER = 0.132  # a multiply-add
_TASK = 8_000.0
_BROUGHT_ROW, _BROUGHT_REGISTER = 6.0, 0.9  # a row of the input into the work space
_SORTED = 0.55  # a sample whose residue is sorted out on the way
_WRITTEN_ROW, _WRITTEN_REGISTER = 20.0, 0.6  # a row of the output
_WOVEN = 0.4  # an output woven from residues

_SIZES = (8, 4, 3)  # channels of the blocks, and what they compute at once, in registers
_AT_ONCE = {8: 1, 4: 6, 3: 8}  # the largest blocks end with as few as one
_MOST_TAPS = 20_000
_MOST_ROWS = 1 << 20
_MOST_SPACE = 1 << 25  # bytes


def cannot_block(geometry: ConvGeometry, itemsize: int) -> str | None:
    """Why these loops cannot compute C and C^T, as a clause; None if they can."""
    modes = {axis.mode for axis in geometry.axes} - {"zeros"}
    if modes:
        return f"its blocks are for zeros outside, not for {min(modes)!r}"
    rows = prod(axis.stride for axis in geometry.axes)
    rows *= prod(a.n_in + a.n_out + a.dilation * a.k for a in geometry.axes[:-1])
    if rows > _MOST_ROWS or prod(geometry.kernel_size) > _MOST_TAPS:
        return "its tables would be too large"
    for transposed in (False, True):
        axes = spans(geometry, transposed)
        each = geometry.group_channels(transposed)[0] * len(sources_of(axes)) * axes[0].step
        if each * (1 + 2 * axes[0].spread) * itemsize > _MOST_SPACE:
            return "its work space would be too large"
    return None


@lru_cache(maxsize=1 << 12)
def block_nanoseconds(geometry: ConvGeometry, dtype: np.dtype[Any], transposed: bool) -> float:
    """Estimated time of one sample on one core, without the call."""
    itemsize = dtype.itemsize
    axes = spans(geometry, transposed)
    in_channels, out_channels = geometry.group_channels(transposed)
    blocks = blocks_of(out_channels, _SIZES)
    cut = bands(geometry, transposed, itemsize, 1, len(blocks), 1)
    tasks = len(cut.rows) * len(cut.columns)
    lanes = 64 / itemsize
    first, last = axes[0], axes[-1]
    rows, columns = cut.most
    length = stretch(axes, rows, columns)
    registers = sum(
        size * _AT_ONCE[size] * ceil(length / (lanes * _AT_ONCE[size])) for size, _ in blocks
    )
    # Every tap of the kernel meets one phase of the outputs, that is, one stretch of sums.
    total = _REGISTER * registers * in_channels * prod(geometry.kernel_size) * tasks
    total += _TASK * tasks
    brought = tasks * in_channels * len(sources_of(axes)) * (rows + first.spread)
    brought *= first.step // last.pitch
    total += brought * (_BROUGHT_ROW + _BROUGHT_REGISTER * ceil(last.pitch / lanes))
    if last.sums.stride > 1:
        total += _SORTED * brought * last.count
    phases = len(last.sums.targets)
    outputs = out_channels * prod(axis.outputs for axis in axes)
    written = outputs / last.outputs
    total += written * (_WRITTEN_ROW + _WRITTEN_REGISTER * phases * last.count / lanes)
    if phases > 1:
        total += _WOVEN * outputs
    return geometry.groups * total
