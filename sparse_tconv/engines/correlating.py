"""What engines have in common that compute sums over taps of a source laid out with zeros around."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from itertools import product
from math import ceil, gcd, prod
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..assembly import grouped_kernel
from ..geometry import ConvGeometry
from ..threads import blas_workers, lock, run, run_blas
from ._engine import Engine
from .extension import extend, fold
from .layout import Grids, Layout, Place, laid_out, layout

_START = 2.2e-5  # an empty product
_WAKE, _SHARED = 8e-5, 1.12  # until another thread works, and what sharing the memory costs
_PLANNED, _PHASE = 1 << 12, 1e-4  # phases up to which a layout is made to estimate; one, roughly
_FOLD = 8e-11  # a byte of what is extended or folded
NARROW = 192  # numbers of each worker below which they rather share the channels
WORTH_A_THREAD = 300_000  # entries times samples


class Direction(NamedTuple):
    """C or C^T, ready."""

    made: Layout
    images: float  # of a group that are computed at a time; a part of one where it is less than one
    sums: list[Any]  # what computes each target: its `nbytes`, `terms` and `put`


class Item(NamedTuple):
    """What is computed at a time: targets, samples, groups, rows; and the channels, in parts."""

    targets: slice
    samples: slice
    groups: slice
    rows: slice
    channels: list[slice]


class CorrelatingEngine(Engine):
    """Products block by block: a block of the source is laid out, and every sum of it computed and put
    where it belongs. Kernels are arranged at the first product of each direction and kept.
    """

    _types: ClassVar[str]  # of the numbers it computes with

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        super().__init__(geometry, weight)
        self._directions: dict[bool, Direction] = {}
        self._lock = lock()

    @classmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        if dtype.char in cls._types:
            return None
        *names, last = (np.dtype(char).name for char in cls._types)
        return f"{cls.name} computes in {', '.join(names)} and {last} only, not in {dtype}"

    @classmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        phases = prod(min(a.k, a.stride // gcd(a.stride, a.dilation)) for a in geometry.axes)
        if phases > _PLANNED:
            return batch * phases * _PHASE
        made, channels = layout(geometry, True), geometry.group_channels(True)
        work = batch * geometry.groups * cls._seconds(made, channels, dtype)
        if made.border:
            work += batch * _FOLD * dtype.itemsize * prod(made.sizes) * geometry.x_channels
        threads = workers_of(geometry, batch)
        return _START + (work if threads == 1 else _WAKE + _SHARED * work / threads)

    @classmethod
    @abstractmethod
    def _seconds(cls, made: Layout, channels: tuple[int, int], dtype: np.dtype[Any]) -> float:
        """Estimated time of one image of a group, of the channels read and computed, on one core."""

    @abstractmethod
    def _sums(self, made: Layout, kernel: NDArray[Any]) -> tuple[float, list[Any]]:
        """A direction of a kernel (groups, channels computed, channels read, *taps)."""

    @property
    def nbytes(self) -> int:
        return sum(one.nbytes for each in list(self._directions.values()) for one in each.sums)

    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        direction = self._direction(False)
        x = extend(direction.made.border, x) if direction.made.border else x
        return self._product(direction, x, self.geometry.y_channels)

    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        direction = self._direction(True)
        x = self._product(direction, y, self.geometry.x_channels)
        return fold(direction.made.border, x) if direction.made.border else x

    def _product(self, direction: Direction, x: NDArray[Any], channels: int) -> NDArray[Any]:
        """C or C^T times a batch, on the extended axes."""
        made, groups = direction.made, self.geometry.groups
        result = (np.empty if made.covers else np.zeros)((len(x), channels, *made.sizes), x.dtype)
        source = x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:])
        target = result.reshape(len(x), groups, channels // groups, *made.sizes)

        def compute(item: Item) -> None:
            part = item.samples, item.groups
            _compute(direction, item, source[part], target[part])

        workers = workers_of(self.geometry, len(x))
        items = _items(direction, target.shape[:3], workers) if made.targets else []
        # Threads share the items, or the channels of one after the other.
        apart = workers > 1 and all(len(item.channels) == 1 for item in items)
        with np.errstate(over="ignore", invalid="ignore"):
            run_blas(compute, items, apart)
        return result

    def _direction(self, transposed: bool) -> Direction:
        """One direction, ready after its first use."""
        with self._lock:
            if transposed not in self._directions:
                made = layout(self.geometry, transposed)
                kernel = grouped_kernel(self.geometry, self.weight, transposed)
                self._directions[transposed] = Direction(made, *self._sums(made, kernel))
            return self._directions[transposed]


def workers_of(geometry: ConvGeometry, batch: int) -> int:
    """How many threads share a product."""
    return blas_workers() if float(geometry.nnz) * batch >= WORTH_A_THREAD else 1


def chosen(kernel: NDArray[Any], grids: Grids) -> NDArray[Any]:
    """The kernel at the taps of a grid."""
    taps = np.ix_(*map(range, kernel.shape[:3]), *(grid.taps for grid in grids))
    return np.ascontiguousarray(kernel[taps])


def _compute(direction: Direction, item: Item, source: NDArray[Any], target: NDArray[Any]) -> None:
    """Some rows of some sums; source and target are (samples, groups, channels, *size)."""
    made, own, rows = direction.made, item.targets, item.rows
    laid = laid_out(made, source, item.rows)
    for (place, counts, _), one in zip(made.targets[own], direction.sums[own], strict=True):
        if rows.start < counts[0]:
            into = target[(..., *place)][:, :, :, rows]
            terms = one.terms(laid, into.shape[3:])
            run(partial(one.put, item.groups, terms, into), item.channels)


def _items(direction: Direction, images: Place, workers: int) -> list[Item]:
    """As much at a time as stays in cache and leaves something to every worker: rows are shared, or
    phases or channels where rows are few.
    """
    (batch, groups, channels), made = images, direction.made
    together = max(1, min(int(direction.images), -(-batch * groups // workers)))
    blocks, share = 1 / min(1, direction.images), 1 if batch * groups >= workers else workers
    targets, cuts = len(made.targets), 1
    if made.rows * made.row >= NARROW * share:
        blocks = max(blocks, share)
    elif targets % share:
        cuts = share
    else:
        targets //= share
    steps = targets, together // groups, min(together, groups), made.rows / blocks
    counts, cut = (len(made.targets), batch, groups, made.rows), _ranges(channels, channels / cuts)
    ranges = product(*map(_ranges, counts, steps))
    return [Item(some, samples, own, rows, cut) for some, samples, own, rows in ranges]


def _ranges(count: int, most: float) -> list[slice]:
    """So many at a time, and the last may be fewer."""
    step = max(1, ceil(most))
    return [slice(low, min(low + step, count)) for low in range(0, count, step)]
