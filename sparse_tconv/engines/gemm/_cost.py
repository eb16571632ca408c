"""How long a product by BLAS takes: an estimate from flops, bytes and measured rates."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...geometry import ConvGeometry
from ...threads import num_threads
from ._plan import Product, plan
from .schedule import FLOPS_FOR_THREADS, leads_together, rows_at_once


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
    "f": Rates(1.5e-11, 8, 2, 1.5e-10, 3.5e-10, 1.1e-9),
    "d": Rates(3.1e-11, 4, 2, 3e-10, 6e-10, 1.4e-9),
    "F": Rates(6e-11, 4, 2, 3e-10, 6e-10, 1.4e-9),
    "D": Rates(1.2e-10, 4, 2, 6e-10, 1.2e-9, 2.2e-9),
}
START = 2.5e-5  # an empty product of the engine
CALL = 5e-6  # a product or copy of anything: Python, NumPy, BLAS
WAKE = 8e-5  # until another thread of the pool works
SHARED = 1.1  # cores share the memory


def seconds(geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
    """Estimated time of C^T times a batch, with the threads of now."""
    way, rates, groups = plan(geometry, True), RATES[dtype.char], geometry.groups
    in_channels, out_channels = geometry.y_channels // groups, geometry.x_channels // groups
    samples = batch * groups
    work = sum(_seconds(each, out_channels, in_channels, dtype) for each in way.products)
    extended = prod(axis.last - axis.first + 1 for axis in geometry.axes)
    moved = in_channels * prod(axis.n_out for axis in geometry.axes) + out_channels * extended
    work += rates.copy * moved * (3 if way.folds else 1)
    work += rates.stride * out_channels * prod(way.extents) * (max(way.strides) > 1)
    threads = num_threads() if 2.0 * geometry.nnz * batch >= FLOPS_FOR_THREADS else 1
    if threads == 1:
        return START + samples * work
    return START + WAKE + SHARED * samples * work / threads


def _seconds(each: Product, channels: int, terms: int, dtype: np.dtype[Any]) -> float:
    """Estimated time of one product on one core; `terms` are the channels of the source."""
    rates, positions = RATES[dtype.char], each.count * prod(each.inner)
    rows, terms = channels * len(each.leads), terms * len(each.taps)
    together = channels * min(len(each.leads), leads_together(channels, terms))
    shape = (1, len(each.leads), channels, terms)
    blocks = -(-each.count // rows_at_once(each, shape, dtype))
    products = -(-rows // together)
    few = (1 + rates.few_rows / together) * (1 + rates.few_terms / terms)
    return (
        positions * rates.multiply * rows * terms * few
        + positions * (rates.copy * terms + rates.add * rows)
        + blocks * CALL * (len(each.leads) + len(each.taps) + products)
    )
