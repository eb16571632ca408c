"""How the arrays of a matrix are made: from a template where its rows repeat, else slab by slab;
entry by entry where hardly a row has any, window by window where rows are few and long.
"""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import DTypeLike, NDArray

from ..pattern import MatrixPattern
from ._by_entries import ByEntries
from ._by_slabs import BySlabs
from ._by_template import ByTemplate
from ._by_windows import ByWindows, of_whole_windows
from ._template import template


class Layout(Protocol):
    """Makes the arrays of the matrices of one pattern."""

    def indices(self, dtype: DTypeLike) -> NDArray[Any]:
        """Column indices, ascending in every row."""

    def indptr(self, dtype: DTypeLike) -> NDArray[Any]:
        """Row pointer."""

    def values(self, weight: NDArray[Any]) -> NDArray[Any]:
        """Values in the weight's dtype, in the order of the indices."""


def layout(pattern: MatrixPattern) -> Layout:
    """What makes the arrays of a pattern's matrices."""
    if pattern.scattered:
        return ByEntries(pattern)
    if of_whole_windows(pattern):
        return ByWindows(pattern)
    made = template(pattern)
    return BySlabs(pattern) if made is None else ByTemplate(pattern, made)
