"""Least squares between bounds, entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from ..solution import Status
from ._convergence import Watched, backward_error

Vector = NDArray[np.float64]

# Projected steps may go uphill a little: no higher than this many steps before (Grippo, Lampariello
# and Lucidi, 1986). Steps that may not, find the right entries at their bounds several times slower.
_MEMORY = 30
_SETTLED = 0.1  # of rtol: how short, relative to x, the last step is
_DECREASE = 0.01  # of the squared change of the residual: without it they may go round in circles


class _State(NamedTuple):
    """A point between the bounds, its residual, the gradient, and the parts that the bounds leave.

    `free` is the gradient where x is between its bounds, `chopped` where x is at a bound that the
    gradient pulls it off. Both are zero at a minimum: the Karush-Kuhn-Tucker conditions.
    """

    x: Vector
    residual: Vector
    gradient: Vector
    free: Vector
    chopped: Vector


class Bounded:
    """``min |A x - b|^2`` subject to ``lower <= x <= upper``, by MPRGP with projected CG steps.

    Modified proportioning with reduced gradient projections (Dostál, 2009): conjugate gradients
    among the entries that are between their bounds, until a step would leave the bounds; then that
    step is projected, which lets many entries reach their bounds at once. Entries come off their
    bounds when the gradient there outweighs the rest. A product with A and one with A^H per step.

    Parameters
    ----------
    operator : LinearOperator
        A, real.
    data : array
        b.
    lower, upper : array or float
        Bounds of each entry; infinite where there is none.
    """

    def __init__(
        self,
        operator: LinearOperator,
        data: Vector,
        lower: Vector | float,
        upper: Vector | float,
    ) -> None:
        self._operator, self._data = Watched(operator), data
        self._lower = np.broadcast_to(lower, (operator.shape[1],))
        self._upper = np.broadcast_to(upper, (operator.shape[1],))

    def minimize(
        self, x: Vector, rtol: float, maxiter: int, step: Callable[[Vector], object]
    ) -> tuple[Vector, Status]:
        """The minimum from x on; `step` is told every iterate.

        It ends where the backward error is at most `rtol`, and the last step, relative to x, a tenth
        of it. What the recurrences claim is measured; where it does not hold, they start again from
        there.
        """
        last, done = np.inf, 0
        while True:
            at = self._measured(self._projected(x))
            error = self._error(at)
            if error <= rtol:
                return at.x, Status.CONVERGED
            if done >= maxiter:
                return at.x, Status.MAXITER
            if not error <= last / 2:  # NaN too
                return at.x, Status.STAGNATED
            last = error
            x, steps = self._run(at, rtol, maxiter - done, step)
            done += steps

    def _run(
        self, at: _State, rtol: float, maxiter: int, step: Callable[[Vector], object]
    ) -> tuple[Vector, int]:
        """Dostál (2009), algorithm 5.8, until the recurrences see convergence."""
        p, done, settled = at.free, 0, False
        misfits = [float(at.residual @ at.residual)]
        while done < maxiter and self._error(at) > (rtol if settled else 0.0):
            before = at.x
            if self._proportional(at):
                # 1. A conjugate gradient step among the free entries.
                q = self._operator.matvec(p)
                if not q.any():
                    break  # nothing is left but rounding
                alpha = float(at.gradient @ p) / float(q @ q)
                if alpha <= self._room(at.x, p):
                    image = self._operator.rmatvec(q)
                    at = self._moved(at, alpha, p, q, image)
                    p = at.free - (float(at.free @ image) / float(q @ q)) * p
                else:
                    # 2. It would leave the bounds: project it.
                    at = self._expanded(at, alpha, p, max(misfits[-_MEMORY:]))
                    p = at.free
            else:
                # 3. Let entries off their bounds.
                q = self._operator.matvec(at.chopped)
                alpha = float(at.gradient @ at.chopped) / float(q @ q)
                alpha = min(alpha, self._room(at.x, at.chopped))
                at = self._moved(at, alpha, at.chopped, q, self._operator.rmatvec(q))
                p = at.free
            done += 1
            misfits.append(float(at.residual @ at.residual))
            settled = float(np.linalg.norm(at.x - before)) <= _SETTLED * rtol * float(
                np.linalg.norm(at.x)
            )
            step(at.x)
        return at.x, done

    def _error(self, at: _State) -> float:
        left = at.free + at.chopped
        return backward_error(self._operator.norm, self._data, at.x, at.residual, left)

    def _proportional(self, at: _State) -> bool:
        """Whether what is left to do is rather among the free entries than at the bounds.

        Free entries count as far as a gradient step can take them.
        """
        longest = 1.0 / self._operator.norm**2
        reduced = (at.x - self._projected(at.x - longest * at.free)) / longest
        return float(at.chopped @ at.chopped) <= float(reduced @ at.free)

    def _room(self, x: Vector, p: Vector) -> float:
        """The longest step along -p within the bounds."""
        bound = np.where(p > 0, self._lower, self._upper)
        room = np.full(x.shape, np.inf)
        np.divide(x - bound, p, out=room, where=p != 0)
        return float(room.min(initial=np.inf))

    def _expanded(self, at: _State, alpha: float, p: Vector, highest: float) -> _State:
        """The projection of a step, shortened until it leads no higher; in the end to the first
        bound in its way, and from there along the gradient.
        """
        room = self._room(at.x, p)
        while alpha > room:
            x = self._projected(at.x - alpha * p)
            residual = self._residual(x)
            change = residual - at.residual
            if float(residual @ residual) <= highest - _DECREASE * float(change @ change):
                return self._split(x, residual, -self._operator.rmatvec(residual))
            alpha /= 4
        at = self._measured(self._projected(at.x - room * p))
        return self._measured(self._projected(at.x - at.free / self._operator.norm**2))

    def _moved(self, at: _State, alpha: float, p: Vector, q: Vector, image: Vector) -> _State:
        """The state a step further along -p, given ``q = A p`` and ``image = A^H q``."""
        x = self._projected(at.x - alpha * p)
        return self._split(x, at.residual + alpha * q, at.gradient - alpha * image)

    def _measured(self, x: Vector) -> _State:
        """The state at x, by products."""
        residual = self._residual(x)
        return self._split(x, residual, -self._operator.rmatvec(residual))

    def _residual(self, x: Vector) -> Vector:
        return self._data - self._operator.matvec(x) if x.any() else self._data

    def _split(self, x: Vector, residual: Vector, gradient: Vector) -> _State:
        low, high = x <= self._lower, x >= self._upper
        chopped = np.where(low & ~high, np.minimum(gradient, 0), 0)
        chopped = np.where(high & ~low, np.maximum(gradient, 0), chopped)
        return _State(x, residual, gradient, np.where(low | high, 0, gradient), chopped)

    def _projected(self, x: Vector) -> Vector:
        return np.clip(x, self._lower, self._upper)
