"""Which way is fastest, in how many blocks, and how long it takes: an estimate from flops, bytes
and measured rates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import ceil, prod
from typing import Any, NamedTuple

import numpy as np

from ...geometry import ConvGeometry
from ...threads import num_threads
from ..borders import within
from .plan import Line, line, reads

METHODS = ("taps", "whole", "scatter")


@dataclass(frozen=True)
class Rates:
    """What one core does, in seconds.

    A product of m x k by k x n numbers takes ``multiply m n k (1 + few_rows / m + few_terms / k)``.
    """

    multiply: float  # one multiply-add in a large product
    few_rows: float  # rows at which the product runs at half that rate
    few_terms: float  # likewise, terms of each sum
    copy: float  # one number of a long copy
    stride: float  # one number read or written out of line
    add: float  # one number added in scattering


# One core at AVX2 (OpenBLAS, 57 and 117 Gflop/s in float64 and float32); only ratios to the other
# engines' rates matter.
RATES = {
    np.dtype("f4"): Rates(1.75e-11, 17, 4, 1.3e-10, 4e-10, 1.6e-10),
    np.dtype("f8"): Rates(3.4e-11, 9, 3, 2.6e-10, 5e-10, 3.2e-10),
    np.dtype("c8"): Rates(7.0e-11, 9, 2, 2.6e-10, 5e-10, 3.2e-10),
    np.dtype("c16"): Rates(1.4e-10, 6, 2, 5.2e-10, 8e-10, 6.4e-10),
}
CALL = 5e-6  # a product or copy of anything: Python, NumPy, BLAS
START = 2.5e-5  # an empty product of the engine
ROW = 1.2e-8  # a row of a copy or addition that is not one long run
WAKE = 8e-5  # until another thread of the pool works
LOCK = 1e-5  # more per call while threads pass the interpreter's lock to and fro
SHARED = 1.1  # cores share the memory
STACK = {
    "taps": 3e6,
    "whole": 1.5e6,
    "scatter": 1e6,
}  # bytes of work space that one block should not exceed


class Work(NamedTuple):
    """Seconds on one core, and how many calls of NumPy and BLAS they are."""

    seconds: float
    calls: float

    def shared(self, threads: int, parts: int) -> float:
        """Seconds of so many equal parts over some threads."""
        return WAKE + SHARED * self.seconds * ceil(parts / threads) / parts + LOCK * self.calls


def seconds(geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
    """Estimated time of C^T times a batch, with the threads of now."""
    inside = within(geometry)
    total = START
    if inside != geometry:  # fold: each number is read, added and written once per axis at most
        total += 2 * RATES[dtype].add * batch * prod(inside.x_shape)
    way = method(inside, dtype, True)
    work, items, threads = (
        estimate(inside, dtype, True, way),
        batch * geometry.groups,
        num_threads(),
    )
    rows = blocks(inside, dtype, True, way, items, threads)
    if worth_sharing(inside, dtype, True, way, items, threads):
        return total + Work(work.seconds * batch, work.calls * batch).shared(
            threads, items * len(rows)
        )
    return total + work.seconds * batch


@lru_cache(maxsize=1 << 10)
def method(geometry: ConvGeometry, dtype: np.dtype[Any], transposed: bool) -> str:
    """The way with the least estimated time."""
    ways = [way for way in METHODS if way != "scatter" or can_scatter(geometry, transposed)]
    return min(ways, key=lambda way: estimate(geometry, dtype, transposed, way).seconds)


def can_scatter(geometry: ConvGeometry, transposed: bool) -> bool:
    """Whether the source is read with stride 1 on every axis."""
    return transposed or all(axis.stride == 1 for axis in geometry.axes)


@lru_cache(maxsize=1 << 10)
def blocks(
    geometry: ConvGeometry,
    dtype: np.dtype[Any],
    transposed: bool,
    way: str,
    items: int,
    threads: int,
) -> tuple[tuple[int, int], ...]:
    """Ranges of rows of the longest first-axis phase: work space within bounds, and as many as
    keep all threads busy.
    """
    rows = line(geometry.axes[0], transposed).count
    count = ceil(_space(geometry, transposed, way) * dtype.itemsize / STACK[way])
    if items * count < 4 * threads and worth_sharing(
        geometry, dtype, transposed, way, items, threads
    ):
        share = threads if items % threads else 1
        count = ceil(count / share) * share
    count = max(1, min(count, rows))
    edges = [rows * number // count for number in range(count + 1)]
    return tuple(pairwise(edges))


def worth_sharing(
    geometry: ConvGeometry,
    dtype: np.dtype[Any],
    transposed: bool,
    way: str,
    items: int,
    threads: int,
) -> bool:
    """Whether a product of `items` groups and samples is faster over several threads."""
    work = estimate(geometry, dtype, transposed, way)
    samples = items / geometry.groups
    whole = Work(work.seconds * samples, work.calls * samples)
    return threads > 1 and whole.shared(threads, threads) < whole.seconds


def _space(geometry: ConvGeometry, transposed: bool, way: str) -> float:
    """Numbers that one group's stack, or what is to be scattered, holds over all rows."""
    first, *inner = (line(axis, transposed) for axis in geometry.axes)
    taken, given = _channels(geometry, transposed)
    if way == "scatter":
        return (
            given
            * prod(geometry.kernel_size[1:])
            * first.count
            * prod(item.n_source for item in inner)
        )
    rows = first.count * (_shifts(first) if way == "whole" else _residues(first))
    return taken * rows * prod(_shifts(item) * item.count for item in inner)


