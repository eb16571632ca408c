"""Samples and kernels taken to the frequencies of a plan, and samples back."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ..assembly import shared_skeleton
from ._circle import wrapped
from ._plan import DENSE, FOURIER, SINE, Plan


class SampleTransform:
    """An isometry between samples (batch, *shape) and blocks (batch, group, Fourier frequency,
    cosine frequency, entry of a block).

    Parameters
    ----------
    plan : Plan
        The plan.
    taken : bool
        Whether samples are those that C takes, or those that it gives.
    """

    def __init__(self, plan: Plan, taken: bool) -> None:
        self.plan = plan
        geometry = plan.problem.geometry
        self.shape = geometry.x_shape if taken else geometry.y_shape
        channels = geometry.x_channels if taken else geometry.y_channels
        phases = dict(zip(plan.numbers(FOURIER), plan.phases(taken), strict=True))
        sizes = [axis.n_in if taken else axis.n_out for axis in geometry.axes]
        # Axes after splitting: batch, group, channel, then place (and phase) of every axis.
        self._split: list[int] = [geometry.groups, channels // geometry.groups]
        place: dict[int, int] = {}
        phase: dict[int, int] = {}
        for number, size in enumerate(sizes):
            place[number] = len(self._split) + 1
            self._split.append(size // phases.get(number, 1))
            if number in phases:
                phase[number] = len(self._split) + 1
                self._split.append(phases[number])
        kinds = [[place[number] for number in part] for part in (plan.numbers(FOURIER), plan.waves)]
        inner = [2, *phase.values(), *(place[number] for number in plan.numbers(DENSE))]
        self._order = (0, 1, *kinds[0], *kinds[1], *inner)
        self._fourier = tuple(range(2, 2 + len(kinds[0])))
        first = 2 + len(kinds[0])
        self._sine = tuple(
            axis for axis, number in enumerate(plan.waves, first) if plan.kinds[number] == SINE
        )
        last = first + len(plan.waves)
        self._cosine = tuple(axis for axis in range(first, last) if axis not in self._sine)
        self._ordered = tuple(([1, *self._split])[axis] for axis in self._order)[1:]

    def forward(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Samples to blocks."""
        plan = self.plan
        x = samples.reshape(len(samples), *self._split).transpose(self._order)
        if self._cosine:
            x = fft.dctn(x, axes=self._cosine, norm="ortho")
        if self._sine:
            x = fft.dstn(x, axes=self._sine, norm="ortho")
        if self._fourier:
            transform = fft.rfftn if plan.halved else fft.fftn
            x = transform(x, axes=self._fourier, norm="ortho")
        groups = plan.problem.kernel.shape[0]
        return np.asarray(x.reshape(len(samples), groups, plan.frequencies, plan.cosines, -1))

    def backward(self, blocks: NDArray[Any]) -> NDArray[Any]:
        """Blocks to samples."""
        plan = self.plan
        sizes = list(self._ordered)
        if plan.halved:
            last = self._fourier[-1] - 1
            sizes[last] = sizes[last] // 2 + 1
        x = blocks.reshape(len(blocks), *sizes)
        if plan.halved:
            x = fft.irfftn(x, s=plan.fourier_sizes, axes=self._fourier, norm="ortho")
        elif self._fourier:
            x = fft.ifftn(x, axes=self._fourier, norm="ortho")
        if self._cosine:
            x = fft.idctn(x, axes=self._cosine, norm="ortho")
        if self._sine:
            x = fft.idstn(x, axes=self._sine, norm="ortho")
        back = np.argsort(self._order)
        return np.ascontiguousarray(x.transpose(back)).reshape(len(blocks), *self.shape)


def kernel_blocks(plan: Plan) -> NDArray[Any]:
    """The blocks of C: (group, Fourier frequency, cosine frequency, rows, columns)."""
    kernel = _kernel_spectrum(plan)
    if plan.rest is None:
        return kernel
    skeleton = shared_skeleton(plan.rest, False, kernel.dtype)
    rows = np.repeat(np.arange(plan.rest.shape[0]), np.diff(skeleton.indptr))
    lead = kernel.shape[:3]
    blocks = np.zeros((*lead, *plan.rest.shape), dtype=kernel.dtype)
    for index in np.ndindex(*lead):
        blocks[(*index, rows, skeleton.indices)] = skeleton.values(kernel[index])
    return blocks


def _kernel_spectrum(plan: Plan) -> NDArray[Any]:
    """The kernel at each frequency: (group, Fourier frequency, cosine frequency, given, taken and
    phases, *taps of the dense axes).
    """
    kernel = plan.problem.kernel
    for number in plan.waves:
        kernel = _cosine_spectrum(plan, kernel, number)
    fourier = plan.numbers(FOURIER)
    for number in fourier:
        axis = plan.problem.geometry.axes[number]
        kernel = wrapped(kernel, number + 3, axis, axis.n_in)
    shape: list[int] = list(kernel.shape[:3])
    place: dict[int, int] = {}
    for number, size in enumerate(kernel.shape[3:]):
        place[number] = len(shape)
        windows = plan.problem.geometry.axes[number].n_out if number in fourier else size
        shape += [windows, size // windows] if number in fourier else [size]
    kernel = kernel.reshape(shape)
    outer = [place[number] for number in (*fourier, *plan.waves)]
    phases = [place[number] + 1 for number in fourier]
    taps = [place[number] for number in plan.numbers(DENSE)]
    kernel = kernel.transpose(0, *outer, 1, 2, *phases, *taps)
    if fourier:
        kernel = _correlation_spectrum(kernel, tuple(range(1, 1 + len(fourier))), plan.halved)
    given, taken = plan.problem.channels
    lead = (kernel.shape[0], plan.frequencies, plan.cosines)
    sizes = tuple(plan.problem.geometry.axes[number].k for number in plan.numbers(DENSE))
    return kernel.reshape(*lead, given, taken * prod(plan.phases(True)), *sizes)


def _correlation_spectrum(
    kernel: NDArray[Any], axes: tuple[int, ...], halved: bool
) -> NDArray[Any]:
    """``sum over q of h[q] exp(2 pi i g q / M)``: what correlating with h multiplies frequency g
    by.
    """
    if halved:
        return np.conj(fft.rfftn(kernel, axes=axes))
    return np.asarray(fft.ifftn(kernel, axes=axes, norm="forward"))


def _cosine_spectrum(plan: Plan, kernel: NDArray[Any], number: int) -> NDArray[Any]:
    """Taps that are their own mirror image, as eigenvalues in the DCT-II or DST-II basis.

    The half-sample extension has period 2n, and the taps lie on that circle as an even sequence.
    The cosines are its waves 0 .. n - 1, the sines 1 .. n.
    """
    n = plan.problem.geometry.axes[number].n_in
    even = (kernel + np.flip(kernel, axis=number + 3)) / 2
    circle = np.moveaxis(
        wrapped(even, number + 3, plan.problem.geometry.axes[number], 2 * n), number + 3, -1
    )
    if circle.dtype.kind == "c":
        spectrum = fft.fft(circle.real).real + 1j * fft.fft(circle.imag).real
    else:
        spectrum = fft.rfft(circle).real
    first = 1 if plan.kinds[number] == SINE else 0
    return np.moveaxis(spectrum[..., first : first + n], -1, number + 3)
