"""A correlation of stride 1 computed block by block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ...assembly import grouped_kernel
from ...geometry import ConvGeometry, positions_axis
from ...threads import lock, run_blas
from ..extension import extend, fold, folding
from .plan import Chunk, Plan, schedule
from .spectra import arranged, inverse, mixed, transform


class Correlation:
    """C or C^T of one kernel by overlap-save."""

    def __init__(self, geometry: ConvGeometry, plan: Plan, weight: NDArray[Any]) -> None:
        self.geometry, self.plan, self.weight = geometry, plan, weight
        self._spectrum: NDArray[Any] | None = None
        self._lock = lock()

    @property
    def nbytes(self) -> int:
        """Bytes of the kernel's spectrum, once it is made."""
        spectrum = self._spectrum
        return 0 if spectrum is None else spectrum.nbytes

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """The product with a batch of samples with a channel axis."""
        plan, axes = self.plan, len(self.plan.lengths)
        spectrum = self.spectrum()
        x = self._apart(x) if plan.transposed else x
        result = np.empty((len(x), plan.groups, plan.out_channels, *plan.sizes), dtype=x.dtype)
        target = self._blocks(result, plan.steps, plan.counts[0])

        def compute(chunk: Chunk) -> None:
            part = transform(self._read(x, chunk), axes)
            flat = part.reshape(*part.shape[:3], math.prod(part.shape[3:-axes]), self._points)
            channels = plan.out_channels, plan.in_channels
            groups = slice(*chunk.groups)
            place = target[slice(*chunk.samples), groups, :, slice(*chunk.blocks)]
            self._place(mixed(spectrum[groups], flat, channels), place)

        with np.errstate(over="ignore", invalid="ignore"):
            run_blas(compute, schedule(plan, len(x)))
            channels = plan.groups * plan.out_channels
            return self._delivered(result.reshape(len(x), channels, *plan.sizes))

    def spectrum(self) -> NDArray[Any]:
        """The kernel's spectrum as :func:`mixed` wants it, read-only and kept."""
        with self._lock:
            if self._spectrum is None:
                plan = self.plan
                kernel = grouped_kernel(self.geometry, self.weight, plan.transposed)
                circle = np.zeros((*kernel.shape[:3], *plan.lengths), dtype=kernel.dtype)
                entries: Any = (..., *np.ix_(*self._entries()))
                circle[entries] = kernel
                spectrum = transform(circle, len(plan.lengths))
                spectrum = arranged(spectrum.reshape(*kernel.shape[:3], -1))
                spectrum.flags.writeable = False
                self._spectrum = spectrum
            return self._spectrum

    def _entries(self) -> list[NDArray[Any]]:
        """Where on the circle of each axis the taps are, against the direction of reading."""
        found = []
        for line, length in zip(self.plan.lines, self.plan.lengths, strict=True):
            taps = line.axis.dilation * np.arange(line.axis.k)
            found.append(-(line.extent - 1 - taps if self.plan.transposed else taps) % length)
        return found

    @property
    def _is_real(self) -> bool:
        return self.weight.dtype.kind != "c"

    @property
    def _frequencies(self) -> tuple[int, ...]:
        """Number of frequencies along each axis."""
        lengths = self.plan.lengths
        return (*lengths[:-1], lengths[-1] // 2 + 1) if self._is_real else lengths

    @property
    def _points(self) -> int:
        return math.prod(self._frequencies)

    def _read(self, x: NDArray[Any], chunk: Chunk) -> NDArray[Any]:
        """The overlapping blocks that one chunk reads: (batch, groups, in_channels, *counts,
        *lengths).
        """
        plan = self.plan
        first, last = (number * plan.in_channels for number in chunk.groups)
        part = x[slice(*chunk.samples), first:last]
        rows = chunk.blocks[1] - chunk.blocks[0]
        starts = (chunk.blocks[0] * plan.steps[0], *(0 for _ in plan.lines[1:]))
        axes, extents = [], plan.extents(rows)
        for line, start, extent in zip(plan.lines, starts, extents, strict=True):
            axis = line.reads
            stop = min(axis.first + start + extent, axis.last + 1)
            axes.append(positions_axis(axis.n_in, axis.first + start, stop, axis.mode))
        wide = extend(axes, part, extents)
        wide = wide.reshape(len(part), -1, plan.in_channels, *wide.shape[2:])
        return self._blocks(wide, plan.lengths, rows)

    def _apart(self, y: NDArray[Any]) -> NDArray[Any]:
        """y with its samples a stride apart, and zeros between."""
        strides = [line.axis.stride for line in self.plan.lines]
        if max(strides) == 1:
            return y
        wide = np.zeros((*y.shape[:2], *(line.reads.n_in for line in self.plan.lines)), y.dtype)
        place: tuple[Any, ...] = (..., *(slice(None, None, stride) for stride in strides))
        wide[place] = y
        return wide

    def _blocks(self, array: NDArray[Any], lengths: tuple[int, ...], rows: int) -> NDArray[Any]:
        """(batch, groups, channels, *positions) as overlapping blocks: (batch, groups, channels,
        *counts, *lengths).
        """
        counts, inner = (rows, *self.plan.counts[1:]), array.strides[3:]
        steps = [stride * step for stride, step in zip(inner, self.plan.steps, strict=True)]
        return as_strided(
            array, (*array.shape[:3], *counts, *lengths), (*array.strides[:3], *steps, *inner)
        )

    def _place(self, spectra: NDArray[Any], target: NDArray[Any]) -> None:
        """The windows that the blocks give, put where they belong."""
        counts = target.shape[3 : 3 + len(self.plan.lengths)]
        spectra = spectra.reshape(*spectra.shape[:3], *counts, *self._frequencies)
        given = inverse(spectra, self.plan.lengths, self._is_real)
        kept: tuple[Any, ...] = (..., *(slice(step) for step in self.plan.steps))
        target[...] = given[kept]

    def _delivered(self, result: NDArray[Any]) -> NDArray[Any]:
        """The product of all windows given, (batch, channels, *sizes), which may be overwritten."""
        lines = self.plan.lines
        leaves = folding([line.axis for line in lines]) if self.plan.transposed else ()
        if leaves:
            return fold(leaves, result)
        steps = [1 if self.plan.transposed else line.axis.stride for line in lines]
        kept: tuple[Any, ...] = (
            ...,
            *(slice(0, line.windows, step) for line, step in zip(lines, steps, strict=True)),
        )
        return np.ascontiguousarray(result[kept])
