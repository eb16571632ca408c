"""Which transform makes each axis diagonal, and the axes that none does."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..geometry import ConvGeometry
from ..threads import cached_property
from ._circle import circle_stride, is_centered_mirror, is_mirrored
from ._problem import Problem

FOURIER, COSINE, SINE, DENSE = "fourier", "cosine", "sine", "dense"


@dataclass(frozen=True, eq=False)
class Plan:
    """One kind of axis after another: C is block-diagonal over the frequencies of the transformed
    axes.

    Under a stride s the samples of a circle are taken apart into s phases, each a channel of its
    own: what is left is a convolution of stride 1 on a circle of n / s windows.

    Parameters
    ----------
    problem : Problem
        What is factorized.
    kinds : tuple of str
        'fourier', 'cosine', 'sine' or 'dense' for each axis.
    """

    problem: Problem
    kinds: tuple[str, ...]

    def numbers(self, kind: str) -> tuple[int, ...]:
        """The axes of a kind."""
        return tuple(number for number, found in enumerate(self.kinds) if found == kind)

    @property
    def waves(self) -> tuple[int, ...]:
        """The axes with a real transform: cosines or sines."""
        return tuple(number for number, kind in enumerate(self.kinds) if kind in (COSINE, SINE))

    @property
    def fourier_sizes(self) -> tuple[int, ...]:
        """Frequencies along each Fourier axis."""
        return tuple(self.problem.geometry.axes[number].n_out for number in self.numbers(FOURIER))

    @property
    def frequencies(self) -> int:
        """Stored frequencies of the Fourier axes together: half of them if C is real."""
        sizes = self.fourier_sizes
        return prod((*sizes[:-1], sizes[-1] // 2 + 1)) if self.halved else prod(sizes)

    @property
    def cosines(self) -> int:
        """Frequencies of the cosine and sine axes together."""
        return prod(self.problem.geometry.axes[number].n_out for number in self.waves)

    @property
    def halved(self) -> bool:
        """Whether opposite frequencies have conjugate blocks, so that one of them is enough."""
        return self.problem.is_real and FOURIER in self.kinds

    def phases(self, taken: bool) -> tuple[int, ...]:
        """Phases of each Fourier axis: its stride for the samples taken, 1 for those given."""
        sizes = ((axis.n_in, axis.n_out) for axis in self.problem.geometry.axes)
        ratios = [n_in // n_out if taken else 1 for n_in, n_out in sizes]
        return tuple(ratios[number] for number in self.numbers(FOURIER))

    @property
    def rest(self) -> ConvGeometry | None:
        """The geometry of one block: the dense axes, the phases among the channels; None without
        dense axes.
        """
        axes = tuple(self.problem.geometry.axes[number] for number in self.numbers(DENSE))
        given, taken = self.problem.channels
        if not axes:
            return None
        return ConvGeometry(axes, taken * prod(self.phases(True)), given, 1, False, True)

    @property
    def block_shape(self) -> tuple[int, int]:
        """Rows and columns of one block."""
        if self.rest is not None:
            return self.rest.shape
        given, taken = self.problem.channels
        return given, taken * prod(self.phases(True))

    @property
    def blocks(self) -> int:
        """Number of blocks that are computed."""
        return self.problem.kernel.shape[0] * self.frequencies * self.cosines

    @cached_property
    def conjugate_pairs(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Numbers of the stored frequencies that are their own opposite, and one of each pair."""
        sizes = self.fourier_sizes
        grid = np.indices((*sizes[:-1], sizes[-1] // 2 + 1)).reshape(len(sizes), -1)
        opposite = -grid % np.array(sizes)[:, None]
        here = np.ravel_multi_index(tuple(grid), sizes)
        there = np.ravel_multi_index(tuple(opposite), sizes)
        stored = opposite[-1] <= sizes[-1] // 2  # otherwise only `here` is
        return np.flatnonzero(here == there), np.flatnonzero((here < there) | ~stored)


def plan(problem: Problem, allowed: tuple[str, ...]) -> Plan:
    """The plan with as many transformed axes as the allowed kinds give."""
    axes = range(len(problem.geometry.axes))
    return Plan(problem, tuple(_kind(problem, number, allowed) for number in axes))


def _kind(problem: Problem, number: int, allowed: tuple[str, ...]) -> str:
    """The kind of one axis; the transforms that stay real first."""
    axis = problem.geometry.axes[number]
    for kind, mode in ((COSINE, "symmetric"), (SINE, "antisymmetric")):
        mirrored = kind in allowed and is_centered_mirror(axis, mode)
        if mirrored and is_mirrored(problem.kernel, number, problem.eps):
            return kind
    return FOURIER if FOURIER in allowed and circle_stride(axis) is not None else DENSE
