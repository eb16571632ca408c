"""How long a product by BLAS takes, an estimate from flops, bytes and measured rates: of both orders,
for the shorter is taken.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...geometry import ConvGeometry
from ...threads import blas_workers
from ._plan import Part, Plan, plan

BLOCK_BYTES = 3 << 20  # of what is multiplied at a time, which stays in cache
MANY = 2048  # columns of a product
FLOPS_FOR_THREADS = 2e6  # below, starting threads takes longer than the work


class Rates(NamedTuple):
    """What one core does, in seconds.

    A product of m x k by k x n numbers takes ``multiply m n k (1 + few_rows / m + few_terms / k)``.
    """

    multiply: float  # one multiply-add in a large product
    few_rows: float  # rows at which the product runs at half that rate
    few_terms: float  # likewise, terms of each sum
    copy: float  # one number copied in a long run
    add: float  # one number added to the target
    stride: float  # one number out of line


# One core (OpenBLAS, 65 and 130 Gflop/s in float64 and float32); only ratios to the other engines'
# rates matter.
RATES = {
    "f": Rates(1.5e-11, 16, 4, 1.5e-10, 4.5e-10, 1.1e-9),
    "d": Rates(3.1e-11, 8, 4, 3e-10, 9e-10, 1.4e-9),
    "F": Rates(6e-11, 8, 4, 3e-10, 9e-10, 1.4e-9),
    "D": Rates(1.2e-10, 6, 4, 6e-10, 1.8e-9, 2.2e-9),
}
START = 2.5e-5  # an empty product of the engine
CALL = 5e-6  # a product or copy of anything: Python, NumPy, BLAS
WAKE = 8e-5  # until another thread of the pool works
SHARED = 1.1  # cores share the memory


class Way(NamedTuple):
    """How one direction computes."""

    scatters: bool
    rows: int  # of each part that stay in cache
    seconds: float  # for one sample of one group on one core


def way(geometry: ConvGeometry, transposed: bool, dtype: np.dtype[Any]) -> Way:
    """The order of less time, and as many rows as stay in cache."""
    made = plan(geometry, transposed)
    in_channels, out_channels = geometry.group_channels(transposed)
    ways = [_gathering(made, out_channels, in_channels, dtype)]
    if max(made.steps) == 1:
        others = prod(axis.k for axis in geometry.axes[1:])
        ways.append(_scattering(made, out_channels, in_channels, others, dtype))
    return min(ways, key=lambda each: each.seconds)


def seconds(geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
    """Estimated time of C^T times a batch, with the threads of now."""
    made, rates, groups = plan(geometry, True), RATES[dtype.char], geometry.groups
    moved = prod(made.extents) * geometry.y_channels
    moved += (2 if made.leaves else 0) * prod(made.sizes) * geometry.x_channels
    work = batch * (groups * way(geometry, True, dtype).seconds + rates.copy * moved)
    threads = blas_workers() if 2.0 * geometry.nnz * batch >= FLOPS_FOR_THREADS else 1
    return START + (work if threads == 1 else WAKE + SHARED * work / threads)


def _gathering(plan: Plan, rows: int, channels: int, dtype: np.dtype[Any]) -> Way:
    """Each part as a product for every tap of the first axis, whose terms are the other taps."""
    rates, work, calls, width, pitch = RATES[dtype.char], 0.0, 0, 1, 1
    for part in plan.parts:
        terms, count = channels * len(part.taps), prod(part.counts)
        work += count * len(part.leads) * _multiplied(rates, rows, terms)
        work += count * (rates.copy * terms + _placed(plan, rates) * rows)
        calls += 2 * len(part.leads) + len(part.taps)
        width = max(width, prod(part.counts[1:]) * (terms + rows))
        pitch = max(pitch, prod(part.counts[1:]))
    at_once = _rows_at_once(width, pitch, dtype)
    return Way(False, at_once, work + CALL * calls * -(-plan.rows // at_once))


def _scattering(plan: Plan, channels: int, terms: int, others: int, dtype: np.dtype[Any]) -> Way:
    """Products for every tap of the first axis, whose rows are the other taps of every part."""
    rates, rows, calls = RATES[dtype.char], channels * others, 0
    pitch = prod(plan.extents[1:])
    firsts: dict[int, Part] = {part.starts[0]: part for part in plan.parts}
    work = sum(
        part.counts[0] * pitch * len(part.leads) * _multiplied(rates, rows, terms)
        for part in firsts.values()
    )
    for part in plan.parts:
        taps, count = len(part.leads) * len(part.taps), prod(part.counts)
        work += count * channels * (rates.add * taps + _placed(plan, rates))
        calls += len(part.leads) * (len(part.taps) + 1)
    at_once = _rows_at_once(pitch * (terms + 2 * rows), pitch, dtype)
    return Way(True, at_once, work + CALL * calls * -(-plan.rows // at_once))


def _multiplied(rates: Rates, rows: int, terms: int) -> float:
    """Estimated time of one column of a product."""
    few = 1 + rates.few_rows / rows + rates.few_terms / terms
    return rates.multiply * rows * terms * few


def _placed(plan: Plan, rates: Rates) -> float:
    """Estimated time of putting a number where it belongs, which may be where it was computed."""
    return rates.stride if max(plan.strides) > 1 else 0.0


def _rows_at_once(width: int, pitch: int, dtype: np.dtype[Any]) -> int:
    """Rows of `pitch` columns, altogether `width` numbers each, that stay in cache.

    BLAS rearranges the matrix once for each block: fewer than MANY columns do not pay for it.
    """
    return max(1, BLOCK_BYTES // dtype.itemsize // width, -(-MANY // pitch))
