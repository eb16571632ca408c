"""Recognize a convolution in its matrix."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from .._space import Shape
from ._nearness import near
from ._stencil import MODES, Stencil

__all__ = ["fit", "interior", "interior_windows"]

MAX_ENTRIES = 10_000_000  # products behind one guess
NOISE = 1e-9  # entries this small next to the largest do not shape the window


def fit(matrix: sp.csr_array, out_shape: Shape, in_shape: Shape, rtol: float) -> Stencil | None:
    """Return the convolution that a matrix is, or None.

    As many trailing axes as possible are taken for spatial ones, the rest for channels. The window
    is read off the middle output position; a guess is accepted only if its matrix is `matrix`.
    """
    if matrix.nnz == 0:
        return None
    for axes in range(min(len(in_shape), len(out_shape)), 0, -1):
        if axes > 1 and in_shape[-axes] == out_shape[-axes] == 1:
            continue  # the same convolution with this axis among the channels
        for guess in _guesses(matrix, out_shape, in_shape, axes, rtol):
            small = guess.entries <= MAX_ENTRIES
            fitted = _with_modes(matrix, guess, rtol) if small else None
            if fitted is not None:
                return fitted
    return None


def interior(stencil: Stencil) -> NDArray[np.int64]:
    """Return the flat inputs, channels included, that no window across the border can reach."""
    good = np.ones((1,) * stencil.axes, bool)
    for a, n in enumerate(stencil.in_size):
        margin = stencil.reach[a] + stencil.stride[a] + 1
        line = (np.arange(n) >= margin) & (np.arange(n) < n - margin)
        good = good & line.reshape([-1 if b == a else 1 for b in range(stencil.axes)])
    pixels = np.flatnonzero(np.broadcast_to(good, stencil.in_size))
    channels = np.arange(stencil.weight.shape[1]) * int(np.prod(stencil.in_size))
    return (channels[:, None] + pixels).ravel()


def interior_windows(stencil: Stencil) -> NDArray[np.int64]:
    """Return the flat outputs, channels included, whose windows stay away from the border."""
    good = np.ones((1,) * stencil.axes, bool)
    for a, (n, m) in enumerate(zip(stencil.in_size, stencil.out_size, strict=True)):
        margin = stencil.stride[a] + 1
        first = np.arange(m) * stencil.stride[a] - stencil.before[a]
        line = (first >= margin) & (first + stencil.reach[a] < n - margin)
        good = good & line.reshape([-1 if b == a else 1 for b in range(stencil.axes)])
    pixels = np.flatnonzero(np.broadcast_to(good, stencil.out_size))
    channels = np.arange(stencil.weight.shape[0]) * int(np.prod(stencil.out_size))
    return (channels[:, None] + pixels).ravel()


def _guesses(
    matrix: sp.csr_array, out_shape: Shape, in_shape: Shape, axes: int, rtol: float
) -> Iterator[Stencil]:
    """Yield windows read off the middle, then the whole axis for periodic operators."""
    out_size, in_size = out_shape[-axes:], in_shape[-axes:]
    c_out, c_in = (math.prod(s[: len(s) - axes]) for s in (out_shape, in_shape))
    large = max(NOISE, rtol) * np.abs(matrix.data).max()
    entries = sp.coo_array(matrix)
    keep = np.abs(entries.data) > large
    at_out = np.unravel_index(entries.coords[0][keep], (c_out, *out_size))[1:]
    at_in = np.unravel_index(entries.coords[1][keep], (c_in, *in_size))[1:]
    windows = [_window(o, i, m) for o, i, m in zip(at_out, at_in, out_size, strict=True)]
    if all(window is not None for window in windows):
        middle = tuple(m // 2 for m in out_size)
        low, high = zip(*((w[0], w[1]) for w in windows if w), strict=True)
        weight = _row(matrix, (c_out, out_size), (c_in, in_size), middle)
        window = tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))
        weight = weight[(slice(None), slice(None), *window)]
        weight = np.where(np.abs(weight) > large, weight, 0)
        for stride in itertools.product(*(w[2] for w in windows if w)):
            before = tuple(o * s - a for o, s, a in zip(middle, stride, low, strict=True))
            ones = (1,) * axes
            plain = Stencil(weight, stride, ones, before, ("zeros",) * axes, in_size, out_size)
            yield _undilated(plain)
    if all(n % m == 0 for n, m in zip(in_size, out_size, strict=True)):
        weight = _row(matrix, (c_out, out_size), (c_in, in_size), (0,) * axes)
        stride = tuple(n // m for n, m in zip(in_size, out_size, strict=True))
        none, ones = (0,) * axes, (1,) * axes
        yield Stencil(weight, stride, ones, none, ("circular",) * axes, in_size, out_size)


def _window(out: NDArray[Any], into: NDArray[Any], size: int) -> tuple[int, int, list[int]] | None:
    """Return first and last input of the middle output on one axis, and possible strides."""
    spans = []
    for o in (size // 2, size // 2 - 1, size // 2 + 1):
        reads = into[out == o]
        spans.append((int(reads.min()), int(reads.max())) if reads.size else None)
    if spans[0] is None:
        return None
    low, high = spans[0]
    steps = [spans[0][e] - before[e] for before in spans[1:2] if before for e in (0, 1)]
    steps += [after[e] - spans[0][e] for after in spans[2:] if after for e in (0, 1)]
    return low, high, sorted({s for s in steps if s > 0}, reverse=True)[:3] or [1]


def _row(
    matrix: sp.csr_array,
    out: tuple[int, Shape],
    into: tuple[int, Shape],
    position: Shape,
) -> NDArray[Any]:
    """Return the rows of one output position as an array (c_out, c_in, *in_size)."""
    pixel = int(np.ravel_multi_index(position, out[1]))
    rows = np.arange(out[0]) * math.prod(out[1]) + pixel
    return matrix[rows].toarray().reshape(out[0], into[0], *into[1])


def _undilated(stencil: Stencil) -> Stencil:
    """Take a regular spacing of the taps for dilation."""
    weight, dilation = stencil.weight, []
    for a in range(stencil.axes):
        other = tuple(axis for axis in range(weight.ndim) if axis != 2 + a)
        taps = np.flatnonzero(np.abs(weight).max(axis=other))
        step = int(np.gcd.reduce(taps)) if taps.size > 1 and taps[0] == 0 else 1
        dilation.append(step)
        weight = weight[(slice(None),) * (2 + a) + (slice(None, None, step),)]
    return replace(stencil, weight=weight, dilation=tuple(dilation))


def _with_modes(matrix: sp.csr_array, guess: Stencil, rtol: float) -> Stencil | None:
    """Find the padding modes that reproduce the whole matrix, else be content with the interior."""
    first = dict.fromkeys([guess.modes, *((mode,) * guess.axes for mode in MODES)])
    mixed = itertools.product(MODES, repeat=guess.axes) if 1 < guess.axes < 4 else ()
    inside = interior(guess)
    suits = near(guess.matrix()[:, inside], matrix[:, inside], rtol)  # also where there is none
    for modes in first:
        candidate = replace(guess, modes=modes)
        if near(candidate.matrix(), matrix, rtol):
            return candidate
    if not suits:
        return None
    for modes in mixed:
        candidate = replace(guess, modes=modes)
        if near(candidate.matrix(), matrix, rtol):
            return candidate
    return replace(guess, known_border=False) if inside.size else None
