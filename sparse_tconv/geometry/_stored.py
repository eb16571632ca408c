"""How many entries the matrix of one axis stores, counted before it is built."""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MatrixTooLargeError
from ._boundary import held, mirror
from ._sizes import pairs_below

Pair = tuple[int, int]


def stored_entries(n_in: int, n_out: int, k: int, s: int, d: int, before: int, mode: str) -> int:
    """Number of entries of one axis's matrix, in time independent of its size for ordinary padding.

    Entry (o, i) is stored once however many taps of window o land on i.
    """
    if mode == "zeros":
        return _inside(0, n_in, n_out, k, s, d, before)
    if mode == "circular":
        return n_out * min(k, n_in // gcd(n_in, d))
    if mode in _MIRRORS:
        return _mirrored(n_in, n_out, k, s, d, before, _MIRRORS[mode])
    if mode == "replicate" or (n_in == 1 and mode in ("antireflect", "smooth")):
        return _replicated(n_in, n_out, k, s, d, before)
    if mode == "smooth":
        return _on_lines(n_in, n_out, k, s, d, before)
    if mode == "antireflect":
        return _antireflected(n_in, n_out, k, s, d, before)
    return _written_out(n_in, n_out, k, s, d, before, mode)


# Modes that meet the samples which a mirror meets. Under 'antisymmetric' with a sign: an entry is a
# sum of different taps, each with a sign, and so never zero for all kernels.
_MIRRORS = {"reflect": "reflect", "symmetric": "symmetric", "antisymmetric": "symmetric"}


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
    first, last = _edges(n_in, n_out, k, s, d, before)
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
    _refuse_beyond(count)
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


def _edges(n_in: int, n_out: int, k: int, s: int, d: int, before: int) -> Pair:
    """Windows (first, last) such that those between read inside the axis only."""
    first = min(n_out, max(0, -(-before // s)))
    return first, max(first, min(n_out, (n_in - 1 + before - d * (k - 1)) // s + 1))


def _between(low: int, high: int, windows: Pair, k: int, s: int, d: int, before: int) -> int:
    """Number of (o, t), o one of some windows, with low <= o s - before + d t < high."""
    start, stop = windows
    if high <= low or stop <= start:
        return 0
    return _inside(low, high, stop - start, k, s, d, before - start * s)


def _on_lines(n_in: int, n_out: int, k: int, s: int, d: int, before: int) -> int:
    """A window that reads beyond an end holds the two samples there, whatever else it reads."""
    front = min(n_out, max(0, -(-before // s)))  # windows that read in front of the axis
    behind = min(
        n_out, max(0, (n_in - 1 + before - d * (k - 1)) // s + 1)
    )  # the first that reads behind
    only_front, only_behind = (0, min(front, behind)), (max(front, behind), n_out)
    both, neither = (behind, max(front, behind)), (front, max(front, behind))
    shape = k, s, d, before
    total = k * (neither[1] - neither[0])
    total += 2 * only_front[1] + _between(2, n_in, only_front, *shape)
    total += 2 * (n_out - only_behind[0]) + _between(0, n_in - 2, only_behind, *shape)
    total += min(n_in, 4) * (both[1] - both[0])
    return total + _between(2, n_in - 2, both, *shape)


def _antireflected(n_in: int, n_out: int, k: int, s: int, d: int, before: int) -> int:
    """The samples of a mirror but for the two at the edges: those a window holds as soon as it reads
    them, or reaches far enough.
    """
    first, last = _edges(n_in, n_out, k, s, d, before)
    total = _mirrored(n_in, n_out, k, s, d, before, "reflect")
    for windows in ((0, first), (last, n_out)):
        for edge, low, high in ((0, 0, 2 * n_in - 2), (n_in - 1, 1 - n_in, n_in - 1)):
            total -= _reading(edge, windows, n_in, k, s, d, before)
            total += _beyond(low, high, windows, k, s, d, before)
    return total


def _beyond(low: int, high: int, windows: Pair, k: int, s: int, d: int, before: int) -> int:
    """How many of some windows read a position at most `low`, or at least `high`."""
    start, stop = windows
    front = min(max((low + before) // s + 1, start), stop)
    behind = min(max(-(-(high + before - d * (k - 1)) // s), start), stop)
    return front - start + stop - max(front, behind)


def _reading(edge: int, windows: Pair, n_in: int, k: int, s: int, d: int, before: int) -> int:
    """How many of some windows read an edge or one of its mirror images."""
    period, _ = mirror("reflect", n_in)
    taps = min(k, period // gcd(period, d))
    start, stop = windows
    total = 0
    if stop - start <= taps:
        step = gcd(d, period)
        spacing, inverse = _solved(d, step, period)
        target = _progressions(edge + before - start * s, -s, stop - start, period)
        for part in target:
            tap = _times(part[part % step == 0] // step, inverse, spacing)
            total += int((tap < taps).sum())
        return total
    step = gcd(s, period)
    spacing, inverse = _solved(s, step, period)
    for part in _progressions(edge + before - start * s, -d, taps, period):
        window = _times(part[part % step == 0] // step, inverse, spacing)
        total += int(np.maximum((stop - start - 1 - window) // spacing + 1, 0).sum())
    return total


def _solved(factor: int, step: int, period: int) -> Pair:
    """Spacing of the solutions x of ``factor * x = step * y (mod period)``, and x for y = 1."""
    spacing = period // step
    return spacing, pow(factor // step, -1, spacing) if spacing > 1 else 0


def _progressions(first: int, step: int, count: int, modulus: int) -> Any:
    """A progression modulo a number, some terms at a time."""
    _refuse_beyond(count)
    for at in range(0, count, _CHUNK):
        yield _progression((first + step * at) % modulus, step, min(_CHUNK, count - at), modulus)


def _refuse_beyond(count: int) -> None:
    if count > _MOST_COUNTED:
        raise MatrixTooLargeError(
            f"`nnz` must be counted for at most {_MOST_COUNTED:,} windows or taps at a mirrored border; got {count:,}. "
            f"Take less padding, or a smaller kernel."
        )


def _written_out(n_in: int, n_out: int, k: int, s: int, d: int, before: int, mode: str) -> int:
    """Window by window at the border, whatever the mode."""
    first, last = _edges(n_in, n_out, k, s, d, before)
    _refuse_beyond((first + n_out - last) * k)
    border = np.r_[0:first, last:n_out]
    total = k * (last - first)
    for part in np.array_split(border, border.size * k // _CHUNK + 1):
        position = (part * s - before)[:, None] + d * np.arange(k)
        number, sample, _ = held(mode, position, n_in)
        total += len(np.unique(np.stack([number // k, sample]), axis=1).T)
    return total
