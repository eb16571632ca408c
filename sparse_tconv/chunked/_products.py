"""Products block by block: each output chunk is a small convolution of what its windows read."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..functional import kept_state
from ..geometry import OUTSIDE, Axis, ConvGeometry, Stretch, input_window, output_window, stretches
from ..geometry import repetitions as repeated
from ..operators import Conv, ConvTranspose
from ..threads import threads
from ._arrays import bounds, dask_array, in_one_chunk


def forward(geometry: ConvGeometry, weight: NDArray[Any], x: Any, engine: str) -> Any:
    """C x: one task per output chunk, on the window of the extended sample that it reads."""
    x = _channels_together(geometry, x)
    cuts = [
        _forward_cuts(axis, chunks)
        for axis, chunks in zip(geometry.axes, _sizes(geometry, x), strict=True)
    ]
    kernel = _shared(weight)

    def block(ranges: tuple[tuple[int, int], ...]) -> Any:
        wide, axes = x, []
        for number, (axis, (start, stop)) in enumerate(zip(geometry.axes, ranges, strict=True)):
            first, last, part = output_window(axis, start, stop)
            wide = _extended(axis, wide, number - len(geometry.axes), first, last)
            axes.append(part)
        return _mapped(replace(geometry, axes=tuple(axes)), kernel, wide, engine, Conv)

    return _assembled(cuts, block)


def transpose(geometry: ConvGeometry, weight: NDArray[Any], y: Any, engine: str) -> Any:
    """C^T y: each output chunk is the sum of what reaches it on each stretch that repeats it."""
    y = _channels_together(geometry, y)
    cuts = [
        _transposed_cuts(axis, chunks)
        for axis, chunks in zip(geometry.axes, _sizes(geometry, y), strict=True)
    ]
    kernel = _shared(weight)

    def block(ranges: tuple[tuple[int, int], ...]) -> Any:
        runs = [repeated(axis, *span) for axis, span in zip(geometry.axes, ranges, strict=True)]
        parts = [
            _reaching(geometry, kernel, y, combination, ranges, engine)
            for combination in product(*runs)
        ]
        reached = [part for part in parts if part is not None]
        if not reached:
            return _zeros(geometry, y, ranges, np.result_type(y.dtype, weight.dtype))
        return sum(reached[1:], start=reached[0])

    return _assembled(cuts, block)


def _reaching(
    geometry: ConvGeometry,
    kernel: Any,
    y: Any,
    runs: tuple[Stretch, ...],
    ranges: tuple[tuple[int, int], ...],
    engine: str,
) -> Any:
    """What reaches an output chunk on one combination of stretches, in the chunk's shape."""
    axes, spans = [], []
    for axis, run in zip(geometry.axes, runs, strict=True):
        start, stop, part = input_window(axis, run.start, run.stop)
        if part is None:
            return None
        axes.append(part)
        spans.append(slice(start, stop))
    window = in_one_chunk(y[(..., *spans)], range(y.ndim - len(spans), y.ndim))
    part = _mapped(replace(geometry, axes=tuple(axes)), kernel, window, engine, ConvTranspose)
    size = tuple(stop - start for start, stop in ranges)
    if all(run.step == 1 and run.stop - run.start == n for run, n in zip(runs, size, strict=True)):
        return part
    targets = [
        (run.sample - start, run.stop - run.start, run.step)
        for run, (start, _) in zip(runs, ranges, strict=True)
    ]
    chunks = (*part.chunks[: part.ndim - len(size)], *((n,) for n in size))
    return part.map_blocks(
        _placed, targets=targets, size=size, chunks=chunks, dtype=part.dtype, meta=_meta(part)
    )


def _placed(
    block: NDArray[Any], targets: list[tuple[int, int, int]], size: tuple[int, ...]
) -> NDArray[Any]:
    """A block put where its stretches' samples are in a chunk of zeros; a step of 0 sums."""
    lead = block.ndim - len(size)
    index: list[Any] = [slice(None)] * lead
    for number, (sample, count, step) in enumerate(targets, lead):
        if step == 0:
            block, count = block.sum(axis=number, keepdims=True, dtype=block.dtype), 1
        elif step < 0:
            block, sample = np.flip(block, axis=number), sample - count + 1
        index.append(slice(sample, sample + count))
    out = np.zeros((*block.shape[:lead], *size), dtype=block.dtype)
    out[tuple(index)] = block
    return out


