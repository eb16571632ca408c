"""C or C^T as sums over taps of shifted rows, laid out so that each tap is an offset.

The source lies in memory with zeros around: along its flat numbers a tap reads so far away, the same
for all that is computed. What a row's end would give to the next row is computed too, and left out.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import prod
from operator import mul, sub
from typing import Any, NamedTuple

from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ..geometry import Axis, ConvGeometry, extended_axis, phases
from ..threads import scratch
from .extension import folding

Place = tuple[int, ...]
Slices = tuple[Any, ...]


class Grid(NamedTuple):
    """The taps of one phase of an axis, which read regularly spaced places: in C samples of the phase
    for all windows, in C^T windows for samples of the phase.
    """

    phase: slice  # its samples
    size: int  # how many are computed
    taps: Place
    reads: Place  # where the first one computed reads with each, ascending

    @property
    def gap(self) -> int:
        """How far apart taps read."""
        return self.reads[1] - self.reads[0] if len(self.reads) > 1 else 0


Grids = tuple[Grid, ...]  # one of each axis


class Target(NamedTuple):
    """What is computed together: the windows of C, or one phase of the samples of C^T."""

    place: Slices  # where it lies
    counts: Place
    sums: list[Grids]  # what adds up to it, each of one residue


class Read(NamedTuple):
    """Where the taps of a grid find what they read, along the axes that have several."""

    start: int  # from the first number laid out to the first one read
    moves: Place  # from tap to tap
    taps: Place  # how many

    def of(self, laid: NDArray[Any], sizes: Place, units: Place) -> NDArray[Any]:
        """What each tap reads of one residue: (samples, groups, channels, *taps, *sizes), neighbors so
        far apart.
        """
        flat, shape = laid[..., self.start :], (*laid.shape[:3], *self.taps, *sizes)
        strides = (each * flat.itemsize for each in (*self.moves, *units))
        return as_strided(flat, shape, (*flat.strides[:3], *strides))


class Layout(NamedTuple):
    """How C or C^T is computed."""

    targets: list[Target]
    residues: list[Slices]  # of the source that are laid out: phases of x, or all of y
    sizes: Place  # of the target
    border: tuple[Axis, ...]  # how the source of C is extended, or the target of C^T folded
    low: Place  # the first place that anything reads
    reach: int  # rows that are read behind a row's own
    pitches: Place  # of the axes but the first, with zeros between rows

    @property
    def row(self) -> int:
        """Numbers of a row."""
        return prod(self.pitches)

    @property
    def rows(self) -> int:
        """Rows of the longest target."""
        return max((target.counts[0] for target in self.targets), default=1)

    @property
    def covers(self) -> bool:
        """Whether the targets are all there is."""
        return sum(prod(target.counts) for target in self.targets) == prod(self.sizes)

    @property
    def units(self) -> Place:
        """How far apart neighbors along each axis lie."""
        return tuple(prod(self.pitches[axis:]) for axis in range(len(self.sizes)))

    def read(self, grids: Grids, split: int = 0) -> Read:
        """How the taps of a grid read, along the axes from `split` on, with the first of the others."""
        firsts = map(sub, (grid.reads[0] for grid in grids), self.low)
        along = [each for each in list(zip(grids, self.units, strict=True))[split:] if each[0].gap]
        moves = tuple(grid.gap * unit for grid, unit in along)
        taps = tuple(len(grid.taps) for grid, _ in along)
        return Read(sum(map(mul, self.units, firsts)), moves, taps)


def sums_of(place: NDArray[Any], pitches: Place) -> tuple[NDArray[Any], NDArray[Any]]:
    """Room for the sums of a place (samples, groups, channels, rows, *others), its rows of these
    pitches: the place itself if it can be; and the numbers of it, one after another.
    """
    total, last = place, 0
    if place.shape[4:] != pitches or not place[:1, :1, :1].flags.c_contiguous:
        total = scratch("sums", (*place.shape[:4], *pitches), place.dtype)
    for size, pitch in zip(place.shape[3:], (1, *pitches), strict=True):
        last = last * pitch + size - 1
    return total, total.reshape(*place.shape[:3], -1)[..., : last + 1]


def put(total: NDArray[Any], place: NDArray[Any]) -> None:
    """The sums where they belong."""
    if total is not place:
        columns: Slices = (..., *map(slice, place.shape[4:]))
        place[...] = total[columns]


@lru_cache(maxsize=512)
def layout(geometry: ConvGeometry, transposed: bool) -> Layout:
    """The layout of C or C^T."""
    axes = [axis if axis.mode == "zeros" else extended_axis(axis) for axis in geometry.axes]
    sizes = tuple(axis.n_in if transposed else axis.n_out for axis in axes)
    along = [_grids(axis, transposed) for axis in axes]
    low = tuple(min((grid.reads[0] for grid in grids), default=0) for grids in along)
    ends = (max((g.reads[-1] + g.size for g in grids), default=1) for grids in along)
    _, *pitches = map(sub, ends, low)
    reach = max((grid.reads[-1] for grid in along[0]), default=0) - low[0]
    sums = list(product(*along))
    places: list[Slices] = [tuple(grid.phase for grid in grids) for grids in sums]
    everything, border = tuple(slice(None) for _ in axes), folding(geometry.axes)
    targets = [Target(everything, sizes, sums)] if sums else []
    if transposed:
        pairs = zip(places, sums, strict=True)
        targets = [Target(at, tuple(grid.size for grid in own), [own]) for at, own in pairs]
        places = [everything]
    return Layout(targets, places, sizes, border, low, reach, tuple(pitches))


def _grids(axis: Axis, transposed: bool) -> list[Grid]:
    """The grids of one axis."""
    found = []
    for phase in phases(axis):
        if phase.met and phase.count:
            met = sorted((-at if transposed else at, tap) for tap, at in phase.met)
            reads, taps = zip(*met, strict=True)
            count = phase.count if transposed else axis.n_out
            found.append(Grid(phase.positions(0, phase.count), count, taps, reads))
    return found


def laid_out(made: Layout, source: NDArray[Any], rows: slice) -> NDArray[Any]:
    """What a range of rows reads, with zeros around: (samples, groups, residues, channels, numbers)."""
    ats = (made.low[0] + rows.start, *made.low[1:])
    sizes = (rows.stop - rows.start + made.reach, *made.pitches)
    shape = (*source.shape[:2], len(made.residues), source.shape[2], *sizes)
    laid = scratch("laid", shape, source.dtype)
    for number, residue in enumerate(made.residues):
        images, image = source[(..., *residue)], laid[:, :, number]
        inside, found = list[Any](), list[Any]()
        along = zip(ats, sizes, images.shape[3:], strict=True)
        for axis, (at, size, samples) in enumerate(along, 3):
            start, stop = max(at, 0), max(min(at + size, samples), at, 0)
            found.append(slice(start, stop))
            inside.append(slice(start - at, stop - at))
            whole = (slice(None),) * axis
            image[(*whole, slice(0, start - at))] = 0
            image[(*whole, slice(stop - at, None))] = 0
        image[(..., *inside)] = images[(..., *found)]
    return laid.reshape(*shape[:4], -1)
