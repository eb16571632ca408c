"""What an extended axis repeats, and what folds back: stretches of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._axis import Axis
from ._boundary import runs


@dataclass(frozen=True)
class Stretch:
    """Positions start .. stop - 1 of an extended axis, which hold multiples of samples.

    Position ``start + i`` holds ``coefficient + slope * i`` times sample ``sample + step * i``. The
    extended axis is the *sum* of its stretches: several may cover one position, and a position that
    none covers is zero. Folding is the transpose: every sample gathers what its multiples hold.

    Parameters
    ----------
    start, stop : int
        The positions; at least one.
    sample : int
        The sample that the first position repeats.
    step : int
        1: samples in order; -1: backward; 0: one and the same.
    coefficient, slope : int
        The factor at the first position, and what it grows by from each position to the next.
    """

    start: int
    stop: int
    sample: int
    step: int
    coefficient: int = 1
    slope: int = 0

    @property
    def places(self) -> slice:
        """The positions."""
        return slice(self.start, self.stop)

    @property
    def samples(self) -> slice:
        """The samples in the order of the positions; a single one where the step is 0."""
        count = self.stop - self.start if self.step else 1
        if self.step >= 0:
            return slice(self.sample, self.sample + count)
        end = self.sample - count
        return slice(self.sample, end if end >= 0 else None, -1)

    @property
    def factors(self) -> range | int:
        """The factor of each position, or the one of all of them."""
        if not self.slope:
            return self.coefficient
        end = self.coefficient + self.slope * (self.stop - self.start)
        return range(self.coefficient, end, self.slope)

    def between(self, start: int, stop: int) -> Stretch | None:
        """The part on positions start .. stop - 1; None if there is none."""
        start, stop = max(start, self.start), min(stop, self.stop)
        if start >= stop:
            return None
        ahead = start - self.start
        sample = self.sample + self.step * ahead
        factor = self.coefficient + self.slope * ahead
        return Stretch(start, stop, sample, self.step, factor, self.slope)

    def of_samples(self, start: int, stop: int) -> Stretch | None:
        """The part that repeats samples start .. stop - 1; None if there is none."""
        if not self.step:
            return self if start <= self.sample < stop else None
        ahead = start - self.sample if self.step > 0 else self.sample - stop + 1
        return self.between(self.start + ahead, self.start + ahead + stop - start)

    def moved(self, positions: int, samples: int = 0) -> Stretch:
        """The same with positions and samples counted from elsewhere."""
        return replace(
            self,
            start=self.start + positions,
            stop=self.stop + positions,
            sample=self.sample + samples,
        )


def stretches(mode: str, n: int, start: int, stop: int) -> tuple[Stretch, ...]:
    """The stretches of positions start .. stop - 1 of an extended axis of n samples."""
    return tuple(_stretches(mode, n, start, stop))


def extension(axis: Axis) -> tuple[Stretch, ...]:
    """The stretches of an axis from the first to the last position that its windows read."""
    return stretches(axis.mode, axis.n_in, axis.first, axis.last + 1)


def stretch_table(axis: Axis, start: int, stop: int) -> NDArray[np.int64]:
    """The stretches of positions start .. stop - 1 as columns (start, stop, sample, step,
    coefficient, slope), in order of positions.
    """
    ranges = runs(axis.mode, axis.n_in, start, stop)
    fields = ((first, last, *run) for first, last, found in ranges for run in found)
    table = np.fromiter(fields, np.dtype((np.int64, 6)))
    return table.T.astype(np.int64, order="C")


def repetitions(axis: Axis, start: int, stop: int) -> list[Stretch]:
    """The stretches of the positions that windows read which repeat samples start .. stop - 1."""
    parts = (stretch.of_samples(start, stop) for stretch in extension(axis))
    return [part for part in parts if part is not None]


def _stretches(mode: str, n: int, start: int, stop: int) -> Iterator[Stretch]:
    """The runs of the mode's table, range behind range."""
    for first, last, found in runs(mode, n, start, stop):
        for run in found:
            yield Stretch(first, last, *run)
