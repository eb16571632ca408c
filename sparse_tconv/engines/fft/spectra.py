"""Real data by real transforms, complex data by complex ones; and products of spectra over
channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

# Channel pairs from which a matrix product per frequency beats passes over the spectra.
MATMUL_FROM = 64


def transform(x: NDArray[Any], count: int) -> NDArray[Any]:
    """The transform over the last axes, `count` of them, in one thread: those of SciPy's own pool
    do not survive a fork.
    """
    forth = scipy.fft.fftn if x.dtype.kind == "c" else scipy.fft.rfftn
    return np.asarray(forth(x, axes=range(-count, 0), workers=1))


def inverse(spectrum: NDArray[Any], lengths: Sequence[int], real: bool) -> NDArray[Any]:
    """The array of these lengths with this spectrum, which is overwritten."""
    back = scipy.fft.irfftn if real else scipy.fft.ifftn
    return np.asarray(
        back(spectrum, lengths, axes=range(-len(lengths), 0), overwrite_x=True, workers=1)
    )


def by_frequency(pairs: int) -> bool:
    """Whether so many pairs of channels are multiplied by a matrix product per frequency."""
    return pairs > 1 and pairs >= MATMUL_FROM


def arranged(kernel: NDArray[Any]) -> NDArray[Any]:
    """The spectrum (groups, out_channels, in_channels, f) of a kernel as :func:`mixed` wants it."""
    matrices = by_frequency(kernel.shape[1] * kernel.shape[2])
    return np.ascontiguousarray(kernel.transpose(0, 3, 1, 2)) if matrices else kernel


def mixed(kernel: NDArray[Any], spectrum: NDArray[Any], channels: tuple[int, int]) -> NDArray[Any]:
    """Channels mixed at every frequency.

    A kernel of :func:`arranged` with `channels` (out, in) times (batch, groups, in_channels,
    blocks, f) is (batch, groups, out_channels, blocks, f); the second may be overwritten.
    """
    out_channels, in_channels = channels
    if out_channels == in_channels == 1:
        spectrum *= kernel[:, 0, :, None]
        return spectrum
    batch, groups, _, blocks, points = spectrum.shape
    if by_frequency(out_channels * in_channels):
        columns = np.ascontiguousarray(spectrum.transpose(1, 4, 2, 0, 3)).reshape(
            groups, points, in_channels, -1
        )
        product = kernel @ columns
        return np.ascontiguousarray(
            product.reshape(groups, points, out_channels, batch, blocks).transpose(3, 0, 2, 4, 1)
        )
    total = spectrum[:, :, 0, None] * kernel[:, :, 0, None]
    for channel in range(1, in_channels):
        total += spectrum[:, :, channel, None] * kernel[:, :, channel, None]
    return total
