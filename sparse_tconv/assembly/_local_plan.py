"""What writes the values of kernels that vary in space: kept, since it is the same for all kernels
of one geometry.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..cache import store
from ..pattern import Block, MatrixPattern, Region
from ._local_copies import Copy
from ._local_pieces import BlockCopies, KernelSteps

_BYTES = 1000  # of a copy, or of a block, about
_KEPT = 1 << 12  # copies and blocks; longer plans are made anew at each use


@dataclass(frozen=True, eq=False)
class LocalPlan:
    """What writes the values.

    Parameters
    ----------
    copies : tuple of Copy
        Those that nothing is added up in.
    left : tuple of (Block, tuple of Region)
        Blocks, and the regions of the last axis, that have to be written otherwise.
    """

    copies: tuple[Copy, ...]
    left: tuple[tuple[Block, tuple[Region, ...]], ...]

    def __len__(self) -> int:
        return len(self.copies) + len(self.left)

    def size(self) -> int:
        """Bytes held, about."""
        return _BYTES * (1 + len(self))


def local_plan(pattern: MatrixPattern) -> LocalPlan:
    """What writes the values of a pattern's matrices."""
    bucket = "local plan", pattern.geometry, pattern.transposed
    found: LocalPlan | None = store.find(bucket)
    if found is None:
        found = _plan(pattern)
        if len(found) <= _KEPT:
            store.add(bucket, found, found.size)
    return found


def _plan(pattern: MatrixPattern) -> LocalPlan:
    steps = KernelSteps.of(pattern.geometry, pattern.transposed)
    last = pattern.axes[-1]
    copies: list[Copy] = []
    left = []
    for block in pattern.blocks(pattern.slab_starts()):
        if not (block.size and pattern.col_channels):
            continue
        if any(part.rows.folded for part in block.progressions):
            left.append((block, last.regions))
            continue
        made, done, rest = BlockCopies(pattern, steps, block), 0, []
        for region in last.regions:
            found = made.of(region, done)
            if found is None:
                rest.append(region)
            else:
                copies.extend(found)
            done += last.rows(region).cols.size * region.count
        if rest:
            left.append((block, tuple(rest)))
    return LocalPlan(tuple(copies), tuple(left))
