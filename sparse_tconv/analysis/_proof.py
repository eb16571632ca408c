"""Whether values that were found are the outermost ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._count import Inertia

_GAPS = (1e-3, 1e-5, 1e-7)  # below the last value found, relative to it
_SQUARES = 1e-8  # over the norm: below it, factors without pivots know nothing
_NEXT_TO_ZERO = 16  # errors up to which a value may be zero
_WIDEST = 1e-9  # error, over the norm, that may be paid for a proof


@dataclass(frozen=True)
class Verdict:
    """Proved, with an error of the values; or how many are known to be missing, 0 if unknown."""

    proved: bool
    error: float
    missing: int = 0


@dataclass(frozen=True)
class Prover:
    """What is counted, of n singular values, from which end.

    Parameters
    ----------
    inertia : Inertia or None
        Counts; None where they would take too long.
    n : int
        Number of singular values.
    largest : bool
        The end.
    scale : float
        An upper bound of the norm.
    rounding : float
        That of a decomposition.
    """

    inertia: Inertia | None
    n: int
    largest: bool
    scale: float
    rounding: float

    def verdict(
        self, values: NDArray[np.float64], k: int, error: float, widen: bool = True
    ) -> Verdict:
        """Whether the first k of some values, outermost first, are the k outermost; if a search for
        missing ones was in vain, with a wider error.
        """
        if error > _WIDEST * self.scale:
            return Verdict(False, error)
        if values.size == self.n or (not self.largest and values[k - 1] <= error):
            return Verdict(True, error)
        if self.inertia is None:
            return Verdict(False, error)
        if self.largest or values[k - 1] >= _SQUARES * self.scale:
            found = self._counted(values, k, error, widen)
            if found.proved or self.largest:
                return found
            return self._summed(values, k, error) or found
        return self._summed(values, k, error) or Verdict(False, error)

    def _summed(self, values: NDArray[np.float64], k: int, error: float) -> Verdict | None:
        """A proof by the sum of all 1 / s^2, of which those found leave too little for another value
        as small.
        """
        last = float(values[k - 1])
        whole = self.inertia.inverse_square_sum if self.inertia is not None else None
        if whole is not None and np.isfinite(whole):
            left = whole - float((1 / (values + error + self.rounding) ** 2).sum())
            if left <= 0 or 1 / np.sqrt(left) - self.rounding > last + error:
                return Verdict(True, error)
        # What is next to zero need not be told from it.
        return Verdict(True, last) if last <= _NEXT_TO_ZERO * error else None

    def _counted(self, values: NDArray[np.float64], k: int, error: float, widen: bool) -> Verdict:
        """A proof by a count, or how many are missing."""
        missing, radius = 0, error
        for shift in self._shifts(values, k, error):
            counted = self._beyond(shift)
            if counted is None:
                continue
            count, radius = counted
            inside = int((self._distance(values, shift) > error + radius).sum())
            if inside >= k and count <= inside:
                return Verdict(True, error)
            if inside >= k:
                missing = count - inside
        wide = self._wider(values, k, error, radius) if widen or not missing else None
        return wide or Verdict(False, error, missing)

    def _shifts(self, values: NDArray[np.float64], k: int, error: float) -> Iterator[float]:
        """Numbers beyond the k-th value that may have all others behind them."""
        gaps = abs(np.diff(values[k - 1 :]))
        if gaps.size and gaps.max() > 4 * error:
            place = k - 1 + int(np.argmax(gaps))
            yield float(values[place : place + 2].mean())
        for gap in _GAPS:
            step = gap * float(values[-1])
            if step > 2 * error:
                yield float(values[-1]) - step if self.largest else float(values[-1]) + step

    def _wider(
        self, values: NDArray[np.float64], k: int, error: float, radius: float
    ) -> Verdict | None:
        """A proof that the values are right to a larger error: no more are beyond a number in front
        of the last cluster than were found there.
        """
        step = 2 * (error + radius)
        if step > _WIDEST * self.scale:
            return None
        last = float(values[k - 1])
        counted = self._beyond(last + step if self.largest else last - step)
        if counted is None:
            return None
        count, radius = counted
        shift = last + step if self.largest else last - step
        inside = int((self._distance(values, shift) > error + radius).sum())
        wide = step + radius
        proved = count <= inside and wide <= _WIDEST * self.scale
        return Verdict(True, float(max(error, wide))) if proved else None

    def _distance(self, values: NDArray[np.float64], shift: float) -> Any:
        """How far values are beyond a number, towards their end."""
        return values - shift if self.largest else shift - values

    def _beyond(self, shift: float) -> tuple[int, float] | None:
        """How many singular values are beyond a number, and by how much it may be off."""
        if self.inertia is None or not shift > 0:
            return None if shift > 0 or self.largest else (0, 0.0)
        counted = self.inertia.above(shift)
        if counted is None:
            return None
        count, radius = counted
        return (count if self.largest else self.n - count), radius
