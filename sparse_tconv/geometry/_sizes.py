"""Sizes along one axis: plain integers in, plain integers out.

``n`` is a size, ``k`` a kernel size, ``s`` a stride, ``d`` a dilation, ``before`` and ``after`` the
padding.
"""

from __future__ import annotations


def conv_size(n: int, k: int, s: int, d: int, before: int, after: int) -> int:
    """Size that a convolution gives; zero or less where the kernel does not fit."""
    return (n + before + after - d * (k - 1) - 1) // s + 1


def conv_transpose_size(n: int, k: int, s: int, d: int, before: int, after: int, extra: int) -> int:
    """Size that a transposed convolution gives, `extra` being its output_padding."""
    return (n - 1) * s - (before + after) + d * (k - 1) + 1 + extra


def same_padding(n: int, k: int, s: int, d: int, flip: bool) -> tuple[int, int]:
    """The pads that make a convolution of size n give ceil(n / s).

    The odd one goes after, as in PyTorch and TensorFlow; for a flipped kernel it goes before, which
    is the center of ``scipy.signal.convolve(mode='same')``.
    """
    total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
    small, large = total // 2, total - total // 2
    return (large, small) if flip else (small, large)


def output_padding_limit(s: int, d: int) -> int:
    """One more than the largest output_padding: PyTorch's rule."""
    return max(s, d)


def floor_sum(count: int, modulus: int, slope: int, offset: int) -> int:
    """Sum of ``(slope * i + offset) // modulus`` for i in range(count), in logarithmic time.

    All arguments non-negative, modulus at least 1: Euclid's algorithm on the lattice points below a
    line.
    """
    total = 0
    while count > 0:
        total += (slope // modulus) * (count * (count - 1) // 2) + (offset // modulus) * count
        slope, offset = slope % modulus, offset % modulus
        top = slope * count + offset
        if top < modulus:
            return total
        count, offset = divmod(top, modulus)
        modulus, slope = slope, modulus
    return total


def pairs_below(limit: int, rows: int, s: int, taps: int, d: int) -> int:
    """Number of (o, t) with o in range(rows), t in range(taps) and ``o * s + t * d < limit``."""
    if limit <= 0 or rows <= 0 or taps <= 0:
        return 0
    # For tap t the positions below the limit are ceil((limit - t d) / s), cut at `rows`.
    used = min(taps, -(-limit // d))  # the taps that have any
    slack = limit - (rows - 1) * s  # the taps below it have every row
    full = min(used, -(-slack // d)) if slack > 0 else 0
    partial = used - full
    last = limit + s - 1 - (used - 1) * d  # reversed, the numerators increase by d
    return full * rows + floor_sum(partial, s, d, last)
