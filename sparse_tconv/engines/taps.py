"""The engine of small kernels and few channels: taps along rows."""

from __future__ import annotations

from math import ceil, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geometry import ConvGeometry
from ..threads import num_threads
from ._engine import Engine
from .rows import TAPS_FOR_THREADS, RowCorrelation, cut, pieces_of
from .unit_stride import UnitStride
from .windows import kernel_gradient


class Cost(NamedTuple):
    """Measured seconds of the parts of a product."""

    product: float  # once
    threads: float  # once, to start them
    moved: float  # per byte collected and delivered
    block: float  # per block of a channel
    call: float  # per piece of a row and block
    tap: float  # per window and tap
    term: float  # per byte of a window and piece


COST = Cost(
    product=2.6e-5, threads=1e-4, moved=1.8e-11, block=3e-6, call=1.3e-6, tap=1.25e-10, term=5e-11
)


class TapsEngine(Engine):
    """Products tap by tap, rows of the last axis at a time; axis by axis where the kernel is a
    product of one-axis kernels.

    Cost: one multiplication per window, tap and channel pair, at the rate of compiled loops; no
    memory but the extended sample.
    """

    name = "taps"

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        super().__init__(geometry, weight)
        self._directions = [
            RowCorrelation(UnitStride(geometry, transposed), weight) for transposed in (False, True)
        ]

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        if dtype.char in "fd":
            return None
        return f"the loops of numpy.correlate are fast in float32 and float64 only, not in {dtype}"

    @classmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        return sum(
            count * cost for count, cost in zip(counted(geometry, dtype, batch), COST, strict=True)
        )

    @property
    def nbytes(self) -> int:
        return sum(direction.nbytes for direction in self._directions)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._directions[False].apply(x)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        return self._directions[True].apply(y)

    def weight_gradient(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        return kernel_gradient(self.geometry, x, y)


def counted(geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> Cost:
    """How often each part of a product of C^T occurs, shared among the threads where they share;
    the kernel without zeros.
    """
    unit, itemsize = UnitStride(geometry, True), dtype.itemsize
    split, rows = cut(unit, itemsize)
    blocks = prod(unit.windows[:split]) * ceil(unit.windows[split] / rows)
    windows = prod(unit.windows[: split + 1]) * prod(
        line.length for line in unit.lines[split + 1 :]
    )
    pairs = geometry.y_channels * geometry.x_channels // geometry.groups * batch
    pieces, taps = _last_axis(unit)
    outer = prod(geometry.kernel_size[:-1])
    wide = (
        batch
        * unit.groups
        * (unit.taken * prod(line.length for line in unit.lines) + unit.given * prod(unit.windows))
    )
    blocks *= batch * unit.groups * unit.given
    calls, work = pairs * outer * pieces, pairs * outer * taps * windows
    share = min(num_threads(), blocks) if work >= TAPS_FOR_THREADS else 1
    return Cost(
        product=1,
        threads=int(share > 1),
        moved=wide * itemsize,
        block=blocks,
        call=calls * blocks / (batch * unit.groups * unit.given),
        tap=work / share,
        term=calls * windows * itemsize / share,
    )


def _last_axis(unit: UnitStride) -> tuple[int, int]:
    """Pieces of rows of all phases together, and the taps in them."""
    line = unit.lines[-1]
    found = []
    for phase in range(len(line.phases)):
        row = np.zeros(line.k)
        row[[place for other, place in line.taps if other == phase]] = 1
        found += [len(taps) for _, taps in pieces_of(row)]
    return len(found), sum(found)
