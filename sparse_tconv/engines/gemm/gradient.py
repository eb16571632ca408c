"""The gradient with respect to the kernel: the stacks of the forward product, against y instead
of the kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...geometry import ConvGeometry
from . import cost
from .blas import multiplier, spread, spread_threads
from .gather import Stacks
from .plan import make_plan


def gradient(geometry: ConvGeometry, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """sum over the batch of y times each shifted image, (y_channels, x_channels // groups,
    *kernel_size); zeros outside.

    Each thread sums a fixed part of the batch and the rows, and the parts are added in order: with
    as many threads the same bits again.
    """
    groups = geometry.groups
    shape = (groups, geometry.y_channels // groups, geometry.x_channels // groups)
    way = min(
        ("taps", "whole"), key=lambda way: cost.estimate(geometry, x.dtype, False, way).seconds
    )
    plan = make_plan(geometry, False, whole=way == "whole")
    (target,) = plan.targets
    multiply = multiplier(x.dtype)
    sources, data = (array.reshape(len(array), groups, -1, *array.shape[2:]) for array in (x, y))

    def work(part: tuple[list[tuple[int, int, int]], list[NDArray[Any]]]) -> None:
        items, sums = part
        begun: set[tuple[int, int]] = set()
        for sample, start, stop in items:
            for group in range(groups):
                stacks = Stacks(plan, sources[sample, group], start, stop)
                rows = data[sample, group].reshape(shape[1], -1)
                for number, (item, total) in enumerate(zip(target.products, sums, strict=True)):
                    low, high, images = stacks.part(item, start, stop)
                    if low < high:
                        seen = rows[:, low * plan.pitch : high * plan.pitch]
                        multiply(seen, images.T, total[group], (number, group) in begun)
                        begun.add((number, group))
        for number, total in enumerate(sums):
            for group in range(groups):
                if (number, group) not in begun:
                    total[group] = 0

    split = (geometry, x.dtype, False, way, len(x) * groups, spread_threads())
    shared = cost.worth_sharing(*split)
    items = [(sample, *rows) for sample in range(len(x)) for rows in cost.blocks(*split)]
    share = -(-len(items) // (spread_threads() if shared else 1))
    parts = [
        (
            items[n : n + share],
            [
                np.empty((*shape[:2], len(p.taps) * shape[2]), dtype=x.dtype)
                for p in target.products
            ],
        )
        for n in range(0, len(items), share)
    ]
    spread(work, parts, shared)
    summed = np.zeros((*shape, *geometry.kernel_size), dtype=x.dtype)
    for number, item in enumerate(target.products):
        total = parts[0][1][number]
        for _, sums in parts[1:]:
            total += sums[number]
        total = total.reshape(*shape[:2], len(item.taps), shape[2])
        places: list[Any] = [(..., *tap) for tap in item.taps]
        for column, place in enumerate(places):
            summed[place] = total[:, :, column]
    return summed.reshape(geometry.y_channels, -1, *geometry.kernel_size)
