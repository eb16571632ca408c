"""How long a product of many channels takes, from counts alone."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, prod

import numpy as np

from ...geometry import ConvGeometry
from ._bands import bands, blocks_of
from ._block_plan import span, spans

# Nanoseconds on one core with registers of 64 bytes.
_REGISTER = 0.132  # a multiply-add
_TASK = 8_000.0
_BROUGHT_ROW, _BROUGHT_REGISTER = 6.0, 0.9  # a row of the input into the work space
_SORTED = 0.55  # a sample whose residue is sorted out on the way
_WRITTEN_ROW, _WRITTEN_REGISTER = 20.0, 0.6  # a row of the output
_WOVEN = 0.4  # an output woven from residues

_SIZES = (8, 4, 3)  # channels of the blocks, and what they compute at once, in registers
_AT_ONCE = {8: 1, 4: 6, 3: 8}  # the largest blocks end with as few as one
_MOST_TABLES = 20_000
_MOST_SPACE = 1 << 25  # bytes


def can_block(geometry: ConvGeometry, dtype: np.dtype[np.generic], transposed: bool) -> bool:
    """Whether the loops over blocks of channels can compute this: real numbers, zeros outside, and
    tables and work space of moderate size.
    """
    if dtype.kind != "f" or any(axis.mode != "zeros" for axis in geometry.axes):
        return False
    tables = 1
    for axis in geometry.axes[1:-1]:
        tables *= axis.n_in + axis.n_out + axis.dilation * axis.k
    tables *= prod(axis.stride for axis in geometry.axes)
    if max(tables, prod(geometry.kernel_size)) > _MOST_TABLES:
        return False
    axes = [span(axis, transposed) for axis in geometry.axes]
    taken = (geometry.y_channels if transposed else geometry.x_channels) // geometry.groups
    least = prod(item.pitch for item in axes[1:]) * (1 + 2 * axes[0].spread)
    return taken * dtype.itemsize * prod(len(i.residues) for i in axes) * least <= _MOST_SPACE


@lru_cache(maxsize=1 << 12)
def block_nanoseconds(geometry: ConvGeometry, itemsize: int, transposed: bool) -> float:
    """Estimated time of one sample on one core, without the call."""
    axes = spans(geometry, transposed)
    groups = geometry.groups
    taken, given = geometry.x_channels // groups, geometry.y_channels // groups
    if transposed:
        taken, given = given, taken
    blocks = blocks_of(given, _SIZES)
    cut = bands(geometry, transposed, itemsize, 1, len(blocks), 1)
    tasks = cut.row_bands * cut.column_bands
    lanes = 64 / itemsize
    inner = prod(item.pitch for item in axes[1:-1])
    flat = inner * axes[-1].pitch
    length = (cut.most_rows - 1) * flat + (inner - 1) * axes[-1].pitch + cut.most_columns
    registers = sum(
        size * _AT_ONCE[size] * ceil(length / (lanes * _AT_ONCE[size])) for size, _ in blocks
    )
    # Every tap of the kernel meets one phase of the outputs, that is, one line of sums.
    total = _REGISTER * registers * taken * prod(geometry.kernel_size) * tasks + _TASK * tasks
    slots = prod(len(item.residues) for item in axes)
    brought = tasks * taken * slots * (cut.most_rows + axes[0].spread) * inner
    total += brought * (_BROUGHT_ROW + _BROUGHT_REGISTER * ceil(axes[-1].pitch / lanes))
    if axes[-1].stride > 1:
        total += _SORTED * brought * axes[-1].count
    phases = len(axes[-1].phases)
    outputs = prod(sum(phase.count for phase in item.phases) for item in axes)
    written = given * outputs / sum(phase.count for phase in axes[-1].phases)
    total += written * (_WRITTEN_ROW + _WRITTEN_REGISTER * phases * axes[-1].count / lanes)
    if phases > 1:
        total += _WOVEN * given * outputs
    return groups * total
