"""What to multiply by what: C or C^T under zero boundaries as products of tap matrices with shifted
images.

On one axis both directions are the same sum. The target's positions fall into phases ``start + step
j``, and in each phase ``target[j] = sum over taps of w[tap] source[first(tap) + stride j]``, zero
outside:

- forward, one phase of step 1; the source is read with the convolution's stride, ``first = d t -
before``;
- transposed, one phase per residue of the stride; the source is read with stride 1, ``first =
(start + before - d t) / s``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...geometry import Axis, ConvGeometry

Index = tuple[int, ...]


@dataclass(frozen=True)
class Phase:
    """Target positions ``start + step j`` for j < count, and for each tap that reaches them
    where it reads at j = 0.
    """

    start: int
    step: int
    count: int
    taps: dict[int, int]


@dataclass(frozen=True)
class Line:
    """One axis of a product: its phases, the longest of them in front, the source's size and the
    stride of reading.
    """

    phases: tuple[Phase, ...]
    n_source: int
    stride: int

    @property
    def count(self) -> int:
        """Positions of the longest phase."""
        return self.phases[0].count


def line(axis: Axis, transposed: bool) -> Line:
    """One axis with zeros outside, in one of the two directions."""
    if not transposed:
        firsts = {t: t * axis.dilation - axis.before for t in range(axis.k)}
        return Line(
            (_phase(0, 1, axis.n_out, firsts, axis.n_in, axis.stride),), axis.n_in, axis.stride
        )
    phases = []
    for start in range(min(axis.stride, axis.n_in)):
        reach = {t: start + axis.before - t * axis.dilation for t in range(axis.k)}
        firsts = {
            t: position // axis.stride
            for t, position in reach.items()
            if position % axis.stride == 0
        }
        phases.append(
            _phase(
                start, axis.stride, -(-(axis.n_in - start) // axis.stride), firsts, axis.n_out, 1
            )
        )
    return Line(tuple(phases), axis.n_out, 1)


def _phase(
    start: int, step: int, count: int, firsts: dict[int, int], n_source: int, stride: int
) -> Phase:
    """A phase without the taps that never read inside."""
    taps = {}
    for t, first in firsts.items():
        low, high = reads(first, stride, n_source, 0, count)
        if low < high:
            taps[t] = first
    return Phase(start, step, count, taps)


def reads(first: int, stride: int, n_source: int, start: int, stop: int) -> tuple[int, int]:
    """The part of the range start .. stop of j where ``first + stride j`` is inside
    range(n_source); may be empty.
    """
    low = max(start, -(first // stride))
    return low, max(low, min(stop, (n_source - 1 - first) // stride + 1))


class Product(NamedTuple):
    """One tap matrix, or several side by side, against as many shifted images that are
    neighbours in the stack.
    """

    row: int  # first-axis position read at j = 0; 0 where the first axis is in the stack too
    stack: slice
    taps: tuple[Index, ...]


class Target(NamedTuple):
    """One phase on every axis, and the products that sum up to it."""

    phases: tuple[Phase, ...]
    products: tuple[Product, ...]


@dataclass(frozen=True)
class Plan:
    """A product as a stack of shifted images and products with parts of it.

    Parameters
    ----------
    lines : tuple of Line
        One per axis.
    stacked : tuple of tuples of int
        The shifts in the stack: for each the position read at j = 0, on every axis or on every axis
        but the first.
    targets : tuple of Target
        The phases of the target.
    whole : bool
        Whether the first axis is in the stack. If not, its taps are offsets of rows within the
        stack.
    """

    lines: tuple[Line, ...]
    stacked: tuple[Index, ...]
    targets: tuple[Target, ...]
    whole: bool

    @property
    def inner(self) -> Index:
        """Longest phases of all axes but the first: the size of one row."""
        return tuple(item.count for item in self.lines[1:])

    @property
    def pitch(self) -> int:
        """Positions in one row."""
        return prod(self.inner)

    @property
    def direct(self) -> bool:
        """Whether the target has one phase only, so that products are written in place."""
        return len(self.targets) == 1 and all(phase.step == 1 for phase in self.targets[0].phases)


def make_plan(geometry: ConvGeometry, transposed: bool, whole: bool) -> Plan:
    """The plan for a geometry with zeros outside."""
    lines = tuple(line(axis, transposed) for axis in geometry.axes)
    depth = 0 if whole else 1
    combinations = list(product(*(item.phases for item in lines)))
    stacked = sorted(
        {
            shift
            for phases in combinations
            for shift in product(*(p.taps.values() for p in phases[depth:]))
        }
    )
    place = {shift: number for number, shift in enumerate(stacked)}
    targets = []
    for phases in combinations:
        rows: list[tuple[Index, int]] = (
            [((), 0)] if whole else [((t,), row) for t, row in phases[0].taps.items()]
        )
        reached = sorted(
            (place[tuple(p.taps[t] for t, p in zip(taps, phases[depth:], strict=True))], taps)
            for taps in product(*(p.taps for p in phases[depth:]))
        )
        products = [
            Product(row, slice(run[0][0], run[-1][0] + 1), tuple((*lead, *taps) for _, taps in run))
            for lead, row in rows
            for run in _runs(reached)
        ]
        targets.append(Target(phases, tuple(products)))
    return Plan(lines, tuple(stacked), tuple(targets), whole)


def _runs(reached: list[tuple[int, Index]]) -> list[list[tuple[int, Index]]]:
    """Places in the stack, cut where they are not neighbours."""
    found: list[list[tuple[int, Index]]] = []
    for item in reached:
        if found and item[0] == found[-1][-1][0] + 1:
            found[-1].append(item)
        else:
            found.append([item])
    return found


def packed(kernel: NDArray[Any], taps: tuple[Index, ...], transposed: bool) -> NDArray[Any]:
    """The matrices of some taps side by side, (groups, target channels, taps * source channels),
    from a grouped kernel.

    The kernel is (groups, y_channels, x_channels, *kernel_size), the channels those of one group.
    """
    places: list[Any] = [(..., *tap) for tap in taps]
    matrices = np.stack([kernel[place] for place in places], axis=1)  # (groups, taps, y, x)
    matrices = matrices.transpose(0, 3, 1, 2) if transposed else matrices.transpose(0, 2, 1, 3)
    return np.ascontiguousarray(matrices).reshape(*matrices.shape[:2], -1)
