"""How an axis folds a kernel that reaches far beyond it: by a period, and towards its ends.

What :mod:`._boundary` says position by position, said of all of them at once: the multiples of one
sample stand at positions that a period repeats, and, in front of the axis, at all positions, with
factors that are a staircase. Behind it stands the mirror image.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, prod
from typing import NamedTuple

from ._axis import Axis
from ._boundary import copies, mirror


class End(NamedTuple):
    """In front of an axis, at positions p with ``p + shift < 0``, stand ``sign * (base - rise *
    floor((p + shift) / length))`` times one sample: the further away, the more.
    """

    sample: int
    sign: int = 1
    base: int = 0
    rise: int = 0
    length: int = 1
    shift: int = 0


class Folding(NamedTuple):
    """What stands on an extended axis, as a sum of what repeats and of its ends.

    With a period, sample i stands at positions i modulo the period, and, where there is a turn,
    `sign` times at ``turn - i``. Without one, samples stand on the axis itself alone.
    """

    period: int
    turn: int | None
    sign: int
    ends: tuple[End, ...]


def folding(axis: Axis) -> Folding:
    """The folding of an axis; it has no end but zeros where the mode is 'zeros'."""
    mode, n = axis.mode, axis.n_in
    if mode == "zeros":
        return Folding(0, None, 1, ())
    if mode == "circular":
        return Folding(n, None, 1, ())
    if mode in ("symmetric", "antisymmetric"):
        return Folding(*mirror("symmetric", n), 1 if copies(mode) else -1, ())
    if mode == "replicate" or n == 1:
        return Folding(0, None, 1, (End(0, base=1),))
    if mode == "smooth":
        return Folding(0, None, 1, (End(0, base=1, rise=1), End(1, -1, rise=1)))
    period, turn = mirror("reflect", n)
    if mode == "reflect":
        return Folding(period, turn, 1, ())
    ends = End(0, 1, 0, 2, period), End(n - 1, -1, 0, 2, period, n - 2)
    return Folding(period, turn, -1, ends)


def spacing(axis: Axis) -> int:
    """How many taps lie between two that read the same of what repeats; 1 where nothing does."""
    period = max(1, folding(axis).period)
    return period // gcd(period, axis.dilation)


_FEW = 1 << 12  # readings along one axis, which are listed one by one,
_FEW_TOGETHER = 1 << 20  # and of all axes together
_TIMES = 2  # as many readings as entries are listed one by one, too


def folds(axis: Axis) -> bool:
    """Whether windows read the same again, or towards an end more taps than there are entries."""
    if axis.mode == "zeros":
        return False
    if folding(axis).period:
        return axis.k > spacing(axis)
    return axis.n_out * axis.k >= _TIMES * axis.nnz


def folds_alone(axis: Axis) -> bool:
    """Whether an axis repeats, and windows read about all of it, and no tap what another one reads
    in the same direction: then the terms are the taps.
    """
    found = folding(axis)
    read = found.period and not found.ends and axis.k <= spacing(axis)
    return bool(read and axis.n_in <= 2 * axis.k)


def folds_far(axes: Sequence[Axis]) -> bool:
    """Whether it is worth to add up taps before they are listed, along some axis."""
    read = [axis.n_out * axis.k for axis in axes]
    together = prod(read) > _FEW_TOGETHER
    pairs = zip(axes, read, strict=True)
    return any((together or own > _FEW) and folds(axis) for axis, own in pairs)
