"""How a product of many channels is cut: bands of the image, and blocks of the output channels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, prod

from ...geometry import ConvGeometry
from ._block_plan import channels, spans

_SPACE = 1 << 19  # bytes of a band: it stays in a core's second-level cache
_WORTH_A_THREAD = 2_500_000  # multiply-adds
_PIECES_PER_THREAD = 2


@dataclass(frozen=True)
class Bands:
    """Rows of the first axis and columns of the last, and into how many parts they, and the blocks
    of channels, are cut. One axis alone is one row.
    """

    rows: int
    columns: int
    row_bands: int
    column_bands: int
    block_parts: int

    @property
    def most_rows(self) -> int:
        """Rows of the longest band."""
        return ceil(self.rows / self.row_bands)

    @property
    def most_columns(self) -> int:
        """Columns of the longest band."""
        return ceil(self.columns / self.column_bands)


@lru_cache(maxsize=1 << 10)
def bands(
    geometry: ConvGeometry, transposed: bool, itemsize: int, batch: int, blocks: int, threads: int
) -> Bands:
    """Bands that fit into a core's own cache, and enough of them for all threads."""
    axes = spans(geometry, transposed)
    one_axis = len(geometry.axes) == 1
    cut = axes[-1] if one_axis else axes[0]
    each = (
        channels(geometry, transposed)[0] * itemsize * prod(len(item.sums.lengths) for item in axes)
    )
    if not one_axis:
        each *= prod(item.pitch for item in axes[1:])
    count = ceil(cut.count / max(1, _SPACE // each - cut.spread, 2 * cut.spread))
    tasks = batch * geometry.groups
    shared = threads > 1 and batch * geometry.nnz >= _WORTH_A_THREAD
    wanted = threads * _PIECES_PER_THREAD if shared else 1
    if tasks * count < wanted:  # bands a few times as high as the kernel, then blocks of channels
        count = max(count, min(ceil(wanted / tasks), cut.count // (4 * cut.spread + 4)))
    parts = min(blocks, ceil(wanted / (tasks * count)))
    rows, columns = axes[0].count, axes[-1].count
    if one_axis:
        return Bands(rows, columns, 1, count, parts)
    return Bands(rows, columns, count, 1, parts)


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
