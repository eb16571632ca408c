"""How long a product by BLAS takes in either order, estimated from flops, bytes and measured rates."""

from __future__ import annotations

from enum import Enum
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...geometry import ConvGeometry
from ...threads import blas_workers
from ..correlations import Plan, plan
from ._products import stacks


class Order(Enum):
    """What the taps of a product are."""

    IM2COL = "terms of each sum"
    COL2IM = "rows, to be added"


ORDERS = tuple(Order)  # those to choose from
BLOCK_BYTES = 3 << 20  # of what is multiplied at a time, which stays in a near cache
MANY = 2048  # columns of a product
NARROW = 192  # columns below which rather the channels are divided
FLOPS_FOR_THREADS = 2e6  # below, starting threads takes longer than the work


class Rates(NamedTuple):
    """What one core does, in seconds: a product of m x k by k x n numbers takes ``multiply m n k (1 +
    few_rows / m + few_terms / k)``.
    """

    multiply: float  # one multiply-add in a large product
    few_rows: float  # rows at which the product runs at half that rate
    few_terms: float  # likewise, terms of each sum
    copy: float  # one number copied
    add: float  # one number added
    stride: float  # one number out of line


# OpenBLAS, 70 and 150 Gflop/s in float64 and float32; only ratios to the other engines' rates matter.
RATES = {
    "f": Rates(1.3e-11, 16, 4, 1.5e-10, 4e-10, 1.1e-9),
    "d": Rates(2.8e-11, 8, 4, 3e-10, 6e-10, 1.4e-9),
    "F": Rates(5.2e-11, 8, 4, 3e-10, 6e-10, 1.4e-9),
    "D": Rates(1.1e-10, 6, 4, 6e-10, 1.2e-9, 2.2e-9),
}
START = 2.5e-5  # an empty product of the engine
RUN = 2e-8  # the beginning of a run
CALL = 5e-6  # a product or copy of anything: Python, NumPy, BLAS
WAKE = 8e-5  # until another thread of the pool works
SHARED = 1.1  # cores share the memory


class Way(NamedTuple):
    """How one direction computes."""

    order: Order
    rows: int  # of each part that stay in cache
    fewest: int  # rather than fewer rows, channels are divided among threads
    seconds: float  # for one sample of one group on one core


def way(geometry: ConvGeometry, transposed: bool, dtype: np.dtype[Any]) -> Way:
    """The order of least time, and as many rows as stay in cache."""
    made, channels = plan(geometry, transposed), geometry.group_channels(transposed)
    # Only where neighbors read neighbors does a row of the source give whole rows to the target.
    orders = ORDERS if max(made.steps) == 1 and made.parts else (Order.IM2COL,)
    ways = [_way(made, order, channels, dtype) for order in orders]
    return min(ways, key=lambda each: each.seconds)


def seconds(geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
    """Estimated time of C^T times a batch, with the threads of now."""
    made, rates, groups = plan(geometry, True), RATES[dtype.char], geometry.groups
    moved = 2 * prod(made.sizes) * geometry.x_channels if made.border else 0
    work = batch * (groups * way(geometry, True, dtype).seconds + rates.copy * moved)
    threads = blas_workers() if 2.0 * geometry.nnz * batch >= FLOPS_FOR_THREADS else 1
    return START + (work if threads == 1 else WAKE + SHARED * work / threads)


def _way(plan: Plan, order: Order, channels: tuple[int, int], dtype: np.dtype[Any]) -> Way:
    """One order: products, copies of their terms, additions of their rows."""
    rates, (in_channels, out_channels), gathers = RATES[dtype.char], channels, order is Order.IM2COL
    width, rows, work, calls = 1, 0, 0.0, 2  # numbers of a row of all that is kept
    for part in plan.parts:
        leads, reads, count = len(part.leads), len(part.reads), prod(part.counts)
        in_line = max(plan.steps) == 1 and part.counts[1:] == plan.extents[1:]
        run = 0.0 if in_line else RUN / part.counts[-1]
        calls += leads + reads if gathers else leads * reads
        if not gathers:
            rows += out_channels * leads * reads
            work += count * out_channels * leads * reads * (rates.add + run)
            continue
        terms = in_channels * reads
        work += count * terms * (rates.copy + run)
        if stacks(terms, out_channels):
            terms, leads = terms * leads, 1
            work += count * terms * rates.copy
        work += count * (leads - 1) * out_channels * rates.add
        work += count * leads * _product(rates, out_channels, terms)
        width = max(width, (terms + out_channels) * prod(part.counts[1:]))
    if rows:
        # Two threads compute twice what rows along the border of their halves give to both.
        read = plan.extents[0] + max(plan.leads) - min(plan.leads)
        work += read * prod(plan.extents[1:]) * _product(rates, rows, in_channels)
        width = rows * prod(plan.extents[1:])
    if max(plan.strides) > 1:
        work += rates.stride * prod(plan.sizes) * out_channels
    columns = max([prod(part.counts[1:]) for part in plan.parts] or [1])
    # Rows of all taps are many for each that is summed: larger blocks share more of them.
    numbers = BLOCK_BYTES // dtype.itemsize * (1 if gathers else 4)
    at_once = max(1, numbers // width, -(-MANY // columns))
    return Way(
        order,
        at_once,
        gathers * -(-NARROW // columns),
        work + CALL * calls * -(-plan.rows // at_once),
    )


def _product(rates: Rates, rows: int, terms: int) -> float:
    """One column of a product."""
    return rates.multiply * (rows * terms + rates.few_rows * terms + rates.few_terms * rows)
