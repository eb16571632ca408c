"""The largest gap between the two inner products, and how much rounding may leave."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._inner import gaps, norms, products
from ._pair import Pair
from ._probes import Probe

__all__ = ["Score"]

CHANCE = 1e-6  # of missing an error as large as `smallest_error`


class Score:
    """The largest gap so far, and what its bound needs."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.gap, self.worst, self.nu = 0.0, "no probe", pair.least_norm
        self.terms = 1 if pair.terms is None else pair.terms.count
        self.norms_from_below = (self.nu, self.nu)
        self._allowance: list[float] = []
        self._strength: list[float] = []

    def add(self, x_probes: list[Probe], y_probes: list[Probe]) -> None:
        """Let every x of a block meet every y of it."""
        pair = self.pair
        x = np.stack([probe.vector(pair.domain) for probe in x_probes])
        y = np.stack([probe.vector(pair.codomain) for probe in y_probes])
        ax = np.stack([pair.forward(row) for row in x])
        by = np.stack([pair.adjoint(row) for row in y])
        self._count_terms(x_probes, ax)
        self._count_terms(y_probes, by)
        with np.errstate(invalid="ignore", over="ignore"):
            self._compare(x_probes, y_probes, (x, y, ax, by))

    def _count_terms(self, probes: list[Probe], images: NDArray[Any]) -> None:
        """Count the entries of the columns and rows that unit probes show."""
        for probe, row in zip(probes, images, strict=True):
            if probe.kind == "unit":
                self.terms = max(self.terms, int(np.count_nonzero(row)))

    def _compare(
        self, x_probes: list[Probe], y_probes: list[Probe], vectors: tuple[NDArray[Any], ...]
    ) -> None:
        x, y, ax, by = vectors
        pair, w_in, w_out = self.pair, self.pair.in_weight, self.pair.out_weight
        size_x, size_y = norms(x, w_in), norms(y, w_out)
        size_ax, size_by = norms(ax, w_out), norms(by, w_in)
        self._raise_norms((x, ax), (y, by))
        chosen = [i for i, probe in enumerate(x_probes) if probe.kind == "random"]
        self.nu = max([self.nu, *(float(size_ax[i] / size_x[i]) for i in chosen if size_x[i] > 0)])
        scale = np.maximum(np.outer(size_ax, size_y), np.outer(size_x, size_by))
        scale = np.maximum(scale, self.nu * np.outer(size_x, size_y))
        # Below the smallest number of the dtype nothing can be asked for.
        floor = pair.subnormal * (pair.domain.size + pair.codomain.size)
        floor *= float(np.max(size_x) * np.max(size_y))
        found = gaps(products(ax, y, w_out), products(x, by, w_in), scale, floor)
        self._remember(found, x_probes, y_probes)
        self._note_strength(x_probes, y_probes, (scale, size_x, size_ax, size_y))

    def _raise_norms(self, *images: tuple[NDArray[Any], NDArray[Any]]) -> None:
        """Keep the largest |A x| / |x| and |B y| / |y| of all probes, and what rounding has at
        least.
        """
        # A probe of small whole numbers may be zero.
        found = [
            float(np.max(norms(after)[norms(before) > 0] / norms(before)[norms(before) > 0]))
            for before, after in images
        ]
        forward, adjoint = self.norms_from_below
        self.norms_from_below = max(forward, found[0]), max(adjoint, found[1])

    def _remember(self, found: NDArray[Any], x_probes: list[Probe], y_probes: list[Probe]) -> None:
        """Keep the largest gap; one that is no number counts as infinite."""
        found = np.where(np.isnan(found), np.inf, found)
        i, j = divmod(int(np.argmax(found)), found.shape[1])
        if found[i, j] > self.gap or self.worst == "no probe":
            self.gap = float(found[i, j])
            self.worst = f"x {x_probes[i].name}, y {y_probes[j].name}"

    def _note_strength(
        self, x_probes: list[Probe], y_probes: list[Probe], sizes: tuple[NDArray[Any], ...]
    ) -> None:
        """Remember how large the bound and |A|_F are for the random probes."""
        scale, size_x, size_ax, size_y = sizes
        pair = self.pair
        unit_x = size_x / math.sqrt(max(pair.domain.size, 1))
        unit_y = size_y / math.sqrt(max(pair.codomain.size, 1))
        for i, px in enumerate(x_probes):
            for j, py in enumerate(y_probes):
                if px.kind == py.kind == "random" and unit_x[i] > 0 and unit_y[j] > 0:
                    self._allowance.append(float(scale[i, j] / (unit_x[i] * unit_y[j])))
            if px.kind == "random" and unit_x[i] > 0:
                self._strength.append(float(size_ax[i] / unit_x[i]))

    def smallest_error(self, bound: float, trials: int) -> float:
        """Relative Frobenius error that the random probes see but for one chance in a million.

        The worst error has rank one: <x, D y> is |D|_F times a product of two normal numbers, one
        of each side, and it is enough that on each side one probe of all trials is not small.
        """
        most = max(self._strength, default=0.0)
        if most == 0 or not math.isfinite(most):
            return bound
        # Only ratios count: squares of the sizes themselves could overflow or vanish.
        strength = float(np.sqrt(np.mean(np.square(np.array(self._strength) / most))))
        allowance = float(np.mean(np.array(self._allowance) / most))
        never_below = NormalDist().inv_cdf((1 + CHANCE ** (1 / trials)) / 2)
        return float(bound * allowance / (never_below**2 * strength))
