"""How many taps meet in each pixel, and whether they meet evenly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import gcd, prod

import numpy as np
from numpy.typing import NDArray

from .._memory import check_fits
from .._table import outline, table
from ..assembly import correlation_kernel
from ..geometry import Axis, held
from ..operators import ConvOperator, ConvTranspose
from ..spectral import checked, scaled

Counts = NDArray[np.int64]

_CHUNK = 1 << 20  # taps whose places are worked out together


@dataclass(frozen=True, eq=False, repr=False)
class Overlap:
    """Taps per pixel on both sides of an operator; the same for all channels.

    Parameters
    ----------
    input : int64 array of the input's spatial size
        How many products each pixel of the input enters, per channel that reads it.
    output : int64 array of the output's spatial size
        How many products are summed in each pixel of the output, per channel read.

    Examples
    --------
    >>> from sparse_tconv import Conv, analysis
    >>> found = analysis.overlap(Conv([1.0, 2.0], (4,), channels=False))
    >>> found.input, found.output
    (array([1, 2, 2, 1]), array([2, 2, 2]))
    >>> found
    Overlap
    input   1, 2, 2, 1
    output  2, 2, 2
    """

    input: Counts
    output: Counts

    def __repr__(self) -> str:
        return table("Overlap", [("input", outline(self.input)), ("output", outline(self.output))])


@dataclass(frozen=True, eq=False, repr=False)
class Checkerboard:
    """How unevenly a transposed convolution paints.

    Parameters
    ----------
    even : bool
        Whether every phase of the stride meets equally many taps.
    counts : int64 array, (*stride)
        Taps that meet in a pixel of each phase, away from the border.
    unevenness : float
        Largest over smallest count, minus 1; infinite if some pixels meet no tap.
    ripple : float
        Share, in norm and from 0 to 1, of the answer to a constant that varies with the phase, for
        this kernel: 0 if a constant stays constant although the counts differ.
    even_kernel_sizes : tuple of tuples of int
        Per axis, the kernel sizes next below and next above, or the present one, that are even;
        empty if none is, as when dilation and stride have a common factor.

    Examples
    --------
    >>> from sparse_tconv import ConvTranspose, analysis
    >>> found = analysis.checkerboard(ConvTranspose([1.0, 1, 1], (4,), stride=2, channels=False))
    >>> found.even, found.counts.tolist(), found.even_kernel_sizes
    (False, [2, 1], ((2, 4),))
    """

    even: bool
    counts: Counts
    unevenness: float
    ripple: float
    even_kernel_sizes: tuple[tuple[int, ...], ...]

    def __repr__(self) -> str:
        sizes = (" or ".join(map(str, each)) or "none" for each in self.even_kernel_sizes)
        rows = [
            ("counts", outline(self.counts)),
            ("unevenness", f"{self.unevenness:.6g}"),
            ("ripple", f"{self.ripple:.3g}"),
            ("even kernel sizes", ", ".join(sizes)),
        ]
        return table(f"Checkerboard: {'even' if self.even else 'uneven'}", rows)


def overlap(op: ConvOperator) -> Overlap:
    """How many taps meet in each pixel, on both sides.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator; only its geometry matters.

    Returns
    -------
    Overlap
        ``input`` and ``output``, fresh int64 arrays without channel axes.

    Raises
    ------
    DTypeError
        `op` is not a Conv or ConvTranspose.
    MatrixTooLargeError
        The counts of all pixels do not fit in memory.

    Notes
    -----
    What lies outside under zero padding is not counted; samples that another border repeats count
    each time. The map is the outer product of one count per axis.

    Examples
    --------
    >>> from sparse_tconv import ConvTranspose
    >>> from sparse_tconv.analysis import overlap
    >>> overlap(ConvTranspose([[1.0] * 3] * 3, (2, 2), stride=2, channels=False)).output
    array([[1, 1, 2, 1, 1],
           [1, 1, 2, 1, 1],
           [2, 2, 4, 2, 2],
           [1, 1, 2, 1, 1],
           [1, 1, 2, 1, 1]])
    >>> overlap("conv")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `op` must be a Conv or ConvTranspose; got str. Make one with
        sparse_tconv.Conv(weight, in_shape).
    """
    checked(op)
    _check_fit(op.geometry.axes)
    pairs = [_axis_counts(axis) for axis in op.geometry.axes]
    x, y = (reduce(np.multiply.outer, counts) for counts in zip(*pairs, strict=True))
    return Overlap(y, x) if isinstance(op, ConvTranspose) else Overlap(x, y)


def _check_fit(axes: tuple[Axis, ...]) -> None:
    """Refuse counts of more pixels than memory holds."""
    sides = tuple(axis.n_in for axis in axes), tuple(axis.n_out for axis in axes)
    nbytes = 8 * sum(prod(side) + sum(side) for side in sides)
    check_fits("op", f"counts of {sides[0]} and {sides[1]} pixels", nbytes, "Use a smaller one.")


def _axis_counts(axis: Axis) -> tuple[Counts, Counts]:
    """Windows' taps that read each sample, and samples that each window reads."""
    read = np.zeros(axis.n_in, dtype=np.int64)
    reads = np.zeros(axis.n_out, dtype=np.int64)
    step = max(_CHUNK // axis.k, 1)
    for start in range(0, axis.n_out, step):
        windows = np.arange(start, min(start + step, axis.n_out))
        position = axis.position(windows[:, None], np.arange(axis.k))
        number, sample, _ = held(axis.mode, position, axis.n_in)
        reads[windows] = np.bincount(number // axis.k, minlength=windows.size)
        read += np.bincount(sample, minlength=axis.n_in)
    return read, reads


def checkerboard(op: ConvOperator) -> Checkerboard:
    """Whether a transposed convolution paints all pixels with equally many taps.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator. For a Conv the answer is about its adjoint: the gradient that it hands back.

    Returns
    -------
    Checkerboard

    Raises
    ------
    DTypeError
        `op` is not a Conv or ConvTranspose.
    MatrixTooLargeError
        The stride has more phases than memory holds.

    Notes
    -----
    Pixel i of the larger side meets the taps t with ``dilation * t = i + before`` modulo the
    stride. All phases meet equally many exactly if the stride divides the kernel size and has no
    factor in common with the dilation [1]_.

    References
    ----------
    .. [1] A. Odena, V. Dumoulin, C. Olah, "Deconvolution and checkerboard artifacts", Distill
       (2016), section "Deconvolution & overlap".

    Examples
    --------
    >>> from sparse_tconv import ConvTranspose
    >>> from sparse_tconv.analysis import checkerboard
    >>> found = checkerboard(ConvTranspose([1.0, 2.0, 1.0], (8,), stride=2, channels=False))
    >>> found.even, found.counts, found.unevenness, found.even_kernel_sizes
    (False, array([2, 1]), 1.0, ((2, 4),))
    >>> found.ripple  # this kernel interpolates, so that a constant stays one
    0.0
    """
    checked(op)
    axes = op.geometry.axes
    strides = tuple(axis.stride for axis in axes)
    check_fits("op", f"counts of {strides} phases", 16 * prod(strides), "Use a smaller stride.")
    counts = reduce(np.multiply.outer, [_phase_counts(axis) for axis in axes])
    least = int(counts.min())
    return Checkerboard(
        even=bool((counts == least).all()),
        counts=counts,
        unevenness=float(counts.max() / least - 1) if least else float("inf"),
        ripple=_ripple(op),
        even_kernel_sizes=tuple(_even_sizes(axis) for axis in axes),
    )


def _phases(axis: Axis) -> Counts:
    """The phase of the pixel, modulo the stride, that each tap meets."""
    return axis.position(0, np.arange(axis.k)) % axis.stride


def _phase_counts(axis: Axis) -> Counts:
    return np.bincount(_phases(axis), minlength=axis.stride)


def _even_sizes(axis: Axis) -> tuple[int, ...]:
    """The even kernel sizes at or next to the present one."""
    if gcd(axis.stride, axis.dilation) > 1:
        return ()
    below = axis.k // axis.stride * axis.stride
    sizes = (below,) if below == axis.k else (below, below + axis.stride)
    return tuple(size for size in sizes if size > 0)


def _ripple(op: ConvOperator) -> float:
    """Part of the answer to a constant that is not constant over the phases."""
    kernel = correlation_kernel(op.geometry, scaled(op)[0].weight)
    wide = kernel.astype(np.complex128 if kernel.dtype.kind == "c" else np.float64)
    for number, axis in enumerate(op.geometry.axes):
        moved = np.moveaxis(wide, number + 2, 0)
        summed = np.zeros((axis.stride, *moved.shape[1:]), dtype=wide.dtype)
        np.add.at(summed, _phases(axis), moved)
        wide = np.moveaxis(summed, 0, number + 2)
    groups = wide.reshape(op.geometry.groups, -1, *wide.shape[1:]).sum(axis=1)
    mean = groups.mean(axis=tuple(range(2, groups.ndim)), keepdims=True)
    whole = float(np.linalg.norm(groups))
    return float(np.linalg.norm(groups - mean)) / whole if whole else 0.0
