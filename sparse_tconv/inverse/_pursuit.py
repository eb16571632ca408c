"""Solutions for one damp after another, each from the one before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..solution import Status
from ._models import Model, Stack, Vector

_MAXITER = 500
_INVISIBLE = 1e-10  # of the contrast, squared: a hundred-thousandth of it


class State(NamedTuple):
    """A vector x, and ``M (y - C x)``."""

    x: Vector
    residual: Stack


class Pursuit:
    """Preconditioned conjugate gradients on a model, from wherever the last damp has led.

    Parameters
    ----------
    model : Model
        C, L and M.
    y : (channels, *shape) array
        The data, zero where they do not count.
    """

    def __init__(self, model: Model, y: Stack) -> None:
        self.model = model
        self._y = y.astype(model.dtype, copy=False)
        self.iterations = 0
        self.status = Status.CONVERGED
        self.at = self._state(model.constant(self._levels()))
        rounding = float(np.finfo(model.dtype).eps) ** 2 * float(np.vdot(y, y))
        contrast = float(np.vdot(self.at.residual, self.at.residual))
        self._least = max(_INVISIBLE * contrast, rounding)

    def _levels(self) -> Stack:
        """The level of each channel that fits best: what an endless damp would leave."""
        model, y = self.model, self._y
        ones = model.forward(model.constant(np.ones((len(y),) + (1,) * (y.ndim - 1))))
        axes = tuple(range(1, y.ndim))
        seen = (ones**2).sum(axis=axes, keepdims=True)
        levels = (ones * y).sum(axis=axes, keepdims=True) / np.where(seen == 0, 1.0, seen)
        return np.asarray(levels)

    def _state(self, x: Vector) -> State:
        return State(x, self._y - self.model.forward(x))

    def restart(self, x: Vector) -> None:
        """Go on from a vector, perhaps one of less precision."""
        self.at = self._state(x.astype(np.result_type(x, self.model.dtype)))

    def size(self) -> float:
        """|L x|."""
        x = self.at.x
        return float(np.sqrt(max(self.model.dot(x, self.model.penalty(x)), 0.0)))

    def solve(self, damp: float, tolerance: float) -> None:
        """Björck (1996), algorithm 7.4.4, from where it stands.

        It ends where the preconditioner says that the sum of squares is above its minimum by no more
        than its share `tolerance`, or than anyone sees, where there is no noise.
        """
        model, weight, symbol = self.model, damp**2, self.model.symbol(damp)
        x, residual = self.at
        total = float(np.vdot(residual, residual)) + weight * self.size() ** 2
        # Anew for every damp: the rounding of a large one would be all there is at a small one.
        r = model.adjoint(residual) - weight * model.penalty(x)
        p = model.precondition(r, symbol)
        above, steps = model.dot(r, p), 0
        while above > max(tolerance * total, self._least):
            if steps == _MAXITER:
                self.status = Status.MAXITER
                break
            image = model.forward(p)
            q = model.adjoint(image)
            q += weight * model.penalty(p)
            alpha = above / model.dot(p, q)
            x = x + alpha * p
            image *= alpha
            residual = residual - image
            q *= alpha
            r -= q
            total -= alpha * above
            z = model.precondition(r, symbol)
            last, above = above, model.dot(r, z)
            p *= above / last
            p += z
            steps += 1
        else:
            self.status = Status.CONVERGED
        self.iterations += steps
        self.at = State(x, residual)
