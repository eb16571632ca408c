"""How many singular values are above a number, by the inertia of a factorization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, csc_array, diags_array, eye_array
from scipy.sparse.linalg import splu

from ..operators import ConvOperator
from ..threads import cached_property
from ._inverse_norm import inverse_square_sum

Map = Callable[[NDArray[Any]], NDArray[Any]]

UNIT = float(np.finfo(np.float64).eps) / 2


class Inertia:
    """Counts of singular values of a tall C: as many are above a shift as ``[[0, C], [C^H, 0]]``
    has eigenvalues there.
    """

    def __init__(self, tall: ConvOperator) -> None:
        self._tall = tall

    @cached_property
    def inverse_square_sum(self) -> float | None:
        """The sum of 1 / s^2 over all singular values; None where it would take long."""
        return inverse_square_sum(self._tall)

    @cached_property
    def _system(self) -> Any:
        matrix = self._tall.matrix
        return block_array([[None, matrix], [matrix.conj().T, None]], format="csc")

    def shifted_solve(self, shift: float) -> Map | None:
        """``([[0, C], [C^H, 0]] - shift I)^{-1}``, with pivots; None if it is exactly singular."""
        identity = eye_array(self._system.shape[0])
        try:
            factors = splu(csc_array(self._system - shift * identity))
        except RuntimeError:
            return None
        return lambda b: np.asarray(factors.solve(b))

    def above(self, shift: float) -> tuple[int, float] | None:
        """A number, and a radius: at most so many singular values are above the shift plus the
        radius, at least so many above the shift minus it. None if there are no factors.

        Without pivots the factors of a symmetric matrix are L D L^H, which has the inertia of D
        (Sylvester). They are those of a matrix within the radius, so that Weyl's theorem counts the
        eigenvalues of the true one.
        """
        system = self._system
        identity = eye_array(system.shape[0])
        options = {"SymmetricMode": True}
        try:
            factors = splu(
                csc_array(system - shift * identity),
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options=options,
            )
        except RuntimeError:  # a pivot of zero
            return None
        if (factors.perm_r != factors.perm_c).any():
            return None
        return _signs(factors.L.tocsr(), factors.U.tocsr())


def _signs(lower: Any, upper: Any) -> tuple[int, float] | None:
    """The number of positive pivots, and how far L D L^H may be from what was factorized.

    An entry of L U sums as many products as its row of L has entries, each rounded (Higham,
    "Accuracy and stability of numerical algorithms", 2002, theorem 9.3); a complex one four times.
    """
    pivots = upper.diagonal().real
    ones = np.ones(len(pivots))
    unit = UNIT * (4 if lower.dtype.kind == "c" else 1)
    rounded = unit * (2 + np.diff(lower.indptr).max()) * _norm(abs(lower), abs(upper), ones)
    other = upper - diags_array(pivots) @ lower.conj().T
    radius = float(rounded + _norm(abs(lower), abs(other), ones))
    return (int((pivots > 0).sum()), radius) if np.isfinite(radius) else None


def _norm(lower: Any, upper: Any, ones: NDArray[np.float64]) -> float:
    """A bound of the spectral norm of a product of factors without signs, from its row and column
    sums.
    """
    rows = float((lower @ (upper @ ones)).max())
    columns = float((upper.T @ (lower.T @ ones)).max())
    return float(np.sqrt(rows * columns))
