"""The two orders of a sum over taps: images gathered and then multiplied, or multiplied and then
scattered.

Along the first axis a tap is an offset into rows that lie one after another. Along the others the
images that the taps read are stacked, and one product has all of them as terms: what is copied grows
with the channels read. Or one product gives every tap its own rows, which are added where they
belong: what is added grows with the channels computed. So many channels to few are scattered, the
rest is gathered.

Sources and targets are (channels, rows, samples, *others): the samples of a batch lie side by side.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...threads import scratch
from ._blas import multiplier
from ._plan import Part, Plan

Index = tuple[Any, ...]


def gather_weights(plan: Plan, kernel: NDArray[Any]) -> list[NDArray[Any]]:
    """For each part the matrices (groups, leads, out_channels, taps * in_channels).

    The kernel is (groups, out_channels, in_channels, taps of the first axis, taps of the others), the
    channels those of a group.
    """
    weights = []
    for part in plan.parts:
        leads = [lead for lead, _ in part.leads]
        chosen = kernel[:, :, :, leads][..., part.taps].transpose(0, 3, 1, 4, 2)
        weights.append(np.ascontiguousarray(chosen).reshape(*chosen.shape[:3], -1))
    return weights


def scatter_weights(plan: Plan, kernel: NDArray[Any]) -> list[NDArray[Any]]:
    """For all parts the matrices (groups, leads, taps * out_channels, in_channels)."""
    matrix = np.ascontiguousarray(kernel.transpose(0, 3, 4, 1, 2))
    return [matrix.reshape(*matrix.shape[:2], -1, matrix.shape[-1])]


def gather(
    plan: Plan,
    weights: list[NDArray[Any]],
    source: NDArray[Any],
    target: NDArray[Any],
    rows: tuple[int, int],
) -> None:
    """Some rows of every part of the target, from the source that :meth:`Plan.read` says; the weights
    are those of one group.
    """
    multiply, step = multiplier(source.dtype), plan.steps[0]
    begin = step * rows[0] - plan.first(rows[0])
    stacks: dict[Any, NDArray[Any]] = {}
    for part, matrices in zip(plan.parts, weights, strict=True):
        low, high = rows[0], min(rows[1], part.counts[0])
        if low >= high:
            continue
        place = _place(plan, part, target, low, high)
        sums = _room(place, "sums")
        pitch = sums.shape[1] // (high - low)
        for number, (_, at) in enumerate(part.leads):
            row, residue = divmod(begin + at, step)
            key = residue, part.reads, part.counts[1:]
            if key not in stacks:
                same = source[:, residue::step]
                images = [same[view] for view in _views(plan, part)]
                stacks[key] = _stack(images, f"stack{len(stacks)}")
            read = stacks[key][:, row * pitch : row * pitch + sums.shape[1]]
            multiply(matrices[number], read, sums, number > 0)
        _deliver(sums, place)


def scatter(
    plan: Plan,
    weights: list[NDArray[Any]],
    source: NDArray[Any],
    target: NDArray[Any],
    rows: tuple[int, int],
) -> None:
    """The same of a plan whose steps are 1."""
    multiply, (matrices,), channels = multiplier(source.dtype), weights, len(target)
    for _, same in groupby(plan.parts, key=lambda part: part.starts[0]):
        parts = list(same)
        low, high = rows[0], min(rows[1], parts[0].counts[0])
        if low >= high:
            continue
        places = [_place(plan, part, target, low, high) for part in parts]
        totals = [_room(place, f"sums{number}") for number, place in enumerate(places)]
        for lead, at in parts[0].leads:
            first = at + low - plan.first(low)
            images = _stack([source[:, first : first + high - low]], "stack0")
            given = scratch("given", (matrices.shape[1], images.shape[1]), source.dtype)
            multiply(matrices[lead], images, given, False)
            images = given.reshape(-1, channels, high - low, *source.shape[2:])
            for part, place, total in zip(parts, places, totals, strict=True):
                begun = lead != parts[0].leads[0][0]
                _add(part, _views(plan, part), images, total.reshape(place.shape), begun)
        for place, total in zip(places, totals, strict=True):
            _deliver(total, place)


def _add(
    part: Part, views: list[Index], given: NDArray[Any], total: NDArray[Any], begun: bool
) -> None:
    """Add what the taps give to a part; the first of all is written."""
    for tap, view in zip(part.taps, views, strict=True):
        image = given[tap][view]
        if begun:
            total += image
        else:
            total[...] = image
        begun = True


def _views(plan: Plan, part: Part) -> list[Index]:
    """What a part reads along the axes but the first, for each of its taps."""
    steps, counts = plan.steps[1:], part.counts[1:]
    ends = [step * (n - 1) + 1 for step, n in zip(steps, counts, strict=True)]
    views = [zip(read, ends, steps, strict=True) for read in part.reads]
    return [(..., *(slice(at, at + end, step) for at, end, step in view)) for view in views]


def _stack(images: list[NDArray[Any]], name: str) -> NDArray[Any]:
    """Images (channels, ...) as (images * channels, positions); a single one in place, if it can be."""
    channels = len(images[0])
    if len(images) == 1 and images[0][0].flags.c_contiguous:
        return images[0].reshape(channels, -1)
    stack = scratch(name, (len(images), *images[0].shape), images[0].dtype)
    for number, image in enumerate(images):
        stack[number] = image
    return stack.reshape(len(images) * channels, -1)


def _place(plan: Plan, part: Part, target: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    """Where rows low .. high - 1 of a part lie in the target."""
    step, *others = plan.strides
    start, *starts = part.starts
    rows = slice(start + step * low, start + step * (high - 1) + 1, step)
    inner = (slice(at, None, each) for at, each in zip(starts, others, strict=True))
    return target[(slice(None), rows, slice(None), *inner)]


def _room(place: NDArray[Any], name: str) -> NDArray[Any]:
    """(channels, positions) to compute a place in: itself, if its rows lie one after another."""
    if place[0].flags.c_contiguous:
        return place.reshape(len(place), -1)
    return scratch(name, place.shape, place.dtype).reshape(len(place), -1)


def _deliver(total: NDArray[Any], place: NDArray[Any]) -> None:
    """Put into its place what was computed elsewhere."""
    if not place[0].flags.c_contiguous:
        place[...] = total.reshape(place.shape)
