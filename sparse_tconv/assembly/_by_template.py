"""The arrays of a CSR matrix from its template: a few long copies each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..pattern import MatrixPattern
from ..threads import num_threads, run
from ._kernel import kernel_by_rows, kernels_by_rows
from ._repeat import cut, place, repeat
from ._template import Step, Template

_LONG = 1 << 8  # entries: shorter stretches are doubled until they are long
_TOGETHER = 1 << 17  # entries of several channel rows that are written in one go
_NEW = 1 << 14  # of these, entries of the template
_LITTLE = 1 << 17  # bytes of sums of taps that are made in one go
_SHARED = 1 << 25  # bytes from which threads share the writing


@dataclass(frozen=True, eq=False)
class ByTemplate:
    """Makes the arrays of matrices of one pattern from its template."""

    pattern: MatrixPattern
    template: Template

    def indices(self, dtype: DTypeLike) -> NDArray[Any]:
        """Column indices of the matrix, ascending in every row."""
        pattern, made = self.pattern, self.template
        channels = pattern.row_channels
        flat = np.empty((channels, made.size), dtype=dtype)
        for step in made.steps:
            stretch = flat[:1, step.target : step.target + step.size * step.count]
            first = made.columns[None, step.entry : step.entry + step.size]
            _write(stretch, first if step.leaf >= 0 else None, step.count, step.shift)
        if channels > 1:
            groups = np.arange(1, channels) // (channels // pattern.geometry.groups)
            group_cols = groups * (pattern.shape[1] // pattern.geometry.groups)
            np.add(flat[0], group_cols[:, None].astype(dtype), out=flat[1:])
        return flat.reshape(-1)

    def indptr(self, dtype: DTypeLike) -> NDArray[Any]:
        """Row pointer of the matrix."""
        made = self.template
        channels = self.pattern.row_channels
        indptr = np.empty(channels * made.rows + 1, dtype=dtype)
        indptr[0] = 0
        ends = indptr[1:].reshape(channels, made.rows)
        for step in made.steps:
            stretch = ends[:1, step.row : step.row + step.rows * step.count]
            first = None
            if step.leaf >= 0:
                leaf = made.ends[None, step.leaf + 1 : step.leaf + step.rows + 1]
                first = (leaf + (step.target - step.entry)).astype(dtype)
            _write(stretch, first, step.count, step.size)
        if channels > 1:
            offsets = np.arange(1, channels, dtype=dtype) * indptr.dtype.type(made.size)
            np.add(ends[0], offsets[:, None], out=ends[1:])
        return indptr

    def values(self, weight: NDArray[Any]) -> NDArray[Any]:
        """Values of the matrix in the weight's dtype, in the order of :meth:`indices`.

        Most of the time of a large array goes into its first touch: threads share it, by channels
        where there are enough of them.
        """
        made, channels = self.template, self.pattern.row_channels
        each = made.numbers * self.pattern.col_channels * weight.itemsize
        small = channels * made.size <= _TOGETHER and channels * each <= _LITTLE
        if small and len(made.steps) == made.steps[0].count == 1:
            kernel = made.kernel(kernel_by_rows(self.pattern, weight))
            return kernel.take(made.sources, axis=1).reshape(-1)
        flat = np.empty((channels, made.size), dtype=weight.dtype)
        workers = num_threads() if flat.nbytes >= _SHARED else 1
        for rows, kernel in kernels_by_rows(self.pattern, weight, each):
            self._share(made.kernel(kernel), flat[rows], workers)
        return flat.reshape(-1)

    def _share(self, kernel: NDArray[Any], flat: NDArray[Any], workers: int) -> None:
        """The values of some channel rows, shared by threads."""
        made = self.template
        if len(flat) < workers:
            for channel in range(len(flat)):
                rows = slice(channel, channel + 1)
                self._fill(kernel[rows], flat[rows], workers)
            return
        together = min(_TOGETHER // max(1, made.size), _NEW // max(1, made.sources.size))
        together = max(1, together)

        def fill(ends: tuple[int, int]) -> None:
            for first in range(*ends, together):
                rows = slice(first, min(first + together, ends[1]))
                self._fill(kernel[rows], flat[rows], 1)

        run(fill, cut(len(flat), workers))

    def _fill(self, kernel: NDArray[Any], flat: NDArray[Any], workers: int) -> None:
        """The values of some channel rows."""
        steps = self.template.steps
        if len(steps) == steps[0].count == 1:  # all rows are new: in place
            kernel.take(self.template.sources, axis=1, out=flat, mode="clip")
            return
        leaf = kernel.take(self.template.sources, axis=1)
        for step in steps:
            stretch = flat[:, step.target : step.target + step.size * step.count]
            first = leaf[:, step.entry : step.entry + step.size] if step.leaf >= 0 else None
            if workers > 1 and stretch.nbytes >= _SHARED:
                _share(stretch, first, step, workers)
            else:
                _write(stretch, first, step.count, 0)


def _write(stretch: NDArray[Any], first: NDArray[Any] | None, count: int, shift: int) -> None:
    """Write `count` equal parts of a stretch, shape (channel rows, entries), each plus `shift`; the
    first is given, or there already.
    """
    if first is None:
        repeat(stretch, count, shift)
    elif count == 1:
        stretch[...] = first
    elif first.shape[1] >= _LONG:
        parts = stretch.reshape(len(stretch), count, -1)
        place(first[:, None], np.arange(count)[:, None], shift, parts)
    else:
        stretch[:, : first.shape[1]] = first
        repeat(stretch, count, shift)


def _share(stretch: NDArray[Any], first: NDArray[Any] | None, step: Step, workers: int) -> None:
    """Write the values of one step, its repetitions shared by threads."""
    source = stretch[:, : step.size].copy() if first is None else first

    def fill(ends: tuple[int, int]) -> None:
        part = stretch[:, ends[0] * step.size : ends[1] * step.size]
        _write(part, source, ends[1] - ends[0], 0)

    run(fill, cut(step.count, workers))
