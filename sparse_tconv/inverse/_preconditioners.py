"""Preconditioners for the normal equations: the nearest matrices that a fast transform inverts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ..errors import DTypeError
from ..operators import ConvOperator, Operator
from ._arguments import number
from ._energies import CIRCULANT, COSINE, energies
from ._regularizer import regularizer_operator
from ._scale import inverse_over, scaled_pair

# Energies below this, relative to the largest, are rounding.
_FLOOR = 1e-13


class WavePreconditioner(Operator):
    """The inverse of the optimal approximation of ``C^H C + damp^2 L^H L`` in one basis; made by
    :func:`circulant_preconditioner` and :func:`cosine_preconditioner`.

    Parameters
    ----------
    op : Conv or ConvTranspose
        C.
    damp : float
        At least 0.
    regularizer : Conv, optional
        L.
    basis : str
        'circulant' or 'cosine'.
    """

    _hermitian = True

    def __init__(self, op: ConvOperator, damp: float, regularizer: Any, basis: str) -> None:
        is_real = op.weight.dtype.kind != "c"
        dtype = np.float64 if is_real else np.complex128
        super().__init__(op.in_shape, op.in_shape, dtype, spatial_ndim=op.spatial_ndim)
        self.basis = basis
        op, damp, shift = scaled_pair(op, number("damp", damp))
        n_axes = len(op.geometry.axes)
        self._axes = tuple(range(-n_axes, 0))
        found = np.moveaxis(energies(op, basis), (1, 2), (-2, -1))
        self._lead = found.shape[0], found.shape[-1]
        found = found + _penalties(op, damp, regularizer, basis, found.shape)
        self._inverse = inverse_over(_definite_inverse(found), shift)
        if is_real and basis == COSINE:
            self._inverse = self._inverse.real
        self._is_real = is_real

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        size = self.in_shape[-len(self._axes) :]
        samples = x.reshape(len(x), *self._lead, *size)
        forward, backward = (
            (fft.fftn, fft.ifftn) if self.basis == CIRCULANT else (fft.dctn, fft.idctn)
        )
        waves = forward(samples, axes=self._axes, norm="ortho")
        columns = np.moveaxis(waves, 2, -1)[..., None]
        solved = np.moveaxis((self._inverse @ columns)[..., 0], -1, 2)
        result = backward(solved, axes=self._axes, norm="ortho")
        if self._is_real and x.dtype.kind != "c":
            result = result.real
        return np.asarray(result).reshape(len(x), *self.in_shape)


def _definite_inverse(matrices: NDArray[Any]) -> NDArray[Any]:
    """The inverses of Hermitian matrices, their eigenvalues cut off below at rounding.

    What the waves of least energy hold is rounding, but a preconditioner must be definite.
    """
    values, vectors = np.linalg.eigh(matrices)
    largest = float(values.max(initial=0.0)) or 1.0
    values = np.maximum(values, _FLOOR * largest)
    return np.asarray((vectors / values[..., None, :]) @ vectors.conj().swapaxes(-1, -2))


def _penalties(
    op: ConvOperator, damp: float, regularizer: Any, basis: str, shape: tuple[int, ...]
) -> NDArray[Any]:
    """The energies of damp * L, in the shape of those of C: (groups, *size, channels, channels)."""
    square = damp**2
    if not square or regularizer is None:
        return square * np.eye(shape[-1])
    found = regularizer_operator(regularizer, op, op.in_shape)
    if not isinstance(regularizer, str):
        raise DTypeError(
            f"`regularizer` must be None, 'gradient' or 'laplacian' for a preconditioner; "
            f"got {type(found).__name__}. Leave it out, or make the preconditioner yourself."
        )
    each = energies(found, basis)[:, 0, 0].real  # L takes every channel apart, and all alike
    return square * each[0][None, ..., None, None] * np.eye(shape[-1])


def circulant_preconditioner(
    op: ConvOperator, damp: float = 0.0, *, regularizer: str | None = None
) -> WavePreconditioner:
    """The optimal circulant preconditioner of T. Chan, inverted by FFT.

    Parameters
    ----------
    op : Conv or ConvTranspose
        C; any boundary, stride and number of channels.
    damp : float, default 0
        Of the problem to be solved.
    regularizer : None, 'gradient' or 'laplacian'
        Of the problem to be solved.

    Returns
    -------
    LinearOperator
        An approximate inverse of ``C^H C + damp^2 L^H L``, Hermitian and positive definite, for
        :func:`scipy.sparse.linalg.cg` and ``solve(..., preconditioner=...)``.

    Raises
    ------
    DTypeError
        `op` is not a convolution, or `regularizer` not one of these.
    GeometryError
        `damp` is negative.

    See Also
    --------
    cosine_preconditioner : better under half-sample symmetric boundaries.

    Notes
    -----
    Of all circulant matrices the one nearest to ``A = C^H C + damp^2 L^H L`` in the Frobenius norm;
    its eigenvalues are the diagonal of ``F A F^H``. With several channels A has one block per pair
    of them, each gets its own circulant, and an application solves a system as large as the number
    of channels at every frequency. A is never formed; an application costs two FFTs. It is exact
    for circular boundaries at stride 1, and helps as long as the waves of C^H C are spread: see the
    table in the documentation for where it does not.

    References
    ----------
    .. [1] T. F. Chan, "An optimal circulant preconditioner for Toeplitz systems", SIAM J. Sci. Stat.
       Comput. 9 (1988), section 2.
    .. [2] R. H. Chan, M. K. Ng, "Conjugate gradient methods for Toeplitz systems", SIAM Review 38
       (1996), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.inverse import blur, circulant_preconditioner, psf, solve
    >>> op = blur(psf.gauss(1.0), (64, 64), padding_mode="zeros")
    >>> y = op.apply(np.random.default_rng(0).random((64, 64)))
    >>> M = circulant_preconditioner(op, damp=0.03)
    >>> plain = solve(op, y, method="cg", damp=0.03).iterations
    >>> solve(op, y, method="cg", damp=0.03, preconditioner=M).iterations < plain / 2
    True
    >>> circulant_preconditioner(op, damp=-1)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `damp` must be a finite number, at least 0; got -1. Pass 1 or
        0.
    """
    return WavePreconditioner(_convolution(op), damp, regularizer, CIRCULANT)


def cosine_preconditioner(
    op: ConvOperator, damp: float = 0.0, *, regularizer: str | None = None
) -> WavePreconditioner:
    """The optimal preconditioner that the cosine transform (DCT-II) makes diagonal.

    Parameters
    ----------
    op, damp, regularizer
        As for :func:`circulant_preconditioner`.

    Returns
    -------
    LinearOperator
        An approximate inverse of ``C^H C + damp^2 L^H L``, Hermitian and positive definite.

    Raises
    ------
    DTypeError, GeometryError
        As for :func:`circulant_preconditioner`.

    See Also
    --------
    circulant_preconditioner : in the Fourier basis.

    Notes
    -----
    As for :func:`circulant_preconditioner`, in the basis of the DCT-II. It is exact for half-sample
    symmetric boundaries at stride 1 and a PSF that is its own mirror image along every axis.

    References
    ----------
    .. [1] R. H. Chan, T. F. Chan, C.-K. Wong, "Cosine transform based preconditioners for total
       variation deblurring", IEEE Trans. Image Process. 8 (1999), section III.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.inverse import blur, cosine_preconditioner, psf, solve
    >>> op = blur(psf.gauss(1.0), (64, 64))
    >>> y = op.apply(np.random.default_rng(0).random((64, 64)))
    >>> M = cosine_preconditioner(op, damp=0.03)
    >>> solve(op, y, damp=0.03, preconditioner=M).iterations
    1
    >>> cosine_preconditioner(np.eye(3))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `op` must be a Conv or ConvTranspose; got ndarray. Make one with
        sparse_tconv.inverse.blur or sparse_tconv.Conv.
    """
    return WavePreconditioner(_convolution(op), damp, regularizer, COSINE)


def _convolution(op: Any) -> ConvOperator:
    if not isinstance(op, ConvOperator):
        raise DTypeError(
            f"`op` must be a Conv or ConvTranspose; got {type(op).__name__}. "
            f"Make one with sparse_tconv.inverse.blur or sparse_tconv.Conv."
        )
    return op
