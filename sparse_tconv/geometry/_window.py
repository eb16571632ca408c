"""Windows: the part of a convolution that gives some outputs, or takes some inputs, as a convolution.

A part of C lives on the extended axis. Between two positions of it the extended axis is a few
stretches, each of which repeats samples in order, backward, or one and the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._axis import Axis
from ._boundary import OUTSIDE, mirror


@dataclass(frozen=True)
class Stretch:
    """Positions start .. stop - 1 of the extended axis, which repeat `sample`, `sample + step`, ...

    ``step`` is 1, -1 or 0; ``sample`` is OUTSIDE where zeros lie.
    """

    start: int
    stop: int
    sample: int
    step: int

    @property
    def samples(self) -> slice:
        """The samples in the order of the positions; a single one where the step is 0."""
        count = self.stop - self.start if self.step else 1
        last = self.sample + (count - 1) * self.step
        if self.step < 0:
            return slice(self.sample, last - 1 if last else None, -1)
        return slice(self.sample, last + 1)


def stretches(mode: str, n: int, start: int, stop: int) -> tuple[Stretch, ...]:
    """Positions start .. stop - 1 of an extended axis of n samples, cut into stretches."""
    found = []
    while start < stop:
        sample, step, end = _run(mode, n, start)
        end = stop if end is None else min(end, stop)
        found.append(Stretch(start, end, sample, step))
        start = end
    return tuple(found)


def _run(mode: str, n: int, position: int) -> tuple[int, int, int | None]:
    """Sample and step at a position, and where its run ends; None if it never does."""
    if 0 <= position < n:
        return position, 1, n
    if mode in ("zeros", "replicate"):
        edge = 0 if position < 0 else n - 1
        return OUTSIDE if mode == "zeros" else edge, 0, 0 if position < 0 else None
    if mode == "circular":
        return position % n, 1, position - position % n + n
    if n == 1:  # one sample to repeat, whichever way
        return 0, 0, 0 if position < 0 else None
    period, turn = mirror(mode, n)
    phase = position % period
    if phase < n:
        return phase, 1, position - phase + n
    return (turn - phase) % period, -1, position - phase + period


def output_window(axis: Axis, start: int, stop: int) -> tuple[int, int, Axis]:
    """The positions [first, last) that windows start .. stop - 1 read, and the axis on them."""
    first = start * axis.stride - axis.before
    last = (stop - 1) * axis.stride - axis.before + axis.dilation * (axis.k - 1) + 1
    part = Axis(last - first, stop - start, axis.k, axis.stride, axis.dilation, 0, "zeros")
    return first, last, part


def input_window(axis: Axis, first: int, last: int) -> tuple[int, int, Axis | None]:
    """The windows [start, stop) that read positions [first, last), and the axis between them.

    None where no window does.
    """
    reach = axis.dilation * (axis.k - 1)
    start = max(0, -(-(first + axis.before - reach) // axis.stride))
    stop = min(axis.n_out, (last - 1 + axis.before) // axis.stride + 1)
    if start >= stop:
        return start, start, None
    before = first - start * axis.stride + axis.before
    part = Axis(last - first, stop - start, axis.k, axis.stride, axis.dilation, before, "zeros")
    return start, stop, part


def repetitions(axis: Axis, start: int, stop: int) -> list[Stretch]:
    """The stretches of the positions that windows read which repeat samples start .. stop - 1.

    Their samples lie in that range.
    """
    found = []
    for run in stretches(axis.mode, axis.n_in, axis.first, axis.last + 1):
        if run.sample == OUTSIDE:
            continue
        if not run.step:
            if start <= run.sample < stop:
                found.append(run)
            continue
        count = run.stop - run.start
        low, high = sorted((run.sample, run.sample + (count - 1) * run.step))
        low, high = max(low, start), min(high, stop - 1)
        if low <= high:
            sample = low if run.step > 0 else high
            at = run.start + (sample - run.sample) * run.step
            found.append(Stretch(at, at + high - low + 1, sample, run.step))
    return found
