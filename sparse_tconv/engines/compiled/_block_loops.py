"""The compiled product of many channels: a band of the image is brought into a work space where
every tap is an offset, summed block by block of the output channels, and written out row by row.
"""

from __future__ import annotations

from typing import Any

from ._block_sums import (
    SHAPES,
    one_of_most,
    sums_of_few,
    sums_of_most,
    sums_of_some,
    two_of_most,
)
from ._compile import called, compiled, inlined
from ._edge_loops import take_every
from ._vectors import inside, lanes, load, load_inside, single, store, store_inside
from ._weaving import weave

(_MOST, _VECTORS_OF_MOST), (_SOME, _VECTORS_OF_SOME), (_, _VECTORS_OF_FEW) = SHAPES


@inlined
def _bring_row(
    x: Any, x_at: int, modulus: int, start: int, stop: int, space: Any, at: int, width: int
) -> None:
    """Every `modulus`-th sample to the places start .. stop - 1 after `at`, zeros to the others
    before `width`, and to some after them.
    """
    zero = single(space)
    if modulus == 1:
        for k in range(0, width, lanes(zero)):
            mask = inside(zero, k, start, stop - start)
            store(space, at + k, load_inside(x, x_at + k - start, zero, mask))
        return
    for k in range(0, width, lanes(zero)):
        store(space, at + k, zero)
    take_every(modulus, x, x_at, space, at + start, stop - start)


@called
def _bring(
    x: Any, x_at: int, space: Any, sizes: Any, planes: Any, brought: Any,
    row: int, rows: int, column: int, columns: int,
) -> None:  # fmt: skip
    """What the outputs of `rows` rows and `columns` columns read of one group, in ascending
    places: what a row writes beyond its end is written again by the next. Zeros follow the last,
    for the sums that do not exist: numbers left there, if subnormal, would slow them down.
    """
    after = _VECTORS_OF_FEW * lanes(single(space))
    inputs, x_channel, step, flat = sizes[0], sizes[3], sizes[5], sizes[6]
    spread, each, length, stride = sizes[7], sizes[8], sizes[11], sizes[12]
    first, width = column + sizes[9], columns + sizes[10]
    for channel in range(inputs):
        for plane in range(planes.shape[0]):
            residue = planes[plane, 1]
            stop = min(width, (length - residue + stride - 1) // stride - first)
            start = min(max(0, -first), max(stop, 0))
            stop = max(start, stop)
            x_row = x_at + channel * x_channel + residue + stride * (first + start)
            at = channel * step + planes[plane, 0] - row * flat
            last = (row + rows + spread) * each - 1
            for r in range(row * each, last + 1):
                origin = brought[plane, r, 1]
                _bring_row(
                    x, x_row + origin, stride, start, stop if origin >= 0 else start,
                    space, at + brought[plane, r, 0], width + after if r == last else width,
                )  # fmt: skip


@inlined
def _write_row(sums: Any, at: int, y: Any, y_at: int, count: int) -> None:
    """A row of sums to where it belongs."""
    zero = single(sums)
    for k in range(0, count, lanes(zero)):
        store_inside(y, y_at + k, load(sums, at + k, zero), inside(zero, k, 0, count))


@called
def _write(
    sums: Any, distance: int, channels: int, y: Any, y_at: int, y_channel: int, used: int,
    flat: int, frame: Any, phase: Any, written: Any, row: int, rows: int, column: int, columns: int,
) -> None:  # fmt: skip
    """The sums of one phase of the outer axes, for the `used` channels of a block."""
    begin, each = phase[0], phase[2]
    for m in range(used):
        for r in range(begin + row * each, begin + min(row + rows, phase[1]) * each):
            at = m * distance + written[r, 0] - row * flat
            to = y_at + m * y_channel + written[r, 1]
            if frame.shape[0] == 1:
                _write_row(sums, at, y, to + column, min(columns, frame[0, 4] - column))
            else:
                weave(sums, at, channels * distance, frame, 1, y, to, column, column + columns)


@called
def _sum(
    space: Any, taps: Any, part: Any, inputs: int, step: int, w: Any, w_at: int,
    channels: int, sums: Any, at: int, distance: int, length: int,
) -> None:  # fmt: skip
    """`length` neighboring outputs of a block of channels, and some after them."""
    width = lanes(single(space))
    tap, count = part[0], part[1]
    p = 0
    while p < length:
        to = at + p
        if channels == _SOME:
            sums_of_some(space, p, taps, tap, count, inputs, step, w, w_at, sums, to, distance)
            p += _VECTORS_OF_SOME * width
        elif channels != _MOST:
            sums_of_few(space, p, taps, tap, count, inputs, step, w, w_at, sums, to, distance)
            p += _VECTORS_OF_FEW * width
        elif p + 2 * width < length:
            sums_of_most(space, p, taps, tap, count, inputs, step, w, w_at, sums, to, distance)
            p += _VECTORS_OF_MOST * width
        elif p + width < length:
            two_of_most(space, p, taps, tap, count, inputs, step, w, w_at, sums, to, distance)
            p += 2 * width
        else:
            one_of_most(space, p, taps, tap, count, inputs, step, w, w_at, sums, to, distance)
            p += width


@compiled
def blocked(
    x: Any, w: Any, y: Any, space: Any, sums: Any, distance: int,
    sizes: Any, planes: Any, brought: Any, taps: Any, parts: Any, phases: Any, written: Any,
    frame: Any, blocks: Any,
    task: int, row: int, rows: int, column: int, columns: int, begin: int, end: int,
) -> None:  # fmt: skip
    """Blocks begin .. end - 1 of the channels, in a band of one group of one sample; `task` counts
    (sample, group).
    """
    inputs, units, groups, x_channel, y_channel = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    step, flat, targets = sizes[5], sizes[6], frame.shape[0]
    covered = inputs * (blocks[blocks.shape[0] - 1, 0] + blocks[blocks.shape[0] - 1, 1])
    _bring(x, task * inputs * x_channel, space, sizes, planes, brought, row, rows, column, columns)
    length = (rows - 1) * flat + sizes[13] + columns
    for block in range(begin, end):
        channels, first = blocks[block, 0], blocks[block, 1]
        y_at = (task * units + first) * y_channel
        for phase in range(phases.shape[0]):
            for target in range(targets):
                part = parts[phase * targets + target]
                w_at = (task % groups * taps.size + part[0]) * covered + inputs * part[1] * first
                at = target * channels * distance
                _sum(space, taps, part, inputs, step, w, w_at, channels, sums, at, distance, length)
            _write(
                sums, distance, channels, y, y_at, y_channel, min(channels, units - first), flat,
                frame, phases[phase], written, row, rows, column, columns,
            )  # fmt: skip
