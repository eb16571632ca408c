"""How a product of many channels is cut: bands of the image, and blocks of the output channels."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, prod
from typing import NamedTuple

from ...geometry import ConvGeometry
from ._block_plan import channels, spans
from ._calls import split

_SPACE = 1 << 19  # bytes of a band: it stays in a core's second-level cache
_WORTH_A_THREAD = 2_500_000  # multiply-adds
_PIECES_PER_THREAD = 2


class Bands(NamedTuple):
    """Stretches of the rows of the first axis, of the columns of the last, and of the blocks of
    channels. One axis alone is one row.
    """

    rows: list[tuple[int, int]]
    columns: list[tuple[int, int]]
    blocks: list[tuple[int, int]]

    @property
    def most(self) -> list[int]:
        """Rows and columns of the longest bands."""
        return [max(stop - start for start, stop in parts) for parts in self[:2]]


@lru_cache(maxsize=1 << 10)
def bands(
    geometry: ConvGeometry, transposed: bool, itemsize: int, batch: int, blocks: int, threads: int
) -> Bands:
    """Bands that fit into a core's own cache, and enough of them for all threads."""
    axes = spans(geometry, transposed)
    one_axis = len(geometry.axes) == 1
    cut, others = (axes[-1], ()) if one_axis else (axes[0], axes[1:])
    each = channels(geometry, transposed)[0] * itemsize * prod(item.pitch for item in others)
    each *= prod(len(item.sums.lengths) for item in axes)
    count = ceil(cut.count / max(1, _SPACE // each - cut.spread, 2 * cut.spread))
    tasks = batch * geometry.groups
    shared = threads > 1 and batch * geometry.nnz >= _WORTH_A_THREAD
    wanted = threads * _PIECES_PER_THREAD if shared else 1
    if tasks * count < wanted:  # bands a few times as high as the kernel, then blocks of channels
        count = max(count, min(ceil(wanted / tasks), cut.count // (4 * cut.spread + 4)))
    parts = min(blocks, ceil(wanted / (tasks * count)))
    row_bands, column_bands = (1, count) if one_axis else (count, 1)
    rows, columns = split(axes[0].count, row_bands), split(axes[-1].count, column_bands)
    return Bands(rows, columns, split(blocks, parts))


def blocks_of(count: int, sizes: tuple[int, ...]) -> list[tuple[int, int]]:
    """(channels, first channel) of blocks that cover `count` channels: the largest, and for what is
    left the smallest that does.
    """
    most = sizes[0]
    blocks = [(most, first) for first in range(0, count - most + 1, most)]
    left = count % most
    if left:
        blocks.append((min(size for size in sizes if size >= left), count - left))
    return blocks
