"""C or C^T as correlations of stride 1 without borders: which phases the target has, and where each
tap reads the extended source.

C has one phase, whose neighbors read a stride apart; C^T one for each phase of the stride, whose
neighbors read neighbors. Nothing else tells the directions apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod

from ...geometry import Axis, ConvGeometry, extended_axis, phases, positions_axis
from ..extension import folding


@dataclass(frozen=True)
class Part:
    """One phase of the target.

    Parameters
    ----------
    starts, counts : tuple of int
        Where its first sample lies along each axis, and how many there are.
    leads : tuple of (int, int)
        The taps along the first axis, and where the first sample reads with each.
    taps : tuple of int
        The taps of the other axes, counted in the kernel's order.
    reads : tuple of tuple of int
        Where the first sample reads with each of these.
    """

    starts: tuple[int, ...]
    counts: tuple[int, ...]
    leads: tuple[tuple[int, int], ...]
    taps: tuple[int, ...]
    reads: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Plan:
    """One direction of C.

    Parameters
    ----------
    reads : tuple of Axis
        How the source is extended.
    steps : tuple of int
        How far apart neighbors of a part read.
    parts : tuple of Part
        The phases of the target that some tap gives anything to.
    strides, sizes : tuple of int
        How far apart neighbors of a part lie in the target, and its size.
    leaves : tuple of Axis
        How the target is folded; empty where it is not.
    """

    reads: tuple[Axis, ...]
    steps: tuple[int, ...]
    parts: tuple[Part, ...]
    strides: tuple[int, ...]
    sizes: tuple[int, ...]
    leaves: tuple[Axis, ...]

    @property
    def covers(self) -> bool:
        """Whether the parts are all of the target."""
        return sum(prod(part.counts) for part in self.parts) == prod(self.sizes)

    @property
    def rows(self) -> int:
        """Samples of the longest part along the first axis."""
        return max((part.counts[0] for part in self.parts), default=0)

    def first(self, row: int) -> int:
        """Where the first axis is read first for this row of the parts."""
        return self.steps[0] * row + min(at for part in self.parts for _, at in part.leads)

    def read(self, rows: tuple[int, int]) -> tuple[Axis, ...]:
        """How the source is extended for a range of rows of all parts."""
        first, last = self.first(rows[0]), self.steps[0] * (rows[1] - 1)
        count = last + 1 + max(at for part in self.parts for _, at in part.leads) - first
        axis, *others = self.reads
        return Axis(axis.n_in, count, 1, 1, 1, axis.before - first, axis.mode), *others

    @property
    def extents(self) -> tuple[int, ...]:
        """Size of the extended source."""
        return tuple(axis.n_out for axis in self.reads)


Line = tuple[
    int, int, list[tuple[int, int]]
]  # start and count of a phase; taps, and what they read


@lru_cache(maxsize=512)
def plan(geometry: ConvGeometry, transposed: bool) -> Plan:
    """The plan of C or C^T."""
    axes = geometry.axes
    if not transposed:
        steps = tuple(axis.stride for axis in axes)
        lines: list[list[Line]] = [
            [(0, axis.n_out, [(tap, axis.dilation * tap) for tap in range(axis.k)])]
            for axis in axes
        ]
        reads = tuple(positions_axis(a.n_in, a.first, a.last + 1, a.mode) for a in axes)
        sizes, ones = tuple(axis.n_out for axis in axes), (1,) * len(axes)
        return Plan(reads, steps, _parts(lines, geometry), ones, sizes, ())
    within = [axis if axis.mode == "zeros" else extended_axis(axis) for axis in axes]
    reads = tuple(map(_padded, within))
    lines = [
        [(p.start, p.count, [(tap, read.before - shift) for tap, shift in p.met]) for p in phases(axis)]
        for axis, read in zip(within, reads, strict=True)
    ]  # fmt: skip
    steps, strides = (1,) * len(axes), tuple(axis.stride for axis in axes)
    sizes = tuple(axis.n_in for axis in within)
    parts = _parts(lines, geometry)
    return Plan(reads, steps, parts, strides, sizes, folding(axes))


def _parts(lines: list[list[Line]], geometry: ConvGeometry) -> tuple[Part, ...]:
    """Every combination of the phases of each axis that has samples and taps."""
    parts = []
    for each in product(*lines):
        starts, counts, met = zip(*each, strict=True)
        taps, reads = [0], list[tuple[int, ...]]([()])
        for axis, found in zip(geometry.axes[1:], met[1:], strict=True):
            taps = [tap * axis.k + other for tap in taps for other, _ in found]
            reads = [(*read, at) for read in reads for _, at in found]
        if all(counts) and met[0] and taps:
            parts.append(Part(starts, counts, tuple(met[0]), tuple(taps), tuple(reads)))
    return tuple(parts)


def _padded(axis: Axis) -> Axis:
    """The windows with as many zeros around as the samples of the phases reach for."""
    reached = [(shift, p.count - shift) for p in phases(axis) for _, shift in p.met]
    before = max((shift for shift, _ in reached), default=0)
    last = max((stop for _, stop in reached), default=axis.n_out)
    return positions_axis(axis.n_out, -before, last)
