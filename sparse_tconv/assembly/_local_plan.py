"""What writes the values of kernels that vary in space: kept, since it is the same for all kernels
of one geometry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from ..cache import store
from ..pattern import MatrixPattern
from ._local_copies import Copy
from ._local_pieces import BlockCopies, KernelSteps
from ._local_sums import Left, SumJob, sum_jobs

_BYTES = 1000  # of a copy, or of a job, about
_PER_SUM = 16  # bytes of what tells how a number is added up, about
_KEPT = 1 << 12  # copies and jobs; longer plans are made anew at each use
_SHARE = 16  # of the matrix, at most, is added up by jobs that are kept


@dataclass(frozen=True, eq=False)
class LocalPlan:
    """What writes the values.

    Parameters
    ----------
    copies : tuple of Copy
        Those that nothing is added up in.
    left : tuple of (Block, tuple of Region)
        Blocks, and the regions of the last axis, that have to be written otherwise.
    numbers : int
        Entries of these.
    jobs : tuple of SumJob, optional
        What writes them, if they are few.
    """

    copies: tuple[Copy, ...]
    left: tuple[Left, ...]
    numbers: int
    jobs: tuple[SumJob, ...] | None

    @property
    def kept(self) -> bool:
        """Whether this is little beside what it writes."""
        return len(self.copies) + len(self.left) <= _KEPT

    def size(self) -> int:
        """Bytes held, about."""
        jobs = self.left if self.jobs is None else self.jobs
        sums = 0 if self.jobs is None else _PER_SUM * self.numbers
        return _BYTES * (1 + len(self.copies) + len(jobs)) + sums

    def sums(self, pattern: MatrixPattern) -> Iterator[SumJob]:
        """What writes all but the copies."""
        return sum_jobs(pattern, self.left) if self.jobs is None else iter(self.jobs)


def local_plan(pattern: MatrixPattern) -> LocalPlan:
    """What writes the values of a pattern's matrices."""
    bucket = "local plan", pattern.geometry, pattern.transposed
    found: LocalPlan | None = store.find(bucket)
    if found is None:
        found = _plan(pattern)
        if found.kept:
            store.add(bucket, found, found.size)
    return found


def _plan(pattern: MatrixPattern) -> LocalPlan:
    steps = KernelSteps.of(pattern.geometry, pattern.transposed)
    last = pattern.axes[-1]
    copies: list[Copy] = []
    left: list[Left] = []
    numbers = 0
    for block in pattern.blocks(pattern.slab_starts()):
        outer = pattern.outer_entries(block.progressions)
        if not outer * block.size:
            continue
        folded = any(part.rows.folded for part in block.progressions)
        made = None if folded else BlockCopies(pattern, steps, block)
        done, rest = 0, []
        for region in last.regions:
            size = last.rows(region).cols.size * region.count
            found = None if made is None else made.of(region, done)
            if found is None:
                rest.append(region)
                numbers += pattern.row_channels * prod(block.counts) * outer * size
            else:
                copies.extend(found)
            done += size
        if rest:
            left.append((block, tuple(rest)))
    few = len(left) <= _KEPT and _SHARE * numbers <= pattern.nnz
    jobs = tuple(sum_jobs(pattern, left)) if few else None
    return LocalPlan(tuple(copies), tuple(left), numbers, jobs)
