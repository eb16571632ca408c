"""The phases of a stride: an axis as its polyphase components."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ._axis import Axis


@dataclass(frozen=True)
class Phase:
    """Samples ``start, start + step, ...`` of an axis, and the taps that read them.

    Window o reads with tap t the position ``o * stride - before + dilation * t``. Written as
    ``step * (o + shift) + start`` with ``0 <= start < step = stride``, it is sample ``o + shift``
    of phase `start`: the stride is gone. One table serves both directions: in C window o reads
    sample ``o + shift`` of the phase; in C^T sample c of the phase is given by window
    ``c - shift``.

    Parameters
    ----------
    start, step : int
        Where the samples of the phase lie.
    count : int
        Number of samples of the phase inside the axis; 0 where only a border is read.
    windows : int
        Number of windows of the axis, ``n_out``.
    taps : tuple of int
        The taps that read this phase, ascending.
    shifts : tuple of int
        The shift of each of these taps; ascending.
    """

    start: int
    step: int
    count: int
    windows: int
    taps: tuple[int, ...]
    shifts: tuple[int, ...]

    def meeting(self, shift: int) -> tuple[int, int]:
        """The windows first .. last - 1 that find a sample of the phase inside the axis at this
        shift; the samples are as far behind. Empty where first >= last.
        """
        return max(0, -shift), min(self.windows, self.count - shift)

    @property
    def met(self) -> tuple[tuple[int, int], ...]:
        """Tap and shift of the taps that find any sample of the phase inside the axis."""
        pairs = zip(self.taps, self.shifts, strict=True)
        return tuple((tap, shift) for tap, shift in pairs if range(*self.meeting(shift)))

    def positions(self, first: int, last: int) -> slice:
        """Where samples first .. last - 1 of the phase lie on the axis; at least one."""
        return slice(
            self.start + self.step * first, self.start + self.step * (last - 1) + 1, self.step
        )


@lru_cache(maxsize=1024)
def phases(axis: Axis) -> tuple[Phase, ...]:
    """The phases of an axis that some tap reads, by their start.

    Nothing is said of a border: on an axis with one of its own, the phases are those of the samples
    alone, unless the axis is the extended one, or a circle on which shifts are taken modulo the
    windows.
    """
    places = [divmod(axis.position(0, tap), axis.stride) for tap in range(axis.k)]
    found = []
    for start in sorted({start for _, start in places}):
        taps = tuple(tap for tap, (_, other) in enumerate(places) if other == start)
        shifts = tuple(places[tap][0] for tap in taps)
        count = max(0, -(-(axis.n_in - start) // axis.stride))
        found.append(Phase(start, axis.stride, count, axis.n_out, taps, shifts))
    return tuple(found)
