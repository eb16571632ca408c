"""One axis of a product, C or C^T, as sums of shifted rows.

With the phases of the stride apart every tap is a shift: output j of a *target* adds ``w[tap] *
source[j + shift]``, where a source is there. In C there is one target, the windows, and its sources
are the phases of the row; in C^T the targets are the phases, to be woven into a row, and the source
is the row of windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ...geometry import Axis, phases


class Tap(NamedTuple):
    """A tap, the number of the source that it reads, and its shift."""

    tap: int
    source: int
    shift: int


@dataclass(frozen=True)
class Target:
    """Outputs ``start, start + step, ...``, `count` of them, and the taps that meet in them."""

    start: int
    step: int
    count: int
    taps: tuple[Tap, ...]


@dataclass(frozen=True)
class AxisSums:
    """One axis of one direction."""

    targets: tuple[Target, ...]  # the longest in front; together all outputs
    n_source: int  # size of the axis that is read
    stride: int  # of reading
    residues: tuple[int, ...]  # of each source modulo the stride, ascending
    lengths: tuple[int, ...]  # samples of each source

    @property
    def length(self) -> int:
        """Places of each source in a row whose sources stand one after the other."""
        return max(self.lengths)

    @property
    def pitch(self) -> int:
        """Places of such a row."""
        return len(self.lengths) * self.length


@lru_cache(maxsize=1024)
def axis_sums(axis: Axis, transposed: bool) -> AxisSums:
    """One axis of C, or of C^T, without the taps that find no sample anywhere."""
    found = {phase.start: phase.met for phase in phases(axis) if phase.met}
    step, count = axis.stride, axis.n_in
    if transposed:
        targets = [
            Target(
                start,
                step,
                -(-(count - start) // step),
                tuple(Tap(tap, 0, -shift) for tap, shift in found.get(start, ())),
            )
            for start in range(min(step, count))
        ]
        return AxisSums(tuple(targets), axis.n_out, 1, (0,), (axis.n_out,))
    residues = tuple(found) or (0,)
    taps = tuple(
        Tap(tap, residues.index(start), shift) for start in found for tap, shift in found[start]
    )
    lengths = tuple(-(-(count - start) // step) for start in residues)
    return AxisSums((Target(0, 1, axis.n_out, taps),), count, step, residues, lengths)
