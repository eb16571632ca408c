"""Blurs as sums of separable ones, and the preconditioner that one of these makes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from ..assembly import correlation_kernel, fresh_matrix, from_correlation_kernel
from ..errors import DTypeError, GeometryError, ShapeError
from ..geometry import Axis, ConvGeometry
from ..operators import ConvOperator, Operator, power_of_two
from ..solution import Result
from ..spectral import null_candidates
from ._arguments import number
from ._scale import exponent, inverse_over, scaled_pair

_FLOOR = 1e-13  # energies below this, relative to the largest, are rounding
_ROUNDING = 64 * float(np.finfo(np.float64).eps)


def kronecker_sum(psf: ArrayLike, terms: int) -> Result:
    """The best sum of separable PSFs.

    Parameters
    ----------
    psf : array-like, (k1, k2)
        The point spread function.
    terms : int
        How many; no more than its smaller side are of any use.

    Returns
    -------
    Result
        ``value`` is a tuple of pairs ``(column, row)``, whose outer products sum to the PSF, the
        largest first; ``error`` is the Frobenius norm of what they leave out.

    Raises
    ------
    ShapeError
        `psf` has not two axes.
    GeometryError
        `terms` is not an int of at least 1 and at most the smaller side, or an entry is not finite.
    DTypeError
        `psf` has a type that the library does not compute with.

    See Also
    --------
    kronecker_preconditioner : one term, weighted by what the border leaves of each tap.

    Notes
    -----
    Each pair makes a matrix that is a Kronecker product of one-axis matrices, whatever the border. By
    Eckart and Young no sum of as many products is nearer to the PSF [1]_.

    References
    ----------
    .. [1] J. Kamm, J. G. Nagy, "Optimal Kronecker product approximation of block Toeplitz matrices",
       SIAM J. Matrix Anal. Appl. 22 (2000).

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.inverse import kronecker_sum, psf
    >>> disk = psf.defocus(3.0)
    >>> found = kronecker_sum(disk, 3)
    >>> rest = disk - sum(np.outer(column, row) for column, row in found)
    >>> bool(abs(np.linalg.norm(rest) - found.error) < 1e-13), len(found)
    (True, 3)
    >>> kronecker_sum(disk, 99)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `terms` must be at most 7, the smaller side of `psf`; got 99.
        Use 7.
    """
    array = validate.numeric_array("psf", psf)
    if array.ndim != 2 or not array.size:
        raise ShapeError(
            f"`psf` must have two axes; got shape {array.shape}. Pass one with as many rows and columns "
            "as the blur reaches."
        )
    if not np.isfinite(array).all():
        raise GeometryError("`psf` must be finite; got nan or inf. Replace these entries.")
    count, most = validate.integer("terms", terms, minimum=1), min(array.shape)
    if count > most:
        raise GeometryError(
            f"`terms` must be at most {most}, the smaller side of `psf`; got {count}. Use {most}."
        )
    wide = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    left, sizes, right = np.linalg.svd(wide, full_matrices=False)
    pairs = tuple(
        (left[:, term] * np.sqrt(sizes[term]), right[term] * np.sqrt(sizes[term]))
        for term in range(count)
    )
    shift = exponent(float(sizes[0])) if sizes[0] else 0
    rest = float(power_of_two(np.linalg.norm(power_of_two(sizes[count:], -shift)), shift))
    error = rest + _ROUNDING * float(sizes[0])
    return Result(pairs, "svd", error, "proved")


class KroneckerPreconditioner(Operator):
    """The inverse of ``A^H A + damp^2 I``, A the nearest Kronecker product; made by
    :func:`kronecker_preconditioner`.

    Parameters
    ----------
    near : Conv or ConvTranspose
        A, of a separable kernel.
    damp : float
        At least 0.
    """

    _hermitian = True

    def __init__(self, near: ConvOperator, damp: float) -> None:
        dtype = np.complex128 if near.dtype.kind == "c" else np.float64
        super().__init__(near.in_shape, near.in_shape, dtype, spatial_ndim=near.spatial_ndim)
        self.near = near
        common, damp, shift = scaled_pair(near, damp)
        values, self._basis, _, _ = null_candidates(common, "kronecker")
        energies = values**2 + damp**2
        inverse = 1 / np.maximum(energies, _FLOOR * (float(energies.max()) or 1.0))
        self._inverse = inverse_over(inverse, shift)

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        samples = x.reshape(len(x), *self._basis.shape)
        found = self._basis.synthesise(self._inverse * self._basis.analyse(samples))
        return found.reshape(x.shape).astype(np.result_type(x.dtype, self.dtype), copy=False)


def kronecker_preconditioner(op: ConvOperator, damp: float = 0.0) -> KroneckerPreconditioner:
    """The inverse of the nearest operator that is a Kronecker product of one matrix per axis.

    Parameters
    ----------
    op : Conv or ConvTranspose
        C: two axes, one channel, any border and stride.
    damp : float, default 0
        Of the problem to be solved.

    Returns
    -------
    LinearOperator
        An approximate inverse of ``C^H C + damp^2 I``, Hermitian and positive definite. Its ``near``
        is the operator of one separable kernel that it inverts.

    Raises
    ------
    DTypeError
        `op` is not a convolution.
    GeometryError
        It has not two axes and one channel, or `damp` is negative.

    See Also
    --------
    circulant_preconditioner, cosine_preconditioner : for any number of axes and channels.

    Notes
    -----
    Of all operators with the same geometry and a separable kernel the one nearest to C in the
    Frobenius norm [1]_ [2]_. With ``T_t`` the matrix of tap t of an axis and G the Gram matrix of
    these in the Frobenius inner product, it is the first term of the singular value decomposition of
    ``G_1^(1/2) P G_2^(1/2)``. Under zero padding G is diagonal, and holds how often each tap meets a
    sample. The set-up decomposes one matrix per axis, an application multiplies by four. It is exact
    for separable kernels.

    References
    ----------
    .. [1] J. Kamm, J. G. Nagy, "Optimal Kronecker product approximation of block Toeplitz matrices",
       SIAM J. Matrix Anal. Appl. 22 (2000).
    .. [2] J. G. Nagy, M. K. Ng, L. Perrone, "Kronecker product approximations for image restoration
       with reflexive boundary conditions", SIAM J. Matrix Anal. Appl. 25 (2004).

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.inverse import blur, kronecker_preconditioner, psf, solve
    >>> op = blur(psf.gauss(1.5), (32, 32), padding_mode="zeros")
    >>> y = op.apply(np.random.default_rng(0).random((32, 32)))
    >>> M = kronecker_preconditioner(op, damp=0.03)
    >>> solve(op, y, method="cg", damp=0.03, preconditioner=M).iterations
    1
    >>> kronecker_preconditioner(op, damp=-1)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `damp` must be a finite number, at least 0; got -1. Pass 1 or
        0.
    """
    if not isinstance(op, ConvOperator):
        raise DTypeError(
            f"`op` must be a Conv or ConvTranspose; got {type(op).__name__}. "
            f"Make one with sparse_tconv.inverse.blur or sparse_tconv.Conv."
        )
    g = op.geometry
    if len(g.axes) != 2 or g.x_channels > 1 or g.y_channels > 1:
        raise GeometryError(
            f"`op` must have two axes and one channel; got {len(g.axes)} axes and {g.x_channels} to "
            f"{g.y_channels} channels. Use circulant_preconditioner."
        )
    return KroneckerPreconditioner(_nearest(op), number("damp", damp))


def _nearest(op: ConvOperator) -> ConvOperator:
    """The operator of the separable kernel whose matrix is nearest."""
    wide = np.complex128 if op.dtype.kind == "c" else np.float64
    kernel = correlation_kernel(op.geometry, op.weight.astype(wide))[0, 0]
    roots = [_roots(axis) for axis in op.geometry.axes]
    (first, first_inverse), (second, second_inverse) = roots
    left, sizes, right = np.linalg.svd(first @ kernel @ second)
    column = first_inverse @ left[:, 0] * sizes[0]
    row = second_inverse @ right[0]
    near = np.multiply.outer(column, row)[None, None]
    return op.with_weight(from_correlation_kernel(op.geometry, near))


def _roots(axis: Axis) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The square root, and its pseudo-inverse, of the Gram matrix of the matrices of an axis's
    taps.
    """
    geometry = ConvGeometry((axis,), 1, 1, 1, False, False)
    units = np.eye(axis.k)
    matrices = [fresh_matrix(geometry, unit, False) for unit in units]
    gram = np.array([[float((a * b).sum()) for b in matrices] for a in matrices])
    values, vectors = np.linalg.eigh(gram)
    roots = np.sqrt(np.maximum(values, 0))
    inverse = np.zeros_like(roots)
    np.divide(1, roots, out=inverse, where=roots > _FLOOR * roots.max(initial=0))
    return (vectors * roots) @ vectors.T, (vectors * inverse) @ vectors.T
