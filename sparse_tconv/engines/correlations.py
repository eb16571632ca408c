"""C or C^T as correlations of stride 1: which phases the target has, and where each tap reads the
source.

C has one phase, whose neighbors read a stride apart; C^T one for each phase of the stride, whose
neighbors read neighbors. Nothing else tells the directions apart. What is read in front of the
source or behind it is zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod

from ..geometry import Axis, ConvGeometry, extended_axis, phases
from .extension import folding

Place = tuple[int, ...]
Range = tuple[int, int]


@dataclass(frozen=True)
class Part:
    """One phase of the target."""

    # Where its first sample lies along each axis, and how many there are.
    starts: Place
    counts: Place
    # The taps of the first axis, and where the first sample reads with each, the nearest in front.
    leads: tuple[tuple[int, int], ...]
    # The taps of the other axes, counted in the kernel's order, and where it reads with each.
    taps: tuple[int, ...]
    reads: tuple[Place, ...]


@dataclass(frozen=True)
class Plan:
    """One direction of C."""

    extents: Place  # size of the source
    steps: Place  # how far apart neighbors of a part read
    parts: tuple[Part, ...]  # the phases of the target that some tap gives anything to
    strides: Place  # how far apart neighbors of a part lie in the target
    sizes: Place  # of the target
    # How the source of C is extended first, or the target of C^T folded at last; empty where there
    # are only zeros outside.
    border: tuple[Axis, ...]

    @property
    def covers(self) -> bool:
        """Whether the parts are all of the target."""
        return sum(prod(part.counts) for part in self.parts) == prod(self.sizes)

    @property
    def rows(self) -> int:
        """Samples of the longest part along the first axis."""
        return max((part.counts[0] for part in self.parts), default=0)

    @property
    def leads(self) -> list[int]:
        """How many rows of its residue in front or behind the taps of the first axis read."""
        return [at // self.steps[0] for part in self.parts for _, at in part.leads]

    def read(self, rows: Range, residue: int, ats: Iterable[int]) -> Range:
        """The rows of the source, among those of one residue of the step, that a range of rows of
        all parts finds at these distances.
        """
        count, ats = -(-(self.extents[0] - residue) // self.steps[0]), list(ats)
        first = min(max(0, rows[0] + min(ats)), count)
        return first, max(first, min(count, rows[1] + max(ats)))


@lru_cache(maxsize=512)
def plan(geometry: ConvGeometry, transposed: bool) -> Plan:
    """The plan of C or C^T."""
    border = folding(geometry.axes)
    axes = [axis if axis.mode == "zeros" else extended_axis(axis) for axis in geometry.axes]
    windows, samples = tuple(axis.n_out for axis in axes), tuple(axis.n_in for axis in axes)
    strides, ones = tuple(axis.stride for axis in axes), (1,) * len(axes)
    if transposed:
        parts = _parts([_given(axis) for axis in axes], geometry)
        return Plan(windows, ones, parts, strides, samples, border)
    parts = _parts([_taken(axis) for axis in axes], geometry)
    return Plan(samples, strides, parts, ones, windows, border)


# Start and count of a phase of one axis; its taps, and where its first sample reads with each.
Line = tuple[int, int, list[tuple[int, int]]]


def _taken(axis: Axis) -> list[Line]:
    """What windows read of samples, as one phase."""
    taps = sorted(tap for phase in phases(axis) for tap, _ in phase.met)
    return [(0, axis.n_out, [(tap, axis.dilation * tap - axis.before) for tap in taps])]


def _given(axis: Axis) -> list[Line]:
    """What samples read of windows, phase by phase."""
    return [(p.start, p.count, [(tap, -shift) for tap, shift in p.met]) for p in phases(axis)]


def _parts(lines: list[list[Line]], geometry: ConvGeometry) -> tuple[Part, ...]:
    """Every combination of the phases of each axis that has samples and taps."""
    parts = []
    for each in product(*lines):
        starts, counts, met = zip(*each, strict=True)
        taps, reads = [0], list[Place]([()])
        for axis, found in zip(geometry.axes[1:], met[1:], strict=True):
            taps = [tap * axis.k + other for tap in taps for other, _ in found]
            reads = [(*read, at) for read in reads for _, at in found]
        leads = sorted(met[0], key=lambda lead: abs(lead[1]))
        if all(counts) and leads and taps:
            parts.append(Part(starts, counts, tuple(leads), tuple(taps), tuple(reads)))
    return tuple(parts)
