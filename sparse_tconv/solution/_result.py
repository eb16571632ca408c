"""What an analysis answers: a value, how it was found, and how far off it may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from operator import index
from typing import Any, Literal

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from .._table import holds_arrays, outline, table

Complete = Literal["proved", "probable", "unknown"]


@dataclass(frozen=True, eq=False, repr=False)
class Result(NDArrayOperatorsMixin):
    """A number or an array with its method and its error; computes and compares like the value.

    Parameters
    ----------
    value : float, int or array
        The answer.
    method : str
        How it was found.
    error : float
        Bound of the error of the value, of each entry of an array; rounding included. Singular
        values are that near to ones of their own: as many as reported, multiplicities counted.
    complete : {'proved', 'probable', 'unknown'}
        Whether what was asked for is known to be all there: singular values to be the extreme
        ones. 'proved' by structure, by a decomposition of the whole matrix, or by counting the
        values beyond a number between them; 'probable' where a search beside them from a random
        start found nothing further out; 'unknown' else.
    bounds : tuple of float, optional
        For the spectral norm: a lower and an upper bound that are certain even where the value is
        not known to be the largest.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import spectral_norm
    >>> norm = spectral_norm(Conv([3.0, 4.0], (1,), padding=1, channels=False))
    >>> float(norm), norm.method, norm.error < 1e-12, norm.complete
    (5.0, 'kronecker', True, 'proved')
    >>> bool(norm > 4), float(2 * norm)
    (True, 10.0)

    An array is told in a few lines.

    >>> from sparse_tconv.analysis import gram_diagonal
    >>> gram_diagonal(Conv([3, 4], (5,), padding=1, channels=False))
    Result: pattern
    value     25, 25, 25, 25, 25
    error     at most 0.0e+00
    complete  proved
    """

    value: Any
    method: str
    error: float
    complete: Complete = "unknown"
    bounds: tuple[float, float] | None = None

    def __repr__(self) -> str:
        name = type(self).__name__
        if not holds_arrays(self.value):
            shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self))
            return f"{name}({', '.join(shown)})"
        return table(f"{name}: {self.method}", self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        """What the table of an array says."""
        return [
            ("value", outline(self.value)),
            ("error", f"at most {self.error:.1e}"),
            ("complete", self.complete),
        ]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.value, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        values = [item.value if isinstance(item, Result) else item for item in inputs]
        return getattr(ufunc, method)(*values, **options)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.value, digits)

    def __index__(self) -> int:
        return index(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __getitem__(self, place: Any) -> Any:
        return self.value[place]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value, () for a number."""
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        """Number of axes of the value."""
        return np.ndim(self.value)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the value."""
        return np.asarray(self.value).dtype


@dataclass(frozen=True)
class NormBounds:
    """Numbers between which the spectral norm certainly is; unpacks to the pair.

    Parameters
    ----------
    lower, upper : float
        The bounds.
    method : str
        Where the lower and the upper bound come from.

    Examples
    --------
    >>> from sparse_tconv import Conv, analysis
    >>> bounds = analysis.norm_bounds(Conv([1.0, 2.0], (4,), channels=False))
    >>> bounds.lower <= 2.7979326519319 <= bounds.upper
    True
    """

    lower: float
    upper: float
    method: str

    def __iter__(self) -> Iterator[float]:
        return iter((self.lower, self.upper))
