"""Singular values that their vectors prove."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..operators import ConvOperator
from ..solution import Complete

_LEAST = float(np.finfo(np.float64).smallest_subnormal)
_SMALL = float(np.finfo(np.float64).tiny) / float(np.finfo(np.float64).eps)
EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Triplets:
    """Singular values of an operator, outermost first, with vectors as orthonormal columns.

    Parameters
    ----------
    left, values, right : array
        ``C right = left * values`` and ``C^H left = right * values``, to the error.
    method : str
        How they were found.
    error : float
        How far each value is, at most, from a singular value of its own.
    residuals : array
        What the vectors of each leave of the two equations, rounding included.
    complete : str
        Whether they are the outermost ones: 'proved', 'probable' or 'unknown'.
    """

    left: NDArray[Any]
    values: NDArray[np.float64]
    right: NDArray[Any]
    method: str
    error: float
    residuals: NDArray[np.float64]
    complete: Complete = "unknown"

    def taken(self, index: Any) -> Triplets:
        """Some of them."""
        left, right = self.left[:, index], self.right[:, index]
        values, residuals = self.values[index], self.residuals[index]
        return replace(self, left=left, values=values, right=right, residuals=residuals)

    @property
    def adjoint(self) -> Triplets:
        """Those of the adjoint."""
        return replace(self, left=self.right, right=self.left)


def rounding(side: int, scale: float) -> float:
    """Error of a backward stable computation with a matrix of some larger side; not zero where
    numbers are so small that all of them are rounded.
    """
    least = 2 * _LEAST if 0 < scale < _SMALL else 0.0
    return float((64 + 8 * np.sqrt(side)) * EPS * scale) + least


def proved_triplets(
    op: ConvOperator, left: NDArray[Any], right: NDArray[Any], method: str, scale: float
) -> Triplets:
    """The singular values of the operator between two subspaces, descending, and their error.

    With R = C V - U S and Q = C^H U - V S for orthonormal U and V some matrix within max(|R|, |Q|)
    of C has the triplets (U, S, V) (Kahan, Parlett, Jiang 1982), so that by Weyl's theorem as many
    singular values of C are that near, multiplicities counted.
    """
    left, right = (np.linalg.qr(part)[0] for part in (left, right))
    image = np.asarray(op.matmat(right))
    turn, values, back = np.linalg.svd(left.conj().T @ image)
    left, right, image = (
        left @ turn,
        right @ back.conj().T,
        image @ back.conj().T,
    )
    residuals = (image - left * values, np.asarray(op.H.matmat(left)) - right * values)
    lost = max(np.linalg.norm(part.conj().T @ part - np.eye(values.size)) for part in (left, right))
    found = max(float(np.linalg.norm(part, 2)) for part in residuals)
    rest = 2 * float(lost) * scale + rounding(max(op.shape), scale)
    each = np.maximum(*(np.linalg.norm(part, axis=0) for part in residuals))
    return Triplets(left, values, right, method, found + rest, each + rest)
