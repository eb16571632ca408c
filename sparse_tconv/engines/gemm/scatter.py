"""Products by scattering: one product makes what each pixel gives to each tap, and shifted
additions put it in place.

Nothing of the source is copied, and few channels of the target become many rows of one product: the
way from many channels to few.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..scratch import scratch
from .blas import multiplier
from .gather import place
from .plan import Line, Phase, reads


class Scatter:
    """One direction of C where the source is read with stride 1 on every axis.

    Parameters
    ----------
    lines : tuple of Line
        One per axis.
    kernel : array (groups, y_channels, x_channels, *kernel_size)
        The kernel by groups, ready to correlate.
    transposed : bool
        Direction.
    """

    def __init__(self, lines: tuple[Line, ...], kernel: NDArray[Any], transposed: bool) -> None:
        self.lines = lines
        self.multiply = multiplier(kernel.dtype)
        matrices = (
            kernel if transposed else kernel.swapaxes(1, 2)
        )  # (groups, source, target, *kernel_size)
        self.channels = matrices.shape[2]
        # For each tap of the first axis the rows of its product are (taps of the others, target
        # channels).
        rows = np.moveaxis(matrices, (1, 2), (-1, -2))  # (groups, *kernel_size, target, source)
        self.kernel_size = rows.shape[2:-2]
        self.weights = np.ascontiguousarray(np.moveaxis(rows, 1, 0)).reshape(
            rows.shape[1], len(kernel), prod(rows.shape[2:-1]), rows.shape[-1]
        )

    @property
    def nbytes(self) -> int:
        """Bytes of the packed kernel."""
        return self.weights.nbytes

    def rows(
        self, source: NDArray[Any], target: NDArray[Any], group: int, start: int, stop: int
    ) -> None:
        """Rows start .. stop of every phase of one sample's group: source and target are
        (channels, *size).
        """
        first, *others = self.lines
        combinations = list(product(*(item.phases for item in others)))
        direct = all(len(item.phases) == 1 and item.phases[0].step == 1 for item in self.lines)
        for phase in first.phases:
            end = min(stop, phase.count)
            if start >= end:
                continue
            sums = [
                target[:, start:end]
                if direct
                else scratch(
                    f"sum{number}",
                    (self.channels, end - start, *(p.count for p in phases)),
                    target.dtype,
                )
                for number, phases in enumerate(combinations)
            ]
            for total in sums:
                total[...] = 0
            for tap, row in phase.taps.items():
                low, high = reads(row, 1, first.n_source, start, end)
                if low < high:
                    given = self._given(source, self.weights[tap, group], low + row, high + row)
                    for total, phases in zip(sums, combinations, strict=True):
                        _add(total[:, low - start : high - start], given, phases, others)
            if not direct:
                for total, phases in zip(sums, combinations, strict=True):
                    place(target, total, (phase, *phases), start)

    def _given(
        self, source: NDArray[Any], weight: NDArray[Any], low: int, high: int
    ) -> NDArray[Any]:
        """What source rows low .. high give to every tap of the other axes: (*taps, channels,
        rows, *size).
        """
        pitch = prod(source.shape[2:])
        given = scratch("given", (len(weight), (high - low) * pitch), source.dtype)
        self.multiply(
            weight, source.reshape(len(source), -1)[:, low * pitch : high * pitch], given, False
        )
        return given.reshape(*self.kernel_size, self.channels, high - low, *source.shape[2:])


def _add(
    total: NDArray[Any], given: NDArray[Any], phases: tuple[Phase, ...], lines: list[Line]
) -> None:
    """Add to one phase what every tap that reaches it gives."""
    for taps in product(*(phase.taps.items() for phase in phases)):
        here: list[Any] = [...]
        there: list[Any] = [...]
        for (_, first), phase, item in zip(taps, phases, lines, strict=True):
            low, high = reads(first, 1, item.n_source, 0, phase.count)
            here.append(slice(low, high))
            there.append(slice(low + first, high + first))
        total[tuple(here)] += given[tuple(t for t, _ in taps)][tuple(there)]
