"""What C does to every wave: ``|C q|^2`` for the columns q of a Fourier or cosine basis.

For several channels the wave lives in one of them, and the energies are Hermitian matrices: the
inner products of C q_a and C q_b. They are the diagonal of ``Q^H C^H C Q``, and so the optimal
approximation of C^H C, in the Frobenius norm, among the matrices that Q makes diagonal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.sparse import coo_array, csr_array, hstack

from ..assembly import grouped_kernel
from ..geometry import Axis, held
from ..operators import ConvOperator, ConvTranspose

CIRCULANT, COSINE = "circulant", "cosine"


def energies(op: ConvOperator, basis: str) -> NDArray[Any]:
    """(groups, channels, channels, *size) inner products ``<C q_a, C q_b>``; C is `op`.

    C is a sum over taps of shifts, and the shifts of N axes are products: the inner products of two
    shifts of one axis, wave by wave, are contracted with the kernel axis by axis.
    """
    transposed = isinstance(op, ConvTranspose)
    weight = op.weight.astype(np.result_type(op.weight, np.float64))
    kernel = grouped_kernel(op.geometry, weight, transposed)
    if op.conjugated:
        kernel = kernel.conj()
    axes = op.geometry.axes
    shifts = [_shifts(axis, transposed) for axis in axes]
    # How often samples are met that far apart, with which weight; then one transform to the waves.
    lags = np.stack([_contracted(one, axes, shifts, basis) for one in kernel])
    return _transformed(lags, len(axes), basis)


def _shifts(axis: Axis, transposed: bool) -> list[csr_array]:
    """One matrix per tap: what samples a window reads through it, or its transpose."""
    windows = np.arange(axis.n_out, dtype=np.int64)
    found = []
    for tap in range(axis.k):
        window, sample, factors = held(axis.mode, axis.position(windows, tap), axis.n_in)
        values = np.ones(window.size) if factors is None else factors.astype(np.float64)
        entries = values, (window, sample)
        matrix = csr_array(coo_array(entries, shape=(axis.n_out, axis.n_in)))
        found.append(csr_array(matrix.T) if transposed else matrix)
    return found


def _contracted(
    kernel: NDArray[Any],
    axes: tuple[Axis, ...],
    shifts: list[list[csr_array]],
    basis: str,
) -> NDArray[Any]:
    """(channels, channels, *lags) of one group's kernel (out, in, *taps)."""
    given, taken = kernel.shape[:2]
    rest = kernel[0, 0].size // axes[0].k
    # 1. The first axis, and the channels that C gives: <w[t], w[u]> into pairs of what is left.
    flat = kernel.reshape(given, taken, axes[0].k, rest)
    total: Any = 0
    for tap, counts in enumerate(_lag_counts(shifts[0], basis)):
        right = np.einsum("obur,ul->obrl", flat, counts)
        left = flat[:, :, tap].conj().reshape(given, taken * rest)
        total = total + left.T @ right.reshape(given, -1)
    length = total.size // (taken * rest) ** 2
    pairs = total.reshape(taken, rest, taken, rest, length)
    # 2. The other axes: their tap pairs into lags.
    for number, axis in enumerate(axes[1:], start=1):
        rest = pairs.shape[1] // axis.k
        done = pairs.shape[4:]
        split = pairs.reshape(taken, axis.k, rest, taken, axis.k, rest, *done)
        total = 0
        for tap, counts in enumerate(_lag_counts(shifts[number], basis)):
            total = total + np.tensordot(split[:, tap], counts, axes=(3, 0))
        pairs = total.reshape(taken, rest, taken, rest, *done, -1)
    return np.asarray(pairs[:, 0, :, 0])


def _lag_counts(shifts: list[csr_array], basis: str) -> Any:
    """For each tap t a (taps u, lags) array: how often t and u meet samples that far apart."""
    n = shifts[0].shape[1]
    everything = hstack(shifts, format="csr")
    for shift in shifts:
        met = (shift.T @ everything).tocoo()
        tap, j = np.divmod(met.col.astype(np.int64), n)
        i = met.row.astype(np.int64)
        if basis == CIRCULANT:
            yield _counted(tap * n + (j - i) % n, met.data, len(shifts), n)
        else:
            apart, around = tap * 2 * n + (j - i) % (2 * n), tap * 2 * n + (i + j + 1) % (2 * n)
            yield 0.5 * (
                _counted(apart, met.data, len(shifts), 2 * n)
                + _counted(around, met.data, len(shifts), 2 * n)
            )


def _counted(
    places: NDArray[np.int64], counts: NDArray[Any], taps: int, length: int
) -> NDArray[np.float64]:
    return np.bincount(places, counts, taps * length).astype(np.float64).reshape(taps, length)


def _transformed(lags: NDArray[Any], n_axes: int, basis: str) -> NDArray[Any]:
    """From lags to waves.

    ``conj(q_k[i]) q_k[j]`` is ``exp(2 pi i k (j - i) / n) / n`` for Fourier waves, and for cosines
    ``(cos(pi k (j - i) / n) + cos(pi k (i + j + 1) / n)) / n``, half of it for k = 0.
    """
    last = tuple(range(lags.ndim - n_axes, lags.ndim))
    if basis == CIRCULANT:
        return np.asarray(fft.ifftn(lags, axes=last))
    for axis in last:
        n = lags.shape[axis] // 2
        even = 0.5 * (lags + np.roll(np.flip(lags, axis), 1, axis))
        waves = np.moveaxis(fft.fft(even, axis=axis), axis, -1)[..., :n]
        waves = waves.real if lags.dtype.kind != "c" else waves
        scale = np.full(n, 2.0 / n)
        scale[0] = 1.0 / n
        lags = np.moveaxis(waves * scale, -1, axis)
    return lags
