"""How the arrays of a matrix are made: from a template where its rows repeat, else slab by slab;
box by box where either would write out too much beside the matrix; entry by entry where hardly a row
has any, window by window where rows are few and long.
"""

from __future__ import annotations

from math import prod
from typing import Any, Protocol

from numpy.typing import DTypeLike, NDArray

from ..pattern import MatrixPattern, written_taps
from ._by_boxes import ByBoxes
from ._by_entries import ByEntries, WithoutEntries
from ._by_slabs import BySlabs
from ._by_template import ByTemplate
from ._by_windows import ByWindows, of_whole_windows
from ._slab_work import slab_work
from ._template import template


class Layout(Protocol):
    """Makes the arrays of the matrices of one pattern."""

    def indices(self, dtype: DTypeLike) -> NDArray[Any]:
        """Column indices, ascending in every row."""

    def indptr(self, dtype: DTypeLike) -> NDArray[Any]:
        """Row pointer."""

    def values(self, weight: NDArray[Any]) -> NDArray[Any]:
        """Values in the weight's dtype, in the order of the indices."""


_PER_TAP = 100  # bytes that a tap, or an entry, takes while it is written out
_SHARE = 16  # of the matrix, at most, is taken beside it
_FEW = 16  # taps, of which one is kept, or fewer
_LITTLE = 1 << 18  # bytes, which may be taken beside any matrix


def layout(pattern: MatrixPattern, nnz: int | None = None) -> Layout:
    """What makes the arrays of a pattern's matrices; the number of stored entries, if it is known,
    need not be counted again.
    """
    if pattern.empty:
        return WithoutEntries(pattern)
    if pattern.scattered and not pattern.folds_far:
        return ByEntries(pattern)
    if of_whole_windows(pattern):
        return ByWindows(pattern)
    plain = _plain(pattern)
    made = template(pattern, _beside(pattern) // _PER_TAP) if plain else None
    if made is not None:
        return ByTemplate(pattern, made)
    return BySlabs(pattern) if plain and _in_slabs(pattern) else ByBoxes(pattern, nnz)


def stored(pattern: MatrixPattern) -> int:
    """Number of stored entries, or more where these are few beside the rows; nothing of the matrix's
    size is allocated.
    """
    if pattern.empty:
        return 0
    if pattern.taps is None or (pattern.scattered and not pattern.folds_far):
        return pattern.geometry.nnz
    in_slabs = _plain(pattern) and _in_slabs(pattern)
    return pattern.nnz if in_slabs else ByBoxes(pattern).nnz


def fewest(pattern: MatrixPattern) -> int:
    """No more than the stored entries, known at once: those of rows inside, where no taps meet."""
    geometry = pattern.geometry
    kept = prod(geometry.kernel_size) if pattern.taps is None else int(pattern.taps.sum())
    inside = prod(max(0, stop - start) for start, stop in (a.interior for a in geometry.axes))
    return pattern.row_channels * pattern.col_channels * kept * inside


def _plain(pattern: MatrixPattern) -> bool:
    """Whether the patterns of the axes, written out, are small beside the matrix."""
    axes = pattern.geometry.axes
    written = sum(written_taps(axis, pattern.transposed) for axis in axes)
    return written * _PER_TAP <= _beside(pattern)


def _in_slabs(pattern: MatrixPattern) -> bool:
    """Whether what slabs are written by is small beside the matrix, too."""
    if _sparse(pattern):
        return True
    always, each = slab_work(pattern)
    if always + 8 * each <= max(_beside(pattern), 2 * _LITTLE):
        return True
    # Objects were counted generously, numbers not: most of a megabyte, if complex numbers fit too.
    return always + 16 * each <= 7 * _LITTLE // 2


def _sparse(pattern: MatrixPattern) -> bool:
    """Whether so few taps are kept that entries cost too much to be looked at one by one."""
    return pattern.taps is not None and _FEW * int(pattern.taps.sum()) <= pattern.taps.size


def _beside(pattern: MatrixPattern) -> int:
    """Bytes that may be taken beside the matrix."""
    nbytes = 8 * pattern.geometry.nnz + 4 * pattern.shape[0]
    if pattern.taps is not None and not _sparse(pattern):
        nbytes = nbytes * int(pattern.taps.sum()) // pattern.taps.size
    return max(nbytes // _SHARE, _LITTLE)
