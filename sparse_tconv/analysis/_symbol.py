"""The symbol of a convolution: its blocks at all frequencies, and the largest of their norms."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from math import cos, pi, prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import Axis
from ..spectral import Problem, block_norms, circle_stride, most_repeats

_POINTS_PER_DEGREE = 64  # a grid so fine costs 0.06 % of the bound per axis
_WORK = 1e10  # multiplications in the blocks' decompositions: some seconds
_ENTRIES = 1 << 20  # of blocks that are held at a time


@dataclass(frozen=True)
class Line:
    """One axis as a convolution of stride 1 between phases: taps (q, phase), frequencies, and the
    factors that make the largest value on the grid a bound.

    Parameters
    ----------
    places, phases : tuple of int
        Where each tap is: place q of phase r reads sample ``s (o + q) + r``.
    points : int
        Frequencies of the grid.
    shifts : tuple of float
        Fractions of a step by which the grid may be moved.
    factor : float
        What the largest norm on the grid is multiplied by.
    """

    places: tuple[int, ...]
    phases: tuple[int, ...]
    points: int
    shifts: tuple[float, ...]
    factor: float

    @property
    def used(self) -> list[int]:
        """The phases that some tap reads."""
        return sorted(set(self.phases))

    def waves(self, shift: float, first: int, last: int) -> NDArray[np.complex128]:
        """exp(i theta q) for some frequencies of the grid: (frequency, tap)."""
        theta = 2 * pi * (np.arange(first, last) + shift) / self.points
        return np.exp(1j * theta[:, None] * np.array(self.places))


@dataclass(frozen=True, eq=False)
class Peak:
    """An upper bound of the norm, and the wave that a convolution without borders amplifies most
    on the grid.

    Parameters
    ----------
    bound : float
        Infinite where the grid would be too large.
    angles : tuple of float
        The frequency, per axis and stride; empty without one.
    group : int
        Of the channels that see it.
    phases : tuple of (int, list of int)
        Per axis the stride, and the phases of it at which the wave is not zero.
    amplitudes : array, (in_channels of the group, *phases)
        A unit vector.
    """

    bound: float
    angles: tuple[float, ...] = ()
    group: int = 0
    phases: tuple[tuple[int, list[int]], ...] = ()
    amplitudes: NDArray[np.complex128] = field(default_factory=lambda: np.zeros(0, np.complex128))


def line(axis: Axis, most_points: int, per_degree: int = _POINTS_PER_DEGREE) -> Line | None:
    """The axis with a grid of so many points at most; None if those are too few for any bound."""
    stride = circle_stride(axis) or axis.stride
    offset = -axis.before % stride if circle_stride(axis) else 0
    position = [offset + axis.dilation * tap for tap in range(axis.k)]
    places = tuple(z // stride for z in position)
    phases = tuple(z % stride for z in position)
    if circle_stride(axis) is not None and axis.n_out <= most_points:
        return Line(places, phases, axis.n_out, (0.0,), 1.0)
    degree = places[-1] - places[0]
    repeated = 1.0 if circle_stride(axis) else sqrt(most_repeats(axis))
    exact = _embedding(axis, degree)
    fine = max(per_degree, per_degree * degree)
    if exact <= min(fine, most_points):
        return Line(places, phases, exact, (0.0, 0.5), repeated)
    points = min(fine, most_points)
    if points <= 2 * degree + 1:
        return None
    return Line(places, phases, points, (0.0,), repeated / sqrt(cos(pi * degree / points)))


def after(axis: Axis) -> int:
    """The padding behind the axis that its last window needs."""
    return axis.last + 1 - axis.n_in


def _embedding(axis: Axis, degree: int) -> int:
    """Size of the smallest circle of which the windows and the samples that they read, extended,
    are a part.
    """
    inside = axis.mode == "zeros"
    low = axis.before // axis.stride if inside else 0
    high = (axis.n_in - 1 + axis.before if inside else axis.last - axis.first) // axis.stride
    return max(high + 1, degree + axis.n_out - low, degree + 1)


def symbol_bound(problem: Problem, enough: float = 0.0) -> float:
    """An upper bound of the norm from the symbol; infinite if the grid would be too large."""
    return symbol_peak(problem, enough).bound


def symbol_peak(
    problem: Problem,
    enough: float = 0.0,
    per_degree: int = _POINTS_PER_DEGREE,
    most_work: float = _WORK,
) -> Peak:
    """The bound with the wave that is amplified most.

    C is a part of the operator on a larger circle, whose seam may carry any phase: the frequencies
    are those of a grid that may be moved. On any grid of M points per axis, a trigonometric
    polynomial of degree d is at most its largest value there over cos(pi d / M), and the squared
    norms of the blocks are suprema of such polynomials. The grid is no longer moved once the bound
    is down to what is `enough`.
    """
    lines = _lines(problem, per_degree, most_work)
    if lines is None:
        return Peak(float("inf"))
    factor = prod(line.factor for line in lines)
    best = Peak(float("inf"))
    # Half a step first: the norm of a finite matrix is below the supremum, which is often at 0.
    for shift in product(*(line.shifts[::-1] for line in lines)):
        norm, place = _largest_norm(problem, lines, shift)
        if factor * norm < best.bound:
            best = _peak(problem, lines, shift, factor * norm, place)
        if best.bound <= enough:
            break
    return best


def _lines(problem: Problem, per_degree: int, most_work: float) -> list[Line] | None:
    """The axes with grids as fine as the work allows."""
    given, taken = problem.channels
    axes = problem.geometry.axes
    phases = prod(min(circle_stride(axis) or axis.stride, axis.k) for axis in axes)
    cost = given * taken * phases * min(given, taken * phases) + 500
    blocks = most_work / (len(problem.kernel) * cost)
    most = 1 << 14
    while most >= 1:
        found = [line(axis, most, per_degree) for axis in axes]
        lines = [entry for entry in found if entry is not None]
        if len(lines) < len(found):
            return None
        if prod(entry.points for entry in lines) <= max(blocks, 64):
            return lines
        most = most * 3 // 4
    return None


def _largest_norm(
    problem: Problem, lines: list[Line], shifts: tuple[float, ...]
) -> tuple[float, tuple[int, ...]]:
    """The largest norm of a block over the grid, over half of it if C is real, and its place:
    (group, *frequency).
    """
    kernel = problem.kernel
    # The first axis last: its frequencies are done some at a time.
    for number in range(len(lines) - 1, 0, -1):
        kernel = _transformed(kernel, number, lines[number], shifts[number], None)
    first = lines[0]
    count = first.points // 2 + 1 if problem.is_real else first.points
    step = max(_ENTRIES // max(kernel.size // kernel.shape[3] * len(first.used), 1), 1)
    largest, place = -1.0, (0,) * (1 + len(lines))
    for start in range(0, count, step):
        part = start, min(start + step, count)
        norms = _norms(_transformed(kernel, 0, first, shifts[0], part), len(lines))
        top = np.unravel_index(int(np.argmax(norms)), norms.shape)
        if norms[top] > largest:
            group, here, *others = (int(index) for index in top)
            largest, place = float(norms[top]), (group, start + here, *others)
    return largest, place


def _peak(
    problem: Problem,
    lines: list[Line],
    shifts: tuple[float, ...],
    bound: float,
    place: tuple[int, ...],
) -> Peak:
    """The wave at one place of the grid."""
    group, *frequencies = place
    block = problem.kernel[group : group + 1]
    for number, (of, shift, here) in enumerate(zip(lines, shifts, frequencies, strict=True)):
        # The phases of an axis go to the end, in the order of the axes.
        block = _transformed(block, number, of, shift, (here, here + 1))
    given, taken = block.shape[1:3]
    right = np.linalg.svd(block.reshape(given, -1), full_matrices=False)[2][0].conj()
    strides = [circle_stride(axis) or axis.stride for axis in problem.geometry.axes]
    phases = tuple((stride, of.used) for stride, of in zip(strides, lines, strict=True))
    angles = tuple(
        2 * pi * (here + shift) / of.points
        for of, shift, here in zip(lines, shifts, frequencies, strict=True)
    )
    amplitudes = right.reshape(taken, *(len(of.used) for of in lines))
    return Peak(bound, angles, group, phases, amplitudes)


def _transformed(
    kernel: NDArray[Any],
    number: int,
    line: Line,
    shift: float,
    part: tuple[int, int] | None,
) -> NDArray[np.complex128]:
    """The taps of an axis as (frequency) in their place and (phase) at the end."""
    first, last = part or (0, line.points)
    waves = line.waves(shift, first, last)
    moved = np.moveaxis(kernel, number + 3, -1)
    found = np.empty((*moved.shape[:-1], last - first, len(line.used)), dtype=np.complex128)
    for number_of, phase in enumerate(line.used):
        taps = [tap for tap, of in enumerate(line.phases) if of == phase]
        found[..., number_of] = moved[..., taps] @ waves[:, taps].T
    return np.moveaxis(found, -2, number + 3)


def _norms(blocks: NDArray[np.complex128], axes: int) -> NDArray[np.float64]:
    """The norms (group, *frequency) of blocks (group, given, taken, *frequency, *phase)."""
    given, taken = blocks.shape[1:3]
    order = (0, *range(3, 3 + axes), 1, 2, *range(3 + axes, blocks.ndim))
    phases = prod(blocks.shape[3 + axes :])
    frequencies = blocks.shape[3 : 3 + axes]
    flat = blocks.transpose(order).reshape(-1, given, taken * phases)
    return np.asarray(block_norms(flat).reshape(len(blocks), *frequencies))
