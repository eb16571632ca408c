"""Products block by block: each output chunk is a small convolution of what its windows read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engines import gathered
from ..geometry import Axis, ConvGeometry, Stretch, input_window, output_window, repetitions
from ..kept_products import kept_state
from ..operators import Conv, ConvTranspose
from ..threads import threads
from ._arrays import bounds, dask_array, in_one_chunk
from ._windows import Piece, Window, window

Span = tuple[int, int]


@dataclass(frozen=True)
class _Forward:
    """The task of an output chunk of C: the operator of a part of C, on one window."""

    geometry: ConvGeometry
    window: Window
    dtype: np.dtype[Any]
    engine: str

    def __call__(
        self, weight: NDArray[Any], pieces: list[NDArray[Any]], lead: list[int]
    ) -> NDArray[Any]:
        filled = self.window.filled(pieces, tuple(lead), self.dtype)
        return _multiplied(Conv, self.geometry, weight, filled, self.engine)


@dataclass(frozen=True)
class _Part:
    """What reaches an output chunk of C^T on one combination of stretches."""

    geometry: ConvGeometry
    window: Window
    stretches: tuple[Stretch, ...]  # per axis: samples counted from the chunk's first

    def add_to(self, out: NDArray[Any], block: NDArray[Any]) -> None:
        """Add what a block's positions hold to the samples that they repeat."""
        for axis, stretch in enumerate(self.stretches, block.ndim - len(self.stretches)):
            block = gathered(block, axis, stretch)
        index: tuple[Any, ...] = (..., *(stretch.samples for stretch in self.stretches))
        out[index] += block

    def fills(self, size: tuple[int, ...]) -> bool:
        """Whether it is all of a chunk, in order."""
        copies = (stretch.moved(-stretch.start) for stretch in self.stretches)
        return tuple(copies) == tuple(Stretch(0, n, 0, 1) for n in size)


@dataclass(frozen=True)
class _Transpose:
    """The task of an output chunk of C^T: the sum of what reaches it."""

    parts: tuple[_Part, ...]
    size: tuple[int, ...]
    shape: tuple[int, ...]  # of a sample of this chunk, channels included
    dtype: np.dtype[Any]
    engine: str

    def __call__(
        self, weight: NDArray[Any], pieces: list[NDArray[Any]], lead: list[int]
    ) -> NDArray[Any]:
        out: NDArray[Any] | None = None
        batch = tuple(lead[: len(lead) - (len(self.shape) - len(self.size))])
        left = iter(pieces)
        for part in self.parts:
            mine = [next(left) for _ in part.window.targets]
            filled = part.window.filled(mine, tuple(lead), self.dtype)
            block = _multiplied(ConvTranspose, part.geometry, weight, filled, self.engine)
            if out is None and part.fills(self.size):
                out = block
                continue
            if out is None:
                out = np.zeros((*batch, *self.shape), dtype=block.dtype)
            part.add_to(out, block)
        if out is None:
            return np.zeros((*batch, *self.shape), np.result_type(self.dtype, weight.dtype))
        return out


def _multiplied(
    cls: Any, geometry: ConvGeometry, weight: NDArray[Any], block: NDArray[Any], engine: str
) -> NDArray[Any]:
    """The operator of a small geometry, kept in the process, with one thread of ours."""
    with threads(1):
        _, state = kept_state(geometry, weight, engine)
        return np.asarray(cls.of(state).apply(block))


def forward(geometry: ConvGeometry, weight: NDArray[Any], x: Any, engine: str) -> Any:
    """C x: one task per output chunk, on the window of the extended sample that it reads."""
    x = _channels_together(geometry, x)
    chunked = _bounds(geometry, x)
    modes = [axis.mode for axis in geometry.axes]

    def task(spans: tuple[Span, ...]) -> tuple[_Forward, list[Piece]]:
        read = [output_window(*part) for part in _each(geometry, spans)]
        part = replace(geometry, axes=tuple(axis for _, _, axis in read))
        filled, pieces = window(modes, chunked, [(first, last) for first, last, _ in read])
        return _Forward(part, filled, x.dtype, engine), pieces

    cuts = [_forward_cuts(*axis) for axis in zip(geometry.axes, chunked, strict=True)]
    return _array("conv", geometry, weight, x, engine, cuts, geometry.y_channels, task)


def transpose(geometry: ConvGeometry, weight: NDArray[Any], y: Any, engine: str) -> Any:
    """C^T y: each output chunk is the sum of what reaches it on each stretch that repeats it."""
    y = _channels_together(geometry, y)
    chunked = _bounds(geometry, y)
    channels = (geometry.x_channels,) if geometry.channels else ()

    def task(spans: tuple[Span, ...]) -> tuple[_Transpose, list[Piece]]:
        reached = [
            part
            for runs in product(*(repetitions(*part) for part in _each(geometry, spans)))
            if (part := _reaching(geometry, chunked, runs, spans)) is not None
        ]
        size = tuple(stop - start for start, stop in spans)
        parts = tuple(part for part, _ in reached)
        done = _Transpose(parts, size, (*channels, *size), y.dtype, engine)
        return done, [piece for _, pieces in reached for piece in pieces]

    cuts = [_transposed_cuts(*axis) for axis in zip(geometry.axes, chunked, strict=True)]
    return _array("conv_transpose", geometry, weight, y, engine, cuts, geometry.x_channels, task)


