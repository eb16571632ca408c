"""What a factorization is: values between two bases that are never stored as matrices."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from .._table import outline, table
from ..errors import ShapeError


class Basis(ABC):
    """Orthonormal columns Q, applied without being stored: real where C is real.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample.
    size : int
        Number of columns.
    is_real : bool
        Whether the columns are real.
    """

    def __init__(self, shape: tuple[int, ...], size: int, is_real: bool) -> None:
        self.shape, self.size, self.is_real = shape, size, is_real

    @abstractmethod
    def _analyse(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Q^H for a batch (batch, *shape); real samples if the basis is real."""

    @abstractmethod
    def _synthesise(self, coefficients: NDArray[Any]) -> NDArray[Any]:
        """Q for a batch (batch, size), as anything of (batch, size of shape)."""

    def analyse(self, samples: ArrayLike) -> NDArray[Any]:
        """Coefficients Q^H s of samples (..., *shape), as (..., size)."""
        return self._mapped(self._analyse, samples, self.shape, (self.size,))

    def synthesise(self, coefficients: ArrayLike) -> NDArray[Any]:
        """Samples Q c of coefficients (..., size), as (..., *shape)."""
        return self._mapped(self._synthesise, coefficients, (self.size,), self.shape)

    def columns(self, index: NDArray[Any]) -> NDArray[Any]:
        """Columns of Q, as (size of shape, number of columns)."""
        units = np.zeros((len(index), self.size))
        units[np.arange(len(index)), index] = 1
        return self.synthesise(units).reshape(len(index), prod(self.shape)).T

    def _mapped(
        self, function: Any, values: ArrayLike, taken: tuple[int, ...], given: tuple[int, ...]
    ) -> NDArray[Any]:
        """A function of batches over any leading axes; over both parts of complex values if the
        basis is real.
        """
        array = validate.numeric_array("samples", values)
        lead = array.ndim - len(taken)
        if lead < 0 or array.shape[lead:] != taken:
            listed = ", ".join(map(str, taken))
            raise ShapeError(
                f"`samples` must have shape (..., {listed}); got {array.shape}. The last axes are "
                "one sample, or one set of coefficients."
            )
        wide = np.complex128 if array.dtype.kind == "c" else np.float64
        batch = array.reshape(prod(array.shape[:lead]), *taken).astype(wide, copy=False)
        if self.is_real and wide is np.complex128:
            result = function(batch.real.copy()) + 1j * function(batch.imag.copy())
        else:
            result = function(batch)
        return np.asarray(result).reshape(*array.shape[:lead], *given)


@dataclass(frozen=True, eq=False, repr=False)
class Factorization:
    """An operator as ``U diag(values) V^H``, U and V with orthonormal columns.

    Parameters
    ----------
    values : (r,) float64 array
        Singular values, not negative, in the order of the transform and not sorted; r is at most the
        smaller side of the operator, and singular values beyond these are zero.
    left, right : Basis
        U, with samples of ``out_shape``, and V, with samples of ``in_shape``; real if the operator
        is. ``left.analyse`` is U^H, ``right.synthesise`` is V.
    method : str
        How it was found.
    error : float
        Bound of the norm of the difference between the operator and the product, rounding included.

    Notes
    -----
    Forward ``op.apply(x) = left.synthesise(values * right.analyse(x))``, adjoint
    ``right.synthesise(values * left.analyse(y))``. A filter phi solves by ``synthesise(phi *
    analyse(y))``: 1 / values is the pseudo-inverse, values / (values**2 + damp**2) Tikhonov's.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.spectral import factorize
    >>> op = Conv([2.0, 7.0, -1.0], (6,), padding=1, padding_mode="circular", channels=False)
    >>> F = factorize(op)
    >>> F.method, F.values.round(3)
    ('circular', array([8.   , 6.   , 7.937, 7.   , 7.937, 7.   ]))
    >>> y = op.apply(np.arange(6.0))
    >>> F.synthesise(F.analyse(y) / F.values).round(12) + 0
    array([0., 1., 2., 3., 4., 5.])
    """

    values: NDArray[np.float64]
    left: Basis
    right: Basis
    method: str
    error: float

    def __repr__(self) -> str:
        rows = [
            ("matrix", "{:,} x {:,}".format(*self.shape)),
            ("values", outline(self.values)),
            ("error", f"at most {self.error:.1e}"),
        ]
        return table(f"Factorization: {self.method}", rows)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the operator as a matrix."""
        return prod(self.left.shape), prod(self.right.shape)

    @property
    def order(self) -> NDArray[np.intp]:
        """Places of the values from the largest to the smallest."""
        return np.argsort(-self.values, kind="stable")

    def analyse(self, y: ArrayLike) -> NDArray[Any]:
        """Coefficients ``U^H y`` of data (..., *out_shape), as (..., r)."""
        return self.left.analyse(y)

    def synthesise(self, coefficients: ArrayLike) -> NDArray[Any]:
        """Models ``V c`` of coefficients (..., r), as (..., *in_shape)."""
        return self.right.synthesise(coefficients)

    @property
    def H(self) -> Factorization:
        """The factorization of the adjoint: the same values, the bases exchanged."""
        return replace(self, left=self.right, right=self.left)
