"""All singular values without the vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._table import outline, table


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum:
    """All singular values of an operator.

    Parameters
    ----------
    values : (min(shape),) float64 array
        From the largest to the smallest.
    method : str
        How they were found.
    error : float
        Bound of the error of each value, rounding included.
    """

    values: NDArray[np.float64]
    method: str
    error: float

    def __repr__(self) -> str:
        rows = [("values", outline(self.values)), ("error", f"at most {self.error:.1e}")]
        return table(f"Spectrum: {self.method}", rows)

    @staticmethod
    def of(values: NDArray[np.float64], count: int, method: str, error: float) -> Spectrum:
        """The values that a method gives, sorted, and filled up with the zeros that it leaves out."""
        filled = np.zeros(count)
        filled[: values.size] = np.sort(values, axis=None)[::-1]
        return Spectrum(filled, method, error)
