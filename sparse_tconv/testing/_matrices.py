"""Both directions of a pair as whole sparse matrices, column by column."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..errors import MatrixTooLargeError, ShapeError
from ._finding import CallFailedError
from ._inner import times_two_to
from ._linearity import nonfinite
from ._pair import Pair

__all__ = [
    "MAX_PROBES",
    "Matrices",
    "check_small",
    "forward_matrix",
    "matrices_of",
    "rounding",
    "to_matrix",
]

MAX_PROBES = 20_000
MAX_ENTRIES = 40_000_000
SAFETY = 8.0

_PLAIN = 64  # exponents up to which entries are taken as they are

Vector = NDArray[Any]


@dataclass(frozen=True)
class Matrices:
    """A, the B that was found, the B that is due, and what rounding may leave between them.

    Attributes
    ----------
    forward : csr_array, shape (m, n)
    found, due : csr_array, shape (n, m)
        ``due`` is A^H, or W_in^-1 A^H W_out under weighted inner products.
    rtol : float
        Relative error that rounding can explain, ``8 eps sqrt(r)``.
    exponent : int
        That of the power of two that was taken out of all three.
    least_norm : float
        The norm that rounding has at least, in the scale of the operator.
    """

    forward: sp.csr_array
    found: sp.csr_array
    due: sp.csr_array
    rtol: float
    exponent: int = 0
    least_norm: float = 0.0

    def restored(self, number: Any) -> Any:
        """A number of the matrices in the scale of the operator."""
        return times_two_to(np.asarray(number), self.exponent)[()]

    def norms_from_below(self) -> tuple[float, float]:
        """What the rounding of A and B is measured by: their longest columns and rows."""
        sizes = [
            max(_row_norms(m).max(initial=0), _row_norms(m.T).max(initial=0))
            for m in (self.forward, self.found)
        ]
        forward, found = (max(float(self.restored(size)), self.least_norm) for size in sizes)
        return forward, found

    def wrong(self) -> tuple[Vector, Vector]:
        """Rows and columns of B whose entries are wrong by more than rounding.

        An entry is measured against the row and the column of A that meet in it, as the dot test
        measures it between two unit vectors.
        """
        difference = sp.coo_array(self.found - self.due)
        rows = np.maximum(_row_norms(self.due), _row_norms(self.found))
        columns = np.maximum(_row_norms(self.due.T), _row_norms(self.found.T))
        row, column = difference.coords
        least = times_two_to(np.asarray(self.least_norm), -self.exponent)
        allowed = self.rtol * np.maximum(np.maximum(rows[row], columns[column]), least)
        bad = ~(np.abs(difference.data) <= allowed)  # NaN is wrong too
        return row[bad], column[bad]


def matrices_of(pair: Pair, rtol: float | None) -> Matrices:
    """Find A and B by applying the pair to every unit vector; an affine part is taken off first."""
    check_small(pair)
    domain, codomain = pair.domain, pair.codomain
    forward = forward_matrix(pair)
    found = to_matrix(pair.adjoint, codomain.size, domain.size, codomain.vector_dtype)
    exponent = _exponent(forward, found)
    if exponent:  # squares of the entries are to neither overflow nor vanish
        forward.data = times_two_to(forward.data, -exponent)
        found.data = times_two_to(found.data, -exponent)
    due = sp.csr_array(forward.conj().T)
    if pair.out_weight is not None:
        due = sp.csr_array(due @ sp.diags_array(pair.out_weight))
    if pair.in_weight is not None:
        due = sp.csr_array(sp.diags_array(1 / pair.in_weight) @ due)
    allowed = rounding(pair, forward) if rtol is None else rtol
    return Matrices(forward, found, due, allowed, exponent, pair.least_norm)


def _exponent(forward: sp.csr_array, found: sp.csr_array) -> int:
    """The power of two to take out of matrices, 0 where their sizes are common."""
    parts = [part for data in (forward.data, found.data) for part in (data.real, data.imag)]
    largest = max(np.abs(part).max(initial=0) for part in parts)
    exponent = int(np.frexp(largest)[1])
    return exponent if abs(exponent) > _PLAIN else 0


def forward_matrix(pair: Pair) -> sp.csr_array:
    """Return A."""
    check_small(pair)
    domain = pair.domain
    return to_matrix(pair.forward, domain.size, pair.codomain.size, domain.vector_dtype)


def check_small(pair: Pair) -> None:
    """Refuse shapes that would take too many calls."""
    probes = pair.domain.size + pair.codomain.size
    if probes > MAX_PROBES:
        raise ShapeError(
            f"`in_shape` and `out_shape` must have at most {MAX_PROBES} entries together to be "
            f"looked at whole; got {probes}. Pass a small twin, the same operator on a smaller "
            "shape such as (16, 16); dot_test takes any size."
        )


def to_matrix(
    function: Callable[[Vector], Vector], inputs: int, outputs: int, dtype: np.dtype[Any]
) -> sp.csr_array:
    """Return a linear map as a sparse matrix, one call per unit vector."""
    at_zero = function(np.zeros(inputs, dtype))
    images = (function(unit) - at_zero for unit in _units(inputs, dtype))
    columns = [(np.flatnonzero(image), image) for image in _counted(images)]
    data = np.concatenate([image[rows] for rows, image in columns])
    indices = np.concatenate([rows for rows, _ in columns])
    indptr = np.concatenate([[0], np.cumsum([rows.size for rows, _ in columns])])
    wide = data.astype(np.complex128 if data.dtype.kind == "c" else np.float64)
    return sp.csr_array(sp.csc_array((wide, indices, indptr), shape=(outputs, inputs)))


def _units(size: int, dtype: np.dtype[Any]) -> Iterator[Vector]:
    for entry in range(size):
        unit = np.zeros(size, dtype)
        unit[entry] = 1
        yield unit


def _counted(images: Iterator[Vector]) -> Iterator[Vector]:
    """Pass images through, stopping before they fill the memory or when one is not finite."""
    entries = 0
    for image in images:
        entries += int(np.count_nonzero(image))
        if entries > MAX_ENTRIES:
            raise MatrixTooLargeError(
                f"the matrix must have at most {MAX_ENTRIES} entries to be looked at whole; got "
                "more. Pass a small twin, the same operator on a smaller shape."
            )
        if not np.isfinite(image).all():
            raise CallFailedError(nonfinite("from a unit vector"))
        yield image


def rounding(pair: Pair, forward: sp.csr_array) -> float:
    """Relative error that rounding can explain: 8 eps sqrt(r)."""
    longest_row = np.diff(forward.indptr).max(initial=1)
    terms = max(longest_row, np.bincount(forward.indices, minlength=1).max(initial=1))
    terms = terms if pair.terms is None else max(terms, pair.terms.count)
    # The matrices themselves are kept in double precision.
    return SAFETY * max(pair.eps, float(np.finfo(np.float64).eps)) * math.sqrt(terms)


def _row_norms(matrix: Any) -> Vector:
    return np.asarray(sp.linalg.norm(sp.csr_array(matrix), axis=1))