def _extended(axis: Axis, x: Any, number: int, first: int, last: int) -> Any:
    """Positions [first, last) of the extended array along one axis, in one chunk."""
    da = dask_array()
    pieces = []
    for run in stretches(axis.mode, axis.n_in, first, last):
        shape = list(x.shape)
        shape[number] = run.stop - run.start
        if run.sample == OUTSIDE:
            pieces.append(
                da.zeros(shape, dtype=x.dtype, chunks=_one(x, number, run.stop - run.start))
            )
            continue
        index = [slice(None)] * x.ndim
        index[number] = run.samples
        piece = x[tuple(index)]
        pieces.append(piece if run.step else da.repeat(piece, run.stop - run.start, axis=number))
    joined = pieces[0] if len(pieces) == 1 else da.concatenate(pieces, axis=number)
    return joined.rechunk({number % x.ndim: -1})


def _one(x: Any, number: int, size: int) -> tuple[tuple[int, ...], ...]:
    """The chunks of x with one axis in a single chunk of `size`."""
    chunks = list(x.chunks)
    chunks[number] = (size,)
    return tuple(chunks)


def _mapped(geometry: ConvGeometry, kernel: Any, window: Any, engine: str, cls: Any) -> Any:
    """The product of a small geometry with a window, batch chunk by batch chunk."""
    shape = geometry.x_shape if cls is ConvTranspose else geometry.y_shape
    lead = window.chunks[: window.ndim - len(shape)]
    dtype = np.result_type(window.dtype, kernel.dtype)
    chunks = (*lead, *((n,) for n in shape))
    return window.map_blocks(
        _multiplied,
        kernel.value,
        geometry=geometry,
        engine=engine,
        cls=cls,
        chunks=chunks,
        dtype=dtype,
        meta=np.empty((0,) * window.ndim, dtype=dtype),
    )


def _multiplied(
    block: NDArray[Any], weight: NDArray[Any], geometry: ConvGeometry, engine: str, cls: Any
) -> NDArray[Any]:
    """One task: the operator of this small geometry, kept in the process, with one thread of ours."""
    with threads(1):
        _, state = kept_state(geometry, weight, engine)
        return np.asarray(cls._of(state, False).apply(block))


class _shared:  # a value with the dtype that a Delayed lacks
    """A kernel as one node of the graph, so that tasks refer to it and do not repeat it."""

    def __init__(self, weight: NDArray[Any]) -> None:
        from dask import delayed

        self.dtype = weight.dtype
        self.value = delayed(weight, pure=True)


def _channels_together(geometry: ConvGeometry, x: Any) -> Any:
    """The array with its channel axis in one chunk: every output channel reads a whole group."""
    if not geometry.channels:
        return x
    return in_one_chunk(x, range(x.ndim - len(geometry.axes) - 1, x.ndim - len(geometry.axes)))


def _sizes(geometry: ConvGeometry, x: Any) -> tuple[tuple[int, ...], ...]:
    """The chunks of the spatial axes."""
    chunks: tuple[tuple[int, ...], ...] = x.chunks[x.ndim - len(geometry.axes) :]
    return chunks


def _forward_cuts(axis: Axis, chunks: tuple[int, ...]) -> list[int]:
    """Output chunks whose windows start in the same input chunk."""
    inner = (-(-(at + axis.before) // axis.stride) for at in bounds(chunks)[1:-1])
    return sorted({0, axis.n_out, *(at for at in inner if 0 < at < axis.n_out)})


def _transposed_cuts(axis: Axis, chunks: tuple[int, ...]) -> list[int]:
    """Output chunks where the windows of an input chunk start."""
    inner = (at * axis.stride - axis.before for at in bounds(chunks)[1:-1])
    return sorted({0, axis.n_in, *(at for at in inner if 0 < at < axis.n_in)})


def _assembled(cuts: list[list[int]], block: Any) -> Any:
    """The array of all blocks."""
    da = dask_array()

    def nested(done: tuple[tuple[int, int], ...]) -> Any:
        if len(done) == len(cuts):
            return block(done)
        parts = [nested((*done, span)) for span in pairwise(cuts[len(done)])]
        axis = len(done) - len(cuts)
        return parts[0] if len(parts) == 1 else da.concatenate(parts, axis=axis)

    return nested(())


def _zeros(geometry: ConvGeometry, y: Any, ranges: tuple[tuple[int, int], ...], dtype: Any) -> Any:
    """A chunk that no window reaches."""
    lead = y.ndim - len(geometry.y_shape)
    size = tuple(stop - start for start, stop in ranges)
    channels = (geometry.x_channels,) if geometry.channels else ()
    shape = (*y.shape[:lead], *channels, *size)
    chunks = (*y.chunks[:lead], *((n,) for n in (*channels, *size)))
    return dask_array().zeros(shape, dtype=dtype, chunks=chunks)


def _meta(x: Any) -> NDArray[Any]:
    return np.empty((0,) * x.ndim, dtype=x.dtype)
