"""Eigenvalues of square operators, with what is known of their distance from the true ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs, eigsh

from .. import _validate as validate
from ..errors import GeometryError
from ..operators import ConvOperator, Operator
from ..solution import Result
from ..spectral import restored, restored_error, scaled, square_blocks, square_factors
from ._common_size import common, matrix_error
from ._crosses import of_crosses, of_parts
from ._diagonal import diagonal, square
from ._equivalent import equivalent
from ._row_sums import finite, wide_matrix
from ._sides import check_which
from ._spectrum_of import EPS, Found, of_blocks
from ._triangular import is_triangular

_WORK = 4e9  # multiplications of decompositions: under a minute for a Schur form
_VECTORS = 40  # of a search, beside two for each value


@dataclass(frozen=True, eq=False, repr=False)
class Eigenvalues(Result):
    """Eigenvalues with the size of the changes of the matrix that make them exact.

    Parameters
    ----------
    value, method, error, complete, bounds
        As of a :class:`Result`; the error is infinite where rounding may move an eigenvalue further
        than can be told.
    residuals : array
        For each value the norm of a change of the matrix that has it exactly, at most.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import Conv, analysis
    >>> op = Conv([1.0, 2.0, 1.0], (4,), padding=1, padding_mode="circular", channels=False)
    >>> found = analysis.eigenvalues(op)
    >>> bool(np.allclose(found.value, [4, 2, 2, 0])), found.method
    (True, 'circular')
    """

    residuals: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def _rows(self) -> list[tuple[str, str]]:
        most = float(self.residuals.max(initial=0))
        return [*super()._rows(), ("residuals", f"at most {most:.1e}")]


def eigenvalues(op: Operator, k: int | None = None, which: str = "largest") -> Eigenvalues:
    """Eigenvalues of a square operator.

    Parameters
    ----------
    op : Conv, ConvTranspose or expression
        The operator, with as many rows as columns.
    k : int, optional
        How many; all, if not given.
    which : {'largest', 'smallest'}
        Which ones, by size.

    Returns
    -------
    Eigenvalues
        A Result whose value is an array, real where all are known to be, from the largest size, or
        the smallest, on. ``error`` bounds the distance of each from an eigenvalue: for normal
        matrices, and where the structure gives them exactly; otherwise it is infinite. ``residuals``
        are backward errors, always.

    Raises
    ------
    ShapeError
        The matrix is not square.
    GeometryError
        An argument is not what it may be, or the matrix is too large: the message says what is
        needed.
    MatrixTooLargeError, DTypeError
        The matrix of an expression does not fit; `op` is no operator of this library.

    See Also
    --------
    singular_values : always well determined, as eigenvalues are not.

    Notes
    -----
    Tried in this order: the diagonal of a triangular matrix; Kronecker sums, of axes of which a
    tridiagonal one has ``a + 2 sqrt(b c) cos(pi j / (n + 1))`` [1]_; blocks of a Fourier or cosine
    transform; Kronecker products of square axes; the Schur form of the matrix; for a few of the
    largest of a large matrix Arnoldi or Lanczos steps. Eigenvalues of a non-normal matrix may move by
    far more than the matrix changes: for ``[0.01, 0, 1]`` on 100 samples rounding moves those of
    dense solvers by 7e-3.

    References
    ----------
    .. [1] S. Noschese, L. Pasquini, L. Reichel, "Tridiagonal Toeplitz matrices: properties and novel
       applications", Numer. Linear Algebra Appl. 20 (2013), section 2.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import eigenvalues
    >>> found = eigenvalues(Conv([0.01, 0.0, 1.0], (100,), padding=1, channels=False), k=2)
    >>> found.value.round(6), found.method, bool(found.error < 1e-14)
    (array([ 0.199903, -0.199903]), 'tridiagonal', True)
    >>> eigenvalues(Conv([1.0, 2.0], (4,), channels=False))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `op` must have as many rows as columns; got 3 x 4. Ask for
        gram_diagonal, or for the diagonal of op.H @ op.
    """
    op = square(op)
    check_which(which)
    n = op.shape[0]
    count = n if k is None else validate.integer("k", k, minimum=1)
    if count > n:
        raise GeometryError(
            f"`k` must be between 1 and {n}, the side of `op`; got {count}. Use {n}."
        )
    small, exponent = scaled(op) if isinstance(op, ConvOperator) else common(op)
    found = _all(small, op.dtype, exponent)
    if found is None:
        return _few(small, op.dtype, count, which, exponent)
    order = np.argsort(-abs(found.values), kind="stable")
    order = order[:count] if which == "largest" else order[::-1][:count]
    backward = restored_error(found.backward, exponent)
    return Eigenvalues(
        _restored(found.values[order], exponent),
        found.method,
        restored_error(found.error, exponent) if isfinite(found.error) else found.error,
        "proved" if isfinite(found.error) else "unknown",
        residuals=np.full(count, backward),
    )


def _restored(values: NDArray[Any], exponent: int) -> NDArray[Any]:
    if values.dtype.kind != "c":
        return np.asarray(restored(values, exponent))
    found = np.empty(values.shape, np.complex128)
    found.real, found.imag = restored(np.stack([values.real, values.imag]), exponent)
    return found


def _all(op: Any, dtype: np.dtype[Any], exponent: int) -> Found | None:
    """All eigenvalues by the first way that bounds their error, or by the first that has any."""
    ways = (
        _of_triangle,
        _of_crosses,
        _of_transforms,
        _of_factors,
        lambda op: _of_matrix(op, dtype, exponent),
    )
    first = None
    for way in ways:
        found = way(op)
        if found is not None and isfinite(found.error):
            return found
        first = first or found
    return first


def _of_triangle(op: Any) -> Found | None:
    if not isinstance(op, ConvOperator) or not is_triangular(op):
        return None
    found = diagonal(op)
    norm = float(abs(op.weight).astype(np.float64).sum())
    wide = np.complex128 if op.dtype.kind == "c" else np.float64
    # The taps that meet in an entry of the diagonal are summed, and nothing else.
    error = found.error
    return Found(found.value.astype(wide), error, error, norm, "triangular")


def _of_crosses(op: Any) -> Found | None:
    return of_crosses(op, _WORK) if isinstance(op, ConvOperator) else None


def _of_transforms(op: Any) -> Found | None:
    if not isinstance(op, ConvOperator):
        return None
    blocks = square_blocks(op, _WORK)
    return None if blocks is None else of_parts(blocks)


def _of_factors(op: Any) -> Found | None:
    if not isinstance(op, ConvOperator):
        return None
    product = square_factors(op)
    if product is None or sum(len(f) * float(f.shape[-1]) ** 3 for f in product[0]) > _WORK:
        return None
    factors, left_out = product
    groups = []
    for group in range(len(factors[0])):
        parts = [of_blocks(factor[group], 0.0, "kronecker") for factor in factors]
        groups.append(reduce(lambda a, b: a.times(b, "kronecker"), parts))
    found = reduce(Found.beside, groups)
    return Found(
        found.values, found.error + left_out, found.backward + left_out, found.norm, "kronecker"
    )


def _of_matrix(op: Any, dtype: np.dtype[Any], exponent: int) -> Found | None:
    """From the whole matrix."""
    if float(op.shape[0]) ** 3 > _WORK:
        return None
    if isinstance(op, ConvOperator) and op.geometry.x_shape == op.geometry.y_shape:
        return None  # the blocks were the matrix, or parts of it
    matrix = finite(op, wide_matrix(op)).toarray()
    matrix = matrix.astype(np.complex128 if matrix.dtype.kind == "c" else np.float64)
    if isinstance(op, ConvOperator):
        made = 8 * EPS * float(abs(matrix).sum(axis=1).max())
    else:
        made = matrix_error(op, dtype, exponent)
    return of_blocks(matrix, made, "dense")


def _few(op: Any, dtype: np.dtype[Any], k: int, which: str, exponent: int) -> Eigenvalues:
    """The largest by Arnoldi steps, by Lanczos steps of a Hermitian operator; of the operator that a
    power of two was taken out of.
    """
    n = op.shape[0]
    if which == "smallest" or 8 * k > n:
        raise GeometryError(
            f"`op` must have a structure, or at most {round(_WORK ** (1 / 3)):,} rows, for all or the "
            f"smallest eigenvalues; got {n:,}. Ask for a few of the largest by k, or for singular_values."
        )
    hermitian = bool(equivalent(op, op.H)) if op.in_shape == op.out_shape else False
    wide = np.complex128 if op.dtype.kind == "c" else np.float64
    plain = LinearOperator(op.shape, matvec=lambda x: op @ x, dtype=wide)
    start = np.random.default_rng(0).standard_normal(n)
    search = eigsh if hermitian else eigs
    width = min(n, 2 * k + _VECTORS)
    try:
        values, vectors = search(plain, k, which="LM", v0=start, ncv=width, maxiter=1000)
    except ArpackNoConvergence as failure:
        raise GeometryError(
            f"`k` must be a number of eigenvalues that stand apart; got {k}, of which an iteration "
            f"found {len(failure.eigenvalues)}. Ask for fewer, or for singular_values."
        ) from failure
    order = np.argsort(-abs(values), kind="stable")
    values, vectors = values[order], vectors[:, order]
    vectors = vectors / np.linalg.norm(vectors, axis=0)
    residuals = np.linalg.norm(op @ vectors - vectors * values, axis=0)
    residuals = residuals + 8 * np.sqrt(n) * EPS * abs(values[0])
    if not isinstance(op, ConvOperator):
        residuals = residuals + matrix_error(op, dtype, exponent)
    residuals = np.array([restored_error(float(residual), exponent) for residual in residuals])
    error = float(residuals.max()) if hermitian else float("inf")
    method = "lanczos" if hermitian else "arnoldi"
    return Eigenvalues(_restored(values, exponent), method, error, "unknown", residuals=residuals)
