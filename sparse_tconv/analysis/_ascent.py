"""A lower bound of a norm that starts from the wave amplified most, and stops as soon as it will do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from ..geometry import Axis
from ..operators import ConvOperator
from ..spectral import circle_stride
from ._symbol import Peak

_NOISE = 1e-3  # in the start, so that no direction is missing
_PATIENCE = 8  # steps that must have gained something
_DEPENDENT = 1e-14  # of a direction in the span of the others, in squared norm


def start_of(peak: Peak, op: ConvOperator) -> NDArray[Any]:
    """The wave on the samples of an operator, fading towards borders with zeros: a flat vector."""
    noise = np.random.default_rng(0).standard_normal(op.in_shape)
    if not peak.angles:
        return noise.reshape(-1)
    found: NDArray[Any] = peak.amplitudes
    for number, axis in enumerate(op.geometry.axes):
        stride, used = peak.phases[number]
        position = np.arange(axis.n_in) + (0 if circle_stride(axis) else axis.before)
        wave = np.exp(1j * peak.angles[number] * (position // stride)) * _fading(axis)
        place = np.searchsorted(used, position % stride)
        place = np.minimum(place, len(used) - 1)
        wave = np.where(np.array(used)[place] == position % stride, wave, 0)
        found = np.moveaxis(np.take(found, place, axis=number + 1), number + 1, -1)
        found = np.moveaxis(found * wave, -1, number + 1)
    if op.dtype.kind != "c":
        found = max(found.real, found.imag, key=np.linalg.norm)
    share = _NOISE * float(np.linalg.norm(found)) / float(np.linalg.norm(noise))
    start = ((share or 1.0) * noise).astype(found.dtype)
    start[peak.group * len(found) : (peak.group + 1) * len(found)] += found
    return start.reshape(-1)


def _fading(axis: Axis) -> NDArray[np.float64]:
    """The first eigenvector of a second difference with zeros around, or one that is constant."""
    if axis.mode != "zeros" or circle_stride(axis):
        return np.ones(axis.n_in)
    return np.sin(np.pi * np.arange(1, axis.n_in + 1) / (axis.n_in + 1))


def ascent(
    product: Callable[[NDArray[Any]], NDArray[Any]],
    start: NDArray[Any],
    enough: float,
    gain: float,
    most_steps: int,
) -> NDArray[Any]:
    """A vector x whose Rayleigh quotient with a positive semi-definite map is large: up to
    `enough`, or until steps gain less than a share `gain` of it.

    Each step takes the best of the span of x, its residual and the last direction: a locally
    optimal conjugate gradient, at one product (A. V. Knyazev, "Toward the optimal preconditioned
    eigensolver", SIAM J. Sci. Comput. 23 (2001), algorithm 4.1 without a preconditioner).
    """
    x = start / np.linalg.norm(start)
    images = [product(x)]
    span = [x]
    values: list[float] = []
    for _ in range(most_steps):
        value = float(np.vdot(span[0], images[0]).real)
        values.append(value)
        stalled = len(values) > _PATIENCE and value - values[-1 - _PATIENCE] <= gain * value
        residual = images[0] - value * span[0]
        size = float(np.linalg.norm(residual))
        if value >= enough or stalled or size <= _DEPENDENT * abs(value):
            break
        span.insert(1, residual / size)
        images.insert(1, product(span[1]))
        span, images = _best(span, images)
    return span[0]


def _best(span: list[NDArray[Any]], images: list[NDArray[Any]]) -> Any:
    """The vector of the largest quotient in a span, and what was added to the first to reach it."""
    basis, image = np.stack(span, axis=1), np.stack(images, axis=1)
    overlap = basis.conj().T @ basis
    sizes, turn = eigh(overlap)
    kept = sizes > _DEPENDENT * sizes[-1]
    turn = turn[:, kept] / np.sqrt(sizes[kept])
    small = turn.conj().T @ (basis.conj().T @ image) @ turn
    best = turn @ eigh((small + small.conj().T) / 2)[1][:, -1]
    step = best.copy()
    step[0] = 0
    length = float(np.sqrt(np.vdot(step, overlap @ step).real)) or 1.0
    together = np.stack([best, step / length], axis=1)
    return list((basis @ together).T), list((image @ together).T)