@lru_cache(maxsize=1 << 12)
def estimate(geometry: ConvGeometry, dtype: np.dtype[Any], transposed: bool, way: str) -> Work:
    """The product of one sample."""
    rates = RATES[dtype]
    lines = tuple(line(axis, transposed) for axis in geometry.axes)
    taken, given = _channels(geometry, transposed)
    tasks = geometry.groups * ceil(_space(geometry, transposed, way) * dtype.itemsize / STACK[way])
    placed = geometry.groups * given * prod(item.count * len(item.phases) for item in lines)
    direct = all(len(item.phases) == 1 and item.phases[0].step == 1 for item in lines)
    kernel = geometry.groups * taken * given * prod(geometry.kernel_size)
    total = kernel * rates.copy + (0 if direct else placed * rates.stride)
    first, *inner = lines
    row = lines[-1].count  # numbers in one contiguous run
    if way == "scatter":
        taps = prod(geometry.kernel_size[1:])
        calls: float = sum(len(phase.taps) for phase in first.phases)
        sums = _reached(first) * prod(_reached(item) for item in inner)
        total += (
            _product(
                rates, given * taps, _reached(first) * prod(item.n_source for item in inner), taken
            )
            * geometry.groups
        )
        total += geometry.groups * given * sums * (rates.add + ROW / row)
        calls *= tasks * (1 + taps / 2)
        return Work(total + calls * CALL, calls)
    depth = 0 if way == "whole" else 1
    stacked, others = lines[depth:], lines[:depth]
    # One product sums neighbours in the stack: all taps of one phase, or under a stride those of
    # the last axis only.
    targets = prod(len(item.phases) for item in stacked)
    summed = stacked if targets == 1 else stacked[-1:]
    terms = prod(_taps(item) / len(item.phases) for item in summed)
    products = prod(_taps(item) for item in lines) / terms if terms else 0
    positions = prod(item.count for item in stacked) * prod(_reached(item) for item in others)
    total += (
        geometry.groups
        * _product(rates, given, positions * prod(map(_taps, stacked)) / terms, taken * terms)
        if terms
        else 0
    )
    copied = geometry.groups * _space(geometry, transposed, way)
    images = prod(_shifts(item) for item in stacked) * prod(_residues(item) for item in others)
    alike = all(item.stride == 1 for item in lines) and all(
        item.n_source == item.count for item in inner
    )
    each = rates.copy if all(item.stride == 1 for item in lines[-1:]) else rates.stride
    total += copied * (each + (0 if alike else ROW / row))
    calls = tasks * (products + images)
    return Work(total + calls * CALL, calls)


def _product(rates: Rates, m: float, n: float, k: float) -> float:
    return rates.multiply * m * n * k * (1 + rates.few_rows / m + rates.few_terms / k)


def _channels(geometry: ConvGeometry, transposed: bool) -> tuple[int, int]:
    """Channels of one group that a direction takes and gives."""
    both = geometry.x_channels // geometry.groups, geometry.y_channels // geometry.groups
    return both[::-1] if transposed else both


def _taps(item: Line) -> int:
    """Taps of all phases that reach the source."""
    return sum(len(phase.taps) for phase in item.phases)


def _reached(item: Line) -> int:
    """Pairs of a target position and a tap that reads inside."""
    spans = (
        reads(f, item.stride, item.n_source, 0, phase.count)
        for phase in item.phases
        for f in phase.taps.values()
    )
    return sum(high - low for low, high in spans)


def _shifts(item: Line) -> int:
    """Different shifts of the source."""
    return len({first for phase in item.phases for first in phase.taps.values()})


def _residues(item: Line) -> int:
    """Different residues of the source's positions that are read, modulo the stride of reading."""
    return len({first % item.stride for phase in item.phases for first in phase.taps.values()})