def _reaching(
    geometry: ConvGeometry,
    chunked: Sequence[Sequence[int]],
    runs: tuple[Stretch, ...],
    spans: tuple[Span, ...],
) -> tuple[_Part, list[Piece]] | None:
    """What reaches an output chunk on one combination of stretches; None if nothing does."""
    axes, read, there = [], [], []
    for axis, run, (start, _) in zip(geometry.axes, runs, spans, strict=True):
        first, last, part = input_window(axis, run.start, run.stop)
        if part is None:
            return None
        axes.append(part)
        read.append((first, last))
        there.append(run.moved(0, -start))
    filled, pieces = window(["zeros"] * len(axes), chunked, read)
    return _Part(replace(geometry, axes=tuple(axes)), filled, tuple(there)), pieces


def _array(
    verb: str,
    geometry: ConvGeometry,
    weight: NDArray[Any],
    x: Any,
    engine: str,
    cuts: Sequence[Sequence[int]],
    channels: int,
    task: Callable[[tuple[Span, ...]], tuple[Any, list[Piece]]],
) -> Any:
    """The lazy array whose chunks lie between `cuts`, each made by its task from pieces of `x`."""
    from dask import delayed
    from dask.base import tokenize
    from dask.highlevelgraph import HighLevelGraph

    kernel = delayed(weight, pure=True)  # one node, that tasks refer to and do not repeat
    name = f"{verb}-{tokenize(x.name, geometry, weight, engine)}"
    lead = x.chunks[: x.ndim - len(geometry.axes)]
    layer: dict[Any, Any] = {}
    numbered = product(*(list(enumerate(pairwise(axis))) for axis in cuts))
    for block in numbered:
        made, pieces = task(tuple(span for _, span in block))
        for place in np.ndindex(*map(len, lead)):
            shape = [sizes[number] for sizes, number in zip(lead, place, strict=True)]
            keys = [_piece_key(layer, name, x, place, piece) for piece in pieces]
            key = (name, *place, *(number for number, _ in block))
            layer[key] = (made, kernel.key, keys, shape)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=[x, kernel])
    sizes = tuple(tuple(stop - start for start, stop in pairwise(axis)) for axis in cuts)
    batch = lead[:-1] if geometry.channels else lead
    outer = (*batch, (channels,)) if geometry.channels else batch
    dtype = np.result_type(x.dtype, weight.dtype)
    return dask_array().Array(graph, name, chunks=(*outer, *sizes), dtype=dtype)


def _piece_key(
    layer: dict[Any, Any], name: str, x: Any, place: tuple[int, ...], piece: Piece
) -> tuple[Any, ...]:
    """The key of a piece of x: a chunk itself where it is all of one, else a slice made once."""
    from dask.array.chunk import getitem  # copies small slices, so that the chunk can go

    chunk = (x.name, *place, *piece.chunk)
    sizes = zip(x.chunks[len(place) :], piece.chunk, strict=True)
    if piece.source == tuple(slice(0, axis[number]) for axis, number in sizes):
        return chunk
    cut = tuple((part.start, part.stop, part.step) for part in piece.source)
    key = (f"{name}-piece", *place, *piece.chunk, str(cut))
    layer.setdefault(key, (getitem, chunk, (*(slice(None),) * len(place), *piece.source)))
    return key


def _each(geometry: ConvGeometry, spans: tuple[Span, ...]) -> list[tuple[Axis, int, int]]:
    """The axes with their spans."""
    return [(axis, *span) for axis, span in zip(geometry.axes, spans, strict=True)]


def _channels_together(geometry: ConvGeometry, x: Any) -> Any:
    """The array with its channel axis in one chunk: every output channel reads a whole group."""
    if not geometry.channels:
        return x
    return in_one_chunk(x, range(x.ndim - len(geometry.axes) - 1, x.ndim - len(geometry.axes)))


def _bounds(geometry: ConvGeometry, x: Any) -> list[list[int]]:
    """Where the chunks of each spatial axis begin, and where the last one ends."""
    return [bounds(chunks) for chunks in x.chunks[x.ndim - len(geometry.axes) :]]


def _forward_cuts(axis: Axis, chunked: Sequence[int]) -> list[int]:
    """Output chunks whose windows start in the same input chunk."""
    inner = (-(-(at + axis.before) // axis.stride) for at in chunked[1:-1])
    return sorted({0, axis.n_out, *(at for at in inner if 0 < at < axis.n_out)})


def _transposed_cuts(axis: Axis, chunked: Sequence[int]) -> list[int]:
    """Output chunks where the windows of an input chunk start."""
    inner = (axis.position(at) for at in chunked[1:-1])
    return sorted({0, axis.n_in, *(at for at in inner if 0 < at < axis.n_in)})
