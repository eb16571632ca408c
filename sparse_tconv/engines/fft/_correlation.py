"""A correlation of stride 1 computed block by block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from ...threads import lock, num_threads, run_blas
from .plan import Plan, every
from .schedule import Chunk, schedule
from .spectra import arranged, inverse, mixed, paired, transform


class Correlation:
    """C or C^T of one kernel, or its transpose in the kernel, by overlap-save.

    Parameters
    ----------
    plan : Plan
        The correlation and its cut.
    weight : array of ``geometry.weight_shape``
        The kernel.
    """

    def __init__(self, plan: Plan, weight: NDArray[Any]) -> None:
        self.plan, self.unit, self.weight = plan, plan.unit, weight
        self._spectrum: NDArray[Any] | None = None
        self._lock = lock()

    @property
    def nbytes(self) -> int:
        """Bytes of the kernel's spectrum, once it is made."""
        spectrum = self._spectrum
        return 0 if spectrum is None else spectrum.nbytes

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """The product with a batch of samples with a channel axis."""
        plan, unit = self.plan, self.unit
        spectrum = self.spectrum()
        sizes = tuple(step * count for step, count in zip(plan.steps, plan.counts, strict=True))
        result = unit.room(len(x), sizes, x.dtype)
        target = self._blocks(result, plan.steps)

        def compute(chunk: Chunk) -> None:
            part = transform(self._read(x, chunk), len(plan.lengths))
            part = mixed(
                spectrum[slice(*chunk.groups)],
                _flat(part, len(plan.lengths)),
                (unit.out_channels, unit.in_channels),
            )
            self._place(part, target[_where(chunk)])

        with np.errstate(over="ignore", invalid="ignore"):
            run_blas(compute, schedule(plan, len(x)))
        return unit.deliver(result)

    def gradient(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        """The sum over windows of y times what each entry of the kernel reads: (groups,
        out_channels, in_channels, *kernel_size).
        """
        plan, unit = self.plan, self.unit
        sizes = [step * count for step, count in zip(plan.steps, plan.counts, strict=True)]
        data = np.zeros((len(x), unit.groups, unit.out_channels, *sizes), dtype=y.dtype)
        data[every(unit.windows)] = y.reshape(len(y), unit.groups, unit.out_channels, *unit.windows)
        windows = self._blocks(data, plan.steps)
        chunks, axes = schedule(plan, len(x)), len(plan.lengths)
        parts = min(num_threads(), max(len(chunks), 1))
        # Each part adds up its own share, so that the order of sums is fixed.
        shape = (parts, unit.groups, unit.out_channels, unit.in_channels, self._points)
        totals = np.zeros(shape, dtype=self._spectrum_dtype)

        def compute(number: int) -> None:
            for chunk in chunks[number::parts]:
                part = windows[_where(chunk)]
                padded = np.zeros((*part.shape[:-axes], *plan.lengths), dtype=part.dtype)
                padded[every(plan.steps)] = part
                # Without a conjugate in the sum, the spectrum of y is wanted at minus the
                # frequency.
                reverse = transform(padded.conj(), axes).conj()
                other = transform(self._read(x, chunk), axes)
                totals[number, slice(*chunk.groups)] += paired(
                    _flat(reverse, axes), _flat(other, axes)
                )

        run_blas(compute, range(parts))
        return self._entries(totals.sum(axis=0))

    def spectrum(self) -> NDArray[Any]:
        """The kernel's spectrum as :func:`mixed` wants it, read-only and kept."""
        with self._lock:
            if self._spectrum is None:
                kernel = self.unit.kernel(self.weight)
                circle = np.zeros((*kernel.shape[:3], *self.plan.lengths), dtype=kernel.dtype)
                np.add.at(circle, self._entry_places(-1), kernel)
                spectrum = transform(circle, len(self.plan.lengths))
                spectrum = arranged(spectrum.reshape(*kernel.shape[:3], -1))
                spectrum.flags.writeable = False
                self._spectrum = spectrum
            return self._spectrum

    def _entries(self, total: NDArray[Any]) -> NDArray[Any]:
        """The kernel's entries of the inverse transform."""
        lengths = self.plan.lengths
        spectrum = total.reshape(*total.shape[:3], *self._frequencies)
        return inverse(spectrum, lengths, self._is_real)[self._entry_places(1)]

    def _entry_places(self, sign: int) -> Any:
        """Where the entries of the kernel are on the circle of each axis, for or against the
        direction of reading.
        """
        lines = zip(self.unit.lines, self.plan.lengths, strict=True)
        return (
            ...,
            *np.ix_(*(sign * (np.arange(line.k) + line.origin) % length for line, length in lines)),
        )

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

    @property
    def _spectrum_dtype(self) -> np.dtype[Any]:
        return np.result_type(self.weight.dtype, np.complex64)

    def _read(self, x: NDArray[Any], chunk: Chunk) -> NDArray[Any]:
        """The overlapping blocks that one chunk reads: (batch, groups, in_channels,
        *counts, *lengths).
        """
        plan = self.plan
        each = x.shape[1] // self.unit.groups
        part = x[slice(*chunk.samples), chunk.groups[0] * each : chunk.groups[1] * each]
        rows = chunk.blocks[1] - chunk.blocks[0]
        if rows == plan.counts[0]:
            return self._blocks(self.unit.collect(part, plan.extents), plan.lengths)
        extents = (plan.lengths[0] + (rows - 1) * plan.steps[0], *plan.extents[1:])
        wide = self.unit.collect(
            part, extents, chunk.blocks[0] * plan.steps[0], rows * plan.steps[0]
        )
        return self._blocks(wide, plan.lengths, rows)

    def _blocks(
        self, array: NDArray[Any], lengths: tuple[int, ...], rows: int | None = None
    ) -> NDArray[Any]:
        """(batch, groups, channels, *positions) as overlapping blocks: (batch, groups, channels,
        *counts, *lengths).
        """
        counts = (rows or self.plan.counts[0], *self.plan.counts[1:])
        inner = array.strides[3:]
        steps = [stride * step for stride, step in zip(inner, self.plan.steps, strict=True)]
        return as_strided(
            array, (*array.shape[:3], *counts, *lengths), (*array.strides[:3], *steps, *inner)
        )

    def _place(self, spectra: NDArray[Any], target: NDArray[Any]) -> None:
        """The windows that the blocks give, put where they belong."""
        counts = target.shape[3 : 3 + len(self.plan.lengths)]
        spectra = spectra.reshape(*spectra.shape[:3], *counts, *self._frequencies)
        target[...] = inverse(spectra, self.plan.lengths, self._is_real)[every(self.plan.steps)]


def _flat(spectra: NDArray[Any], count: int) -> NDArray[Any]:
    """Spectra over the last axes, `count` of them, as (batch, groups, channels, blocks,
    frequencies).
    """
    return spectra.reshape(*spectra.shape[:3], -1, math.prod(spectra.shape[-count:]))


def _where(chunk: Chunk) -> tuple[slice, ...]:
    """A chunk as an index of samples, groups, channels and blocks."""
    return (slice(*chunk.samples), slice(*chunk.groups), slice(None), slice(*chunk.blocks))
