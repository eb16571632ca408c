"""How long a product by BLAS takes, an estimate from flops, bytes and measured rates: of every order,
for the shortest is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...geometry import ConvGeometry
from ...threads import blas_workers
from ..correlations import Plan, plan
from ._products import Order, sheets

ORDERS = tuple(Order)  # those to choose from
BLOCK_BYTES = 3 << 20  # of what is multiplied at a time, which stays in a near cache
MANY = 2048  # columns of a product
NEAR, FAR = 1 << 18, 1.15  # a matrix of more numbers is read from far, and that much slower
FLOPS_FOR_THREADS = 2e6  # below, starting threads takes longer than the work


class Rates(NamedTuple):
    """What one core does, in seconds.

    A product of m x k by k x n numbers takes ``multiply m n k (1 + few_rows / m + few_terms / k)``.
    """

    multiply: float  # one multiply-add in a large product
    few_rows: float  # rows at which the product runs at half that rate
    few_terms: float  # likewise, terms of each sum
    copy: float  # one number copied
    add: float  # one number added
    stride: float  # one number out of line


# One core (OpenBLAS, 70 and 150 Gflop/s in float64 and float32); only ratios to the other engines'
# rates matter.
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
    seconds: float  # for one sample of one group on one core


def way(geometry: ConvGeometry, transposed: bool, dtype: np.dtype[Any]) -> Way:
    """The order of least time, and as many rows as stay in cache."""
    made = plan(geometry, transposed)
    channels = geometry.group_channels(transposed)
    ways = [_way(made, order, channels, dtype) for order in ORDERS]
    return min(ways, key=lambda each: each.seconds)


def seconds(geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
    """Estimated time of C^T times a batch, with the threads of now."""
    made, rates, groups = plan(geometry, True), RATES[dtype.char], geometry.groups
    moved = 2 * prod(made.sizes) * geometry.x_channels if made.border else 0
    work = batch * (groups * way(geometry, True, dtype).seconds + rates.copy * moved)
    threads = blas_workers() if 2.0 * geometry.nnz * batch >= FLOPS_FOR_THREADS else 1
    return START + (work if threads == 1 else WAKE + SHARED * work / threads)


def _way(plan: Plan, order: Order, channels: tuple[int, int], dtype: np.dtype[Any]) -> Way:
    """One order: products, copies to their terms, additions of their rows."""
    rates, (in_channels, out_channels) = RATES[dtype.char], channels
    made = sheets(plan, order)
    copied = {(sheet.residue, sheet.reads, sheet.sizes): len(sheet.reads) for sheet in made}
    # Numbers of a row: of every stack, of what one product gives, of the sums.
    stacked = in_channels * sum(images * prod(key[2]) for key, images in copied.items())
    computed = max((len(sheet.blocks) * prod(sheet.sizes) for sheet in made), default=1)
    summed = sum(prod(part.counts[1:]) for part in plan.parts)
    width = stacked + out_channels * (computed + summed)
    columns = max((prod(part.counts[1:]) for part in plan.parts), default=1)
    # Scattered rows are many for each that is summed: larger blocks share more of them.
    numbers = BLOCK_BYTES // dtype.itemsize * (2 if order is Order.SCATTERED else 1)
    at_once = max(1, numbers // width, -(-MANY // columns))
    blocks, work, calls = -(-plan.rows // at_once), 0.0, 0
    for (_, _, sizes), images in copied.items():
        if images > 1 or max(plan.steps) > 1:
            count = plan.extents[0] // plan.steps[0] * prod(sizes)
            work += count * in_channels * images * _moved(rates, sizes)
            calls += images
    for sheet in made:
        first, last = sheet.rows(plan, (0, plan.rows))
        rows, terms = out_channels * len(sheet.blocks), in_channels * len(sheet.reads)
        slow = 1 + rates.few_rows / rows + rates.few_terms / terms
        slow *= FAR if rows * terms >= NEAR else 1
        work += (last - first) * prod(sheet.sizes) * rates.multiply * rows * terms * slow
        calls += 1
        for number, given in sheet.given:
            added = plan.parts[number].counts[0] * prod(sheet.sizes) * len(given)
            work += rates.add * out_channels * added
            calls += len(given)
    if max(plan.strides) > 1:
        work += rates.stride * prod(plan.sizes) * out_channels
    elif order is Order.SCATTERED:
        work += _moved(rates, plan.sizes) * prod(plan.sizes) * out_channels
    return Way(order, at_once, work + CALL * calls * blocks)


def _moved(rates: Rates, sizes: Sequence[int]) -> float:
    """Estimated time of a number copied or added in runs along the last axis."""
    return rates.copy + RUN / (sizes[-1] if sizes else MANY)
