"""What lies outside an axis: the five boundary conditions as integer maps.

The modes mean exactly what ``numpy.pad`` means by constant, wrap, reflect, symmetric and edge, for
a border of any width.
"""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MatrixTooLargeError
from ._sizes import pairs_below

Pair = tuple[int, int]

OUTSIDE = -1


def source(mode: str, position: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """The index in range(n) that each position of the extended axis repeats, or OUTSIDE where it
    is zero.
    """
    if mode == "zeros":
        return np.where((position >= 0) & (position < n), position, OUTSIDE)
    if mode == "circular":
        return position % n
    if mode == "replicate":
        return np.clip(position, 0, n - 1)
    period, turn = mirror(mode, n)
    phase = position % period
    return np.minimum(phase, (turn - phase) % period)


def mirror(mode: str, n: int) -> tuple[int, int]:
    """Period of a mirrored axis, and the turn c for which positions e and c - e repeat the same
    sample.

    Half-sample symmetry ('symmetric') repeats the edge sample, whole-sample symmetry ('reflect')
    does not; an axis of length 1 has only one sample to repeat.
    """
    if mode == "symmetric":
        return 2 * n, -1
    return max(2 * (n - 1), 1), 0


def stored_entries(n_in: int, n_out: int, k: int, s: int, d: int, before: int, mode: str) -> int:
    """Number of entries of one axis's matrix, in time independent of its size for ordinary padding.

    Entry (o, i) is stored once however many taps of window o land on i.
    """
    if mode == "zeros":
        return _inside(0, n_in, n_out, k, s, d, before)
    if mode == "circular":
        return n_out * min(k, n_in // gcd(n_in, d))
    if mode == "replicate":
        return _replicated(n_in, n_out, k, s, d, before)
    return _mirrored(n_in, n_out, k, s, d, before, mode)


def _inside(low: int, high: int, n_out: int, k: int, s: int, d: int, before: int) -> int:
    """Number of (o, t) with low <= o s - before + d t < high."""
    return pairs_below(high + before, n_out, s, k, d) - pairs_below(low + before, n_out, s, k, d)


def _replicated(n_in: int, n_out: int, k: int, s: int, d: int, before: int) -> int:
    """Taps strictly inside count one each; those at or beyond an edge count once per edge and
    window.
    """
    if n_in == 1:
        return n_out
    reaches_first = min(
        n_out, max(0, before // s + 1)
    )  # windows whose first tap is at 0 or before it
    first_to_last = -(
        -(n_in - 1 + before - d * (k - 1)) // s
    )  # the first window whose last tap is at the last sample
    reaches_last = n_out - min(n_out, max(0, first_to_last))
    return _inside(1, n_in - 1, n_out, k, s, d, before) + reaches_first + reaches_last


def _mirrored(n_in: int, n_out: int, k: int, s: int, d: int, before: int, mode: str) -> int:
    """Taps of window o minus the pairs that mirror each other, summed over the windows that read
    outside.

    Modulo the period, taps t and u of window o meet where 2 (o s - before) + d (t + u) is the turn:
    for each sum t + u the number of such pairs is known, and a window holds at most three such
    sums.
    """
    period, turn = mirror(mode, n_in)
    taps = min(k, period // gcd(period, d))  # further taps repeat these
    first = min(n_out, max(0, -(-before // s)))
    last = max(first, min(n_out, (n_in - 1 + before - d * (k - 1)) // s + 1))
    interior = (last - first) * k
    edges = n_out - (last - first)
    cycle = period // gcd(period, s)  # windows a cycle apart read alike
    total = interior
    for start, stop in ((0, first), (last, n_out)):
        repeats, remainder = divmod(stop - start, cycle)
        if repeats:
            total -= repeats * _mirror_pairs(start, start + cycle, taps, s, d, before, period, turn)
        total -= _mirror_pairs(start, start + remainder, taps, s, d, before, period, turn)
    return total + edges * taps


def _mirror_pairs(
    start: int, stop: int, taps: int, s: int, d: int, before: int, period: int, turn: int
) -> int:
    """Number of pairs t < u of taps that read the same sample, over the windows start .. stop -
    1: window by window, or sum by sum where there are fewer.
    """
    if stop - start <= 2 * taps:
        count, work = stop - start, _pairs_of_windows
    else:
        count, work = 2 * taps - 3, _pairs_of_sums
    if count > _MOST_COUNTED:
        raise MatrixTooLargeError(
            f"`nnz` must be counted for at most {_MOST_COUNTED:,} windows or taps at a mirrored border; got {count:,}. "
            f"Take less padding, or a smaller kernel."
        )
    chunks = range(0, max(count, 0), _CHUNK)
    return sum(
        work(start, stop, (at, min(at + _CHUNK, count)), taps, s, d, before, period, turn)
        for at in chunks
    )


_CHUNK = 1 << 20
_MOST_COUNTED = 1 << 26  # in about a second


def _pairs_of_windows(
    start: int,
    stop: int,
    part: Pair,
    taps: int,
    s: int,
    d: int,
    before: int,
    period: int,
    turn: int,
) -> int:
    """The pairs of some windows: for each the sums t + u that meet are a progression."""
    step = gcd(d, period)
    spacing = period // step
    inverse = pow(d // step, -1, spacing) if spacing > 1 else 0
    first = (turn - 2 * ((start + part[0]) * s - before)) % period
    target = _progression(first, -2 * s, part[1] - part[0], period)
    sums = _times(target[target % step == 0] // step, inverse, spacing)
    total = 0
    while (inside := sums <= 2 * taps - 3).any():
        sums = sums[inside]
        total += int(_pairs_with_sum(sums, taps).sum())
        sums = sums + spacing
    return total


def _pairs_of_sums(
    start: int,
    stop: int,
    part: Pair,
    taps: int,
    s: int,
    d: int,
    before: int,
    period: int,
    turn: int,
) -> int:
    """The pairs of some sums t + u, 1 + part: for each the windows where they meet are a
    progression.
    """
    step = gcd(2 * s, period)
    spacing = period // step
    inverse = pow(2 * s // step, -1, spacing) if spacing > 1 else 0
    sums = np.arange(*part, dtype=np.int64) + 1
    first = (turn + 2 * before - 2 * s * start - d * (part[0] + 1)) % period
    target = _progression(first, -d, sums.size, period)
    solvable = target % step == 0
    window = _times(target[solvable] // step, inverse, spacing)  # counted from `start`
    windows = np.maximum((stop - start - 1 - window) // spacing + 1, 0)
    pairs = _pairs_with_sum(sums[solvable], taps)
    return sum((windows.astype(object) * pairs).tolist())


def _progression(first: int, step: int, count: int, modulus: int) -> NDArray[np.int64]:
    """``(first + step * i) % modulus`` for i in range(count), 0 <= first < modulus."""
    moved = _times(np.arange(count, dtype=np.int64) % modulus, step % modulus, modulus)
    return (moved + first) % modulus


def _times(values: NDArray[np.int64], factor: int, modulus: int) -> NDArray[np.int64]:
    """``values * factor % modulus`` for numbers below the modulus, which may be of 61 bits."""
    if modulus < 1 << 31:
        return values * factor % modulus
    product = np.zeros_like(values)  # by halves of the factor: each product stays within 63 bits
    shift = 62 - modulus.bit_length()
    while factor:
        part = factor & ((1 << shift) - 1)
        product = (product + values * part) % modulus if shift else product
        factor >>= shift
        values = (values << shift) % modulus
    return product


def _pairs_with_sum(sums: NDArray[Any], taps: int) -> NDArray[Any]:
    """Number of t < u in range(taps) with t + u equal to each sum."""
    return np.maximum((np.minimum(sums, 2 * (taps - 1) - sums) + 1) // 2, 0)
