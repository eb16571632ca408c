"""The pseudo-inverse as an operator, from factors that are never multiplied out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DTypeError
from ..operators import ConvOperator, Operator
from ..spectral import Basis, Factorization, checked, factorize
from ._common_size import common, matrix_error, put_back
from ._expressions import dense
from ._tolerance import tolerance
from ._triplets import EPS, rounding


class PseudoInverse(Operator):
    """The pseudo-inverse of an operator; made by :func:`pinv`.

    Parameters
    ----------
    factors : Factorization
        Of the operator.
    cutoff : float
        Singular values up to it count as zero.
    """

    def __init__(self, factors: Factorization, cutoff: float) -> None:
        real = factors.left.is_real and factors.right.is_real
        dtype = np.float64 if real else np.complex128
        super().__init__(factors.left.shape, factors.right.shape, dtype)
        self.factors, self.cutoff = factors, cutoff
        self.rank = int((factors.values > cutoff).sum())
        with np.errstate(divide="ignore", over="ignore"):
            self._filter = np.where(factors.values > cutoff, 1 / factors.values, 0.0)
        if not np.isfinite(self._filter).all():
            raise DTypeError(
                f"`op` must have a pseudo-inverse that float64 can hold; got a singular value of "
                f"{float(factors.values[factors.values > cutoff].min())!r}. Multiply it by a power of two."
            )

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        return self._through(x, self.factors.left, self.factors.right)

    def _multiply_adjoint(self, y: NDArray[Any]) -> NDArray[Any]:
        return self._through(y, self.factors.right, self.factors.left)

    def _through(self, x: NDArray[Any], first: Basis, last: Basis) -> NDArray[Any]:
        found = last.synthesise(self._filter * first.analyse(x))
        return found.astype(np.result_type(x.dtype, self.dtype), copy=False)


class _Columns(Basis):
    """Orthonormal columns that are stored."""

    def __init__(self, shape: tuple[int, ...], columns: NDArray[Any]) -> None:
        super().__init__(shape, columns.shape[1], columns.dtype.kind != "c")
        self.stored = columns

    def _analyse(self, samples: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(samples.reshape(len(samples), -1) @ self.stored.conj())

    def _synthesise(self, coefficients: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(coefficients @ self.stored.T)


def pinv(op: Operator, rtol: float | None = None) -> PseudoInverse:
    """The Moore-Penrose pseudo-inverse as an operator.

    Parameters
    ----------
    op : Conv, ConvTranspose or expression
        The operator.
    rtol : float, optional
        Singular values of at most `rtol` times the largest count as zero; ``max(op.shape)`` times
        the rounding unit of float64, if not given, as in :func:`numpy.linalg.pinv`.

    Returns
    -------
    PseudoInverse
        An operator from ``op.out_shape`` to ``op.in_shape``, computing in double precision, with
        ``factors``, ``cutoff`` and ``rank``: ``pinv(op) @ y`` is the shortest of all solutions of
        least squares.

    Raises
    ------
    GeometryError, MatrixTooLargeError
        No factorization applies and the matrix is too large to be decomposed: the message says what
        each would need. `rtol` is no number or negative.
    DTypeError
        The answer cannot be held in float64, or `op` is no operator of this library.

    See Also
    --------
    sparse_tconv.spectral.factorize : the factors.
    sparse_tconv.inverse.solve : least squares by iteration, at any size.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import pinv
    >>> op = Conv([1.0, 2.0, 1.0], (6,), channels=False)
    >>> inverse = pinv(op)
    >>> inverse.shape, bool(np.allclose(inverse.toarray(), np.linalg.pinv(op.toarray())))
    ((6, 4), True)
    >>> pinv(op, rtol=-1)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `rtol` must be a number, at least 0; got -1. Leave it out for
        the default.
    """
    relative = None if rtol is None else tolerance(rtol, name="rtol")
    factors = factorize(op) if isinstance(op, ConvOperator) else _decomposed(op)
    relative = max(op.shape) * EPS if relative is None else relative
    largest = float(factors.values.max(initial=0.0))
    return PseudoInverse(factors, relative * largest)


def _decomposed(op: Any) -> Factorization:
    """The factors of an expression, from its matrix."""
    if not isinstance(op, Operator):
        checked(op)
    dtype, (op, exponent) = op.dtype, common(op)
    left, values, right = dense(op, vectors=True)
    error = rounding(max(op.shape), float(values[0])) + matrix_error(op, dtype, exponent)
    values, error = put_back(values, error, exponent)
    bases = _Columns(op.out_shape, left), _Columns(op.in_shape, right)
    return Factorization(values, *bases, "dense", error)
