"""How long a product by transforms takes: an estimate from what it consists of and measured
rates.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...geometry import ConvGeometry
from ...threads import num_threads
from .plan import plan, schedule
from .spectra import by_frequency


class Cost(NamedTuple):
    """Measured seconds of the parts of a product."""

    chunk: float  # per chunk of blocks
    work: float  # per unit of a plan's work in double precision, of the channels read and computed
    mixed: float  # per frequency, block and channel pair, by passes over the spectra
    frequency: float  # per frequency, by matrix products
    multiplied: float  # per frequency, block and channel pair, by matrix products


COST = Cost(chunk=6.4e-5, work=5e-10, mixed=2.5e-9, frequency=2.8e-8, multiplied=1e-9)
THIN = 12  # channels of the thinner side at which matrix products by frequency take twice as long
SINGLE = 0.6  # time of single precision over double


def seconds(geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
    """Estimated time of one product of C^T with a batch."""
    return sum(
        count * cost for count, cost in zip(counted(geometry, dtype, batch), COST, strict=True)
    )


def counted(geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> Cost:
    """How often each part of a product of C^T occurs, shared among the threads where they share."""
    real = dtype.kind != "c"
    cut = plan(geometry, True, real, dtype.itemsize)
    chunks = len(schedule(cut, batch))
    share = min(num_threads(), chunks)
    precise = SINGLE if dtype.char in "fF" else 1.0
    channels = batch * cut.groups * (cut.out_channels + cut.in_channels)
    pairs = cut.out_channels * cut.in_channels
    points = cut.points // (2 if real else 1)
    products = batch * cut.groups * pairs * cut.blocks * points * precise
    matrices = by_frequency(pairs)
    thin = 1 + THIN / min(cut.out_channels, cut.in_channels)
    return Cost(
        chunk=chunks,
        work=channels / 2 * cut.work(dtype.itemsize) * precise * (1 if real else 2) / share,
        mixed=0 if matrices else products / share,
        frequency=cut.groups * points * chunks if matrices else 0,
        multiplied=products * thin / share if matrices else 0,
    )
