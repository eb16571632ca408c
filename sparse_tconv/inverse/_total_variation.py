"""Total variation between bounds: alternating directions, and a bound of what is left to gain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._gradient import Gradient
from ._least_squares import LeastSquares

Array = NDArray[np.float64]

# Over-relaxation (Boyd et al., section 3.4.3), and the penalty of x between its bounds relative to
# that of its differences: tried on pictures of edges, photographs and random problems.
_RELAXATION, _BOX = 1.8, 0.02
# The linear systems are solved to this share of the residual that they start with.
_INNER, _INNER_STEPS = 0.1, 10
# The penalty follows the residuals by at most this factor, that often; for ever would not converge.
_FACTOR, _ADAPTATIONS = 2.0, 30
_PROBES = 4


@dataclass(frozen=True, eq=False)
class Certificate:
    """A point between the bounds, its objective, and by how much that is above the minimum at most."""

    x: Array
    objective: float
    variation: float
    dual: float

    @property
    def gap(self) -> float:
        """The objective less the largest dual value known."""
        return max(self.objective - self.dual, 0.0)


class TotalVariation:
    """``min 1/2 |C x - y|^2 + weight * sum |D x|`` on lower <= x <= upper.

    With ``v = D x`` and ``t = x`` split off, ADMM (Boyd et al., 2011, section 3.1) in scaled form.
    Its multipliers q of v and m of t are feasible in the dual but for the residual of the linear
    systems, and `certificate` mends that.

    Parameters
    ----------
    problem : LeastSquares
        C, y and the mask; real.
    gradient : Gradient
        D.
    shape : tuple of int
        (count, channels, *sizes) of x.
    weight : float
        Of the variation, positive.
    lower, upper : array
        Finite, of that shape.
    x : array
        Where to start.
    """

    def __init__(
        self,
        problem: LeastSquares,
        gradient: Gradient,
        shape: tuple[int, ...],
        weight: float,
        lower: Array,
        upper: Array,
        x: Array,
    ) -> None:
        self._problem, self._gradient, self._shape = problem, gradient, shape
        self._weight, self._lower, self._upper = weight, lower, upper
        span = float((upper - lower).max(initial=0.0))
        self._rho = 20.0 * weight / (span or 1.0)
        self._x = self._t = np.clip(x, lower, upper)
        self._image = self._forward(self._x)
        self._normal = self._adjoint(self._image)  # C^T C x
        self._right = self._adjoint(problem.y)
        self._v = gradient.apply(self._x)
        self._u = np.zeros_like(self._v)  # q / rho
        self._s = np.zeros_like(self._x)  # m / (rho * _BOX)
        self._adapted, self._unequal = 0, 1.0
        self._constants, self._energies = self._gains(), self._wave_energies()
        self._dual = -np.inf
        self._best: Certificate | None = None

    def step(self) -> Array:
        """One iteration; its x, between the bounds."""
        # 1. Least squares in x.
        self._least_squares()
        # 2. Shrink the gradients, project onto the bounds.
        difference = self._gradient.apply(self._x)
        relaxed = _RELAXATION * difference + (1 - _RELAXATION) * self._v
        x = _RELAXATION * self._x + (1 - _RELAXATION) * self._t
        sought = relaxed + self._u
        lengths = self._gradient.lengths(sought)
        threshold = self._weight / self._rho
        shorter = np.divide(
            threshold, lengths, out=np.ones_like(lengths), where=lengths > threshold
        )
        before = self._v
        # 3. What the shrinking and the projection take away are the multipliers.
        self._u = sought * shorter
        self._v = sought - self._u
        self._t = np.clip(x + self._s, self._lower, self._upper)
        self._s = x + self._s - self._t
        primal = _relative(difference - self._v, difference, self._v)
        dual = _relative(self._v - before, self._u)
        self._unequal = float(np.sqrt(primal / dual)) if primal and dual else 1.0
        return np.clip(self._x, self._lower, self._upper)

    def adapt(self) -> None:
        """Move the penalty to where both residuals fall alike (Boyd et al., section 3.4.1)."""
        factor = float(np.clip(self._unequal, 1 / _FACTOR, _FACTOR))
        if self._adapted < _ADAPTATIONS and not 0.77 < factor < 1.3:
            self._adapted += 1
            self._rho *= factor
            self._u = self._u / factor
            self._s = self._s / factor

    def certificate(self) -> Certificate:
        """The best point so far, and the largest of the dual values.

        The dual: ``-<y, p> - |p|^2 / 2 + sum of min(lower z, upper z)`` with ``z = C^T p + D^T q``,
        for all q of lengths at most weight. It is concave along multiples of (p, q), so the best
        multiple is taken.
        """
        x = np.clip(self._x, self._lower, self._upper)
        image = self._forward(x)
        p = image - self._problem.y
        variation = float(self._gradient.lengths(self._gradient.apply(x)).sum())
        objective = 0.5 * float(np.vdot(p, p)) + self._weight * variation
        q = self._rho * self._u
        self._dual = max(self._dual, self._dual_value(p, q), self._dual_value(*self._mended(p, q)))
        best = self._best
        if best is None or objective <= best.objective:
            best = Certificate(x, objective, variation, self._dual)
        self._best = Certificate(best.x, best.objective, best.variation, self._dual)
        # Rounding in what the recurrence carries is thrown away.
        self._image = image if np.array_equal(x, self._x) else self._forward(self._x)
        self._normal = self._adjoint(self._image)
        return self._best

    def flat(self) -> Certificate:
        """The certificate of pictures of one value per channel: the answer where the weight is large
        or the data are flat, whose variation an iteration only rounds to zero.
        """
        images, solver = self._constants
        levels = (self._problem.y @ images.T @ solver).reshape(
            *self._shape[:2], *[1] * len(self._shape[2:])
        )
        x = np.clip(np.broadcast_to(levels, self._shape), self._lower, self._upper)
        p = self._forward(x) - self._problem.y
        variation = float(self._gradient.lengths(self._gradient.apply(x)).sum())
        objective = 0.5 * float(np.vdot(p, p)) + self._weight * variation
        self._dual = max(self._dual, self._dual_value(*self._mended(p, np.zeros_like(self._u))))
        self._best = Certificate(x, objective, variation, self._dual)
        return self._best

    def _least_squares(self) -> None:
        """``(C^T C + rho D^T D + rho_t) x = C^T y + rho D^T (v - u) + rho_t (t - s)``, roughly, by
        conjugate gradients with a preconditioner in the cosine basis.
        """
        rho, box = self._rho, self._rho * _BOX
        misfit = self._v - self._u - self._gradient.apply(self._x)
        r = self._right - self._normal + rho * self._gradient.adjoint(misfit)
        r += box * (self._t - self._s - self._x)
        enough = _INNER * float(np.linalg.norm(r))
        diagonal = self._energies + rho * self._gradient.spectrum + box
        d, product = np.zeros_like(r), 0.0
        for _ in range(_INNER_STEPS):
            z = self._gradient.pixels(self._gradient.waves(r) / diagonal)
            last, product = product, float(np.vdot(r, z))
            if product <= 0.0:
                return
            d = z + (product / last if last else 0.0) * d
            image = self._forward(d)
            normal = self._adjoint(image)
            a_d = normal + rho * self._gradient.adjoint(self._gradient.apply(d)) + box * d
            alpha = product / float(np.vdot(d, a_d))
            self._x = self._x + alpha * d
            self._image = self._image + alpha * image
            self._normal = self._normal + alpha * normal
            r = r - alpha * a_d
            if float(np.linalg.norm(r)) <= enough:
                return

    def _dual_value(self, p: Array, q: Array) -> float:
        """The largest dual value among the feasible multiples of (p, q)."""
        longest = float(self._gradient.lengths(q).max(initial=0.0))
        z = self._adjoint(p) + self._gradient.adjoint(q)
        slope = float(np.minimum(self._lower * z, self._upper * z).sum())
        slope -= float(np.vdot(self._problem.y, p))
        square = float(np.vdot(p, p))
        most = self._weight / longest if longest else np.inf
        multiple = max(min(slope / square if square else 0.0, most), 0.0)
        # A hair shorter: the lengths of the multiple are rounded.
        multiple *= 1 - 8 * float(np.finfo(np.float64).eps)
        return multiple * slope - 0.5 * multiple**2 * square

    def _mended(self, p: Array, q: Array) -> tuple[Array, Array]:
        """(p, q) changed so that z is the multiplier of the bounds: its means by p, the rest by q."""
        images, solver = self._constants
        excess = self._adjoint(p) + self._gradient.adjoint(q) + self._rho * _BOX * self._s
        means = excess.sum(axis=tuple(range(2, excess.ndim)))
        p = p - (means @ solver) @ images
        excess = self._adjoint(p) + self._gradient.adjoint(q) + self._rho * _BOX * self._s
        return p, q - self._gradient.preimage(excess)

    def _gains(self) -> tuple[Array, Array]:
        """C of the picture that is 1 in one channel, for each channel, and the inverse of their
        inner products.
        """
        channels = self._shape[1]
        ones = np.ones(self._shape[2:])
        pictures = np.multiply.outer(np.eye(channels), ones).reshape(channels, -1)
        images = np.asarray(self._problem.forward(pictures))
        return images, np.linalg.pinv(images @ images.T, hermitian=True)

    def _wave_energies(self) -> Array:
        """About ``|C w|^2`` for the waves w of the cosine basis, channel by channel.

        From random signs: exact where the waves are the singular vectors; positive anyway.
        """
        rng = np.random.default_rng(0)
        found = np.zeros(self._shape[1:])
        for _ in range(_PROBES):
            signs = rng.choice([-1.0, 1.0], (1, *self._shape[1:]))
            waves = self._gradient.pixels(signs).reshape(1, -1)
            normal = self._problem.adjoint(self._problem.forward(waves))
            found += (signs * self._gradient.waves(normal.reshape(signs.shape)))[0] / _PROBES
        return np.maximum(found, 1e-6 * float(np.abs(found).max(initial=0.0)))

    def _forward(self, x: Array) -> Array:
        return np.asarray(self._problem.forward(x.reshape(self._shape[0], -1)))

    def _adjoint(self, y: Array) -> Array:
        return np.asarray(self._problem.adjoint(y)).reshape(self._shape)


def _relative(change: Array, *sizes: Array) -> float:
    """The norm of a change, relative to the largest of some arrays."""
    largest = max(float(np.linalg.norm(size)) for size in sizes)
    return float(np.linalg.norm(change)) / largest if largest else 0.0
