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
from ._vectors import inside, lanes, load, load_inside, number, put, single, store, store_inside
from ._weaving import weave

_MOST, _SOME = SHAPES[0][0], SHAPES[1][0]
_VECTORS_OF_MOST, _VECTORS_OF_SOME, _VECTORS_OF_FEW = (shape[1] for shape in SHAPES)


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
    if modulus == 2:  # a step that the compiler knows becomes a shuffle of vectors
        for k in range(stop - start):
            put(space, at + start + k, number(x, x_at + 2 * k))
    else:
        for k in range(stop - start):
            put(space, at + start + k, number(x, x_at + modulus * k))


@called
def _bring(
    x: Any, x_at: int, space: Any, sizes: Any, planes: Any, middles: Any,
    row: int, rows: int, column: int, columns: int,
) -> None:  # fmt: skip
    """What the outputs of `rows` rows and `columns` columns read of one group, in ascending
    places: what a row writes beyond its end is written again by the next.
    """
    inputs, x_channel, step, flat = sizes[0], sizes[3], sizes[5], sizes[6]
    low, spread, n_rows, modulus, x_row = sizes[7], sizes[8], sizes[9], sizes[10], sizes[11]
    first, length, modulus_last = column + sizes[12], sizes[14], sizes[15]
    width = columns + sizes[13]
    for channel in range(inputs):
        for plane in range(planes.shape[0]):
            residue, begin, end = planes[plane, 2], planes[plane, 3], planes[plane, 4]
            stop = min(width, (length - residue + modulus_last - 1) // modulus_last - first)
            start = min(max(0, -first), max(stop, 0))
            stop = max(start, stop)
            for r in range(rows + spread):
                line = planes[plane, 1] + modulus * (row + low + r)
                at = channel * step + planes[plane, 0] + r * flat
                x_line = x_at + channel * x_channel + line * x_row
                for m in range(begin, end):
                    read = 0 <= line < n_rows and middles[m, 1] >= 0
                    x_start = x_line + middles[m, 1] + residue + modulus_last * (first + start)
                    _bring_row(
                        x, x_start, modulus_last, start, stop if read else start,
                        space, at + middles[m, 0], width,
                    )  # fmt: skip


@inlined
def _write_row(sums: Any, at: int, y: Any, y_at: int, count: int) -> None:
    """A row of sums to where it belongs."""
    zero = single(sums)
    k = 0
    while k + lanes(zero) <= count:
        store(y, y_at + k, load(sums, at + k, zero))
        k += lanes(zero)
    if k < count:
        mask = inside(zero, k, 0, count)
        store_inside(y, y_at + k, load_inside(sums, at + k, zero, mask), mask)


@called
def _write(
    sums: Any, distance: int, channels: int, y: Any, y_at: int, y_channel: int, used: int,
    y_row: int, flat: int, frame: Any, phase: Any, places: Any,
    row: int, rows: int, column: int, columns: int,
) -> None:  # fmt: skip
    """The sums of one phase of the outer axes, for the `used` channels of a block."""
    for m in range(used):
        for r in range(min(rows, phase[2] - row)):
            for place in range(phase[3], phase[4]):
                at = m * distance + r * flat + places[place, 0]
                to = y_at + m * y_channel + (phase[0] + phase[1] * (row + r)) * y_row
                to += places[place, 1]
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
    tap, count = part[1], part[2]
    if channels == _MOST:
        p = 0
        while p + 2 * width < length:
            sums_of_most(space, p, taps, tap, count, inputs, step, w, w_at, sums, at + p, distance)
            p += _VECTORS_OF_MOST * width
        if p + width < length:
            two_of_most(space, p, taps, tap, count, inputs, step, w, w_at, sums, at + p, distance)
        elif p < length:
            one_of_most(space, p, taps, tap, count, inputs, step, w, w_at, sums, at + p, distance)
    elif channels == _SOME:
        for p in range(0, length, _VECTORS_OF_SOME * width):
            sums_of_some(space, p, taps, tap, count, inputs, step, w, w_at, sums, at + p, distance)
    else:
        for p in range(0, length, _VECTORS_OF_FEW * width):
            sums_of_few(space, p, taps, tap, count, inputs, step, w, w_at, sums, at + p, distance)


@compiled
def blocked(
    x: Any, w: Any, y: Any, space: Any, sums: Any, distance: int,
    sizes: Any, planes: Any, middles: Any, taps: Any, parts: Any, phases: Any, places: Any,
    frame: Any, blocks: Any,
    task: int, row: int, rows: int, column: int, columns: int, begin: int, end: int,
) -> None:  # fmt: skip
    """Blocks begin .. end - 1 of the channels, in a band of one group of one sample; `task` counts
    (sample, group).
    """
    inputs, units, groups, x_channel, y_channel = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    step, flat, w_group, y_row = sizes[5], sizes[6], sizes[17], sizes[18]
    _bring(x, task * inputs * x_channel, space, sizes, planes, middles, row, rows, column, columns)
    length = (rows - 1) * flat + sizes[16] + columns
    for block in range(begin, end):
        channels, first = blocks[block, 0], blocks[block, 1]
        y_at = (task * units + first) * y_channel
        for phase in range(phases.shape[0]):
            for lane in range(frame.shape[0]):
                part = parts[phase * frame.shape[0] + lane]
                w_at = task % groups * w_group + part[0] + inputs * part[2] * first
                at = lane * channels * distance
                _sum(space, taps, part, inputs, step, w, w_at, channels, sums, at, distance, length)
            _write(
                sums, distance, channels, y, y_at, y_channel, min(channels, units - first), y_row,
                flat, frame, phases[phase], places, row, rows, column, columns,
            )  # fmt: skip
