"""Eigenvalues of small matrices, and of those that sums and products of them have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, schur

EPS = float(np.finfo(np.float64).eps)
_NORMAL = 64  # units of rounding times the side that a normal matrix may leave above the diagonal


@dataclass(frozen=True, eq=False)
class Found:
    """Eigenvalues of a matrix.

    Parameters
    ----------
    values : array
        Real or complex.
    error : float
        Bound of the distance of each from an eigenvalue; infinite where rounding may move them
        further than can be told.
    backward : float
        Bound of the norm of a change of the matrix that makes them exact.
    norm : float
        Bound of the matrix's norm.
    method : str
    """

    values: NDArray[Any]
    error: float
    backward: float
    norm: float
    method: str

    def beside(self, other: Found) -> Found:
        """The eigenvalues of a matrix with two blocks."""
        return replace(
            self,
            values=np.concatenate([self.values, other.values]),
            error=max(self.error, other.error),
            backward=max(self.backward, other.backward),
            norm=max(self.norm, other.norm),
        )

    def plus(self, other: Found, method: str) -> Found:
        """Those of ``A x I + I x B``."""
        values = np.add.outer(self.values, other.values).reshape(-1)
        norm = self.norm + other.norm
        error = self.error + other.error + EPS * norm
        backward = self.backward + other.backward + EPS * norm
        return Found(values, error, backward, norm, method)

    def times(self, other: Found, method: str) -> Found:
        """Those of the Kronecker product ``A x B``."""
        values = np.multiply.outer(self.values, other.values).reshape(-1)
        norm = self.norm * other.norm
        error = _of_product(self.error, other.error, self.norm, other.norm)
        backward = _of_product(self.backward, other.backward, self.norm, other.norm)
        return Found(values, error + 2 * EPS * norm, backward + 2 * EPS * norm, norm, method)


def _of_product(first: float, second: float, norm: float, other: float) -> float:
    if inf in (first, second):
        return inf
    return first * other + second * norm + first * second


def of_blocks(blocks: NDArray[Any], left_out: float, method: str) -> Found:
    """The eigenvalues of blocks (..., n, n), each known to so much of its norm."""
    flat = blocks.reshape(-1, *blocks.shape[-2:])
    side = flat.shape[-1]
    sizes = np.sqrt((abs(flat) ** 2).sum(axis=(-1, -2)))
    norm = float(sizes.max())
    if side == 1:
        values = flat.reshape(-1)
        values = values if values.imag.any() else values.real
        return Found(values, left_out, left_out, norm, method)
    adjoint = flat.conj().swapaxes(-1, -2)
    skew = float(np.sqrt((abs(flat - adjoint) ** 2).sum(axis=(-1, -2))).max()) / 2
    if skew <= 4 * EPS * norm + 2 * left_out:
        values = np.linalg.eigvalsh((flat + adjoint) / 2).reshape(-1)
        error = skew + left_out + (64 + 8 * np.sqrt(side)) * EPS * norm
        return Found(values, error, error, norm, method)
    found = [_triangle(block) for block in flat]
    values = np.concatenate([values for values, _, _ in found])
    backward = max(rest for _, _, rest in found) + left_out
    above = max(upper for _, upper, _ in found)
    normal = above <= _NORMAL * side * EPS * norm + 2 * left_out
    return Found(values, above + backward if normal else inf, backward, norm, method)


def _triangle(block: NDArray[Any]) -> tuple[NDArray[Any], float, float]:
    """Eigenvalues of a matrix, the norm of what its Schur form has above the diagonal, and that of
    what the form leaves out.
    """
    size = float(abs(block).max()) or 1.0
    try:
        form, turn = schur(block / size, output="complex")
    except LinAlgError:
        # Entries of very different sizes: those below the square of rounding are left out.
        form, turn = schur(np.where(abs(block) > EPS**2 * size, block / size, 0), output="complex")
    values = form.diagonal()
    side = len(block)
    rest = float(np.linalg.norm(block / size @ turn - turn @ form))
    rest += side * EPS * float(np.linalg.norm(form))
    return values * size, float(np.linalg.norm(np.triu(form, 1))) * size, rest * size


def tridiagonal(n: int, step: int, below: Any, middle: Any, above: Any) -> Found:
    """Of the n x n Toeplitz matrix with three diagonals, `step` apart: ``a + 2 sqrt(b c) cos(pi j /
    (q + 1))``, q being how many places each of the `step` chains has.
    """
    product = np.sqrt(complex(below)) * np.sqrt(complex(above))
    chains = [len(range(start, n, step)) for start in range(min(step, n))]
    cosines = [np.cos(pi * np.arange(1, q + 1) / (q + 1)) for q in chains]
    values = middle + 2 * product * np.concatenate(cosines)
    if np.isrealobj(values) or not (values.imag.any() or isinstance(middle, complex)):
        values = values.real
    norm = abs(middle) + abs(below) + abs(above)
    error = 16 * EPS * norm
    return Found(values, error, error, float(norm), "tridiagonal")
