"""What compiled functions are called with: arrays of one kind, and work in pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...threads import num_threads, run
from ._axis_sums import AxisSums

_SORTED_AT_ONCE = 100_000  # samples; fewer are not worth a second thread


def fixed(array: NDArray[Any]) -> NDArray[Any]:
    """The array contiguous, aligned and read-only: one type for the compiler, whatever the
    user's flags.
    """
    if not (array.flags.c_contiguous and array.flags.aligned):
        array = np.require(array, requirements=["C", "A"])
    view = array.view()
    view.flags.writeable = False
    return view


def split(count: int, pieces: int) -> list[tuple[int, int]]:
    """range(count) in at most `pieces` stretches of about equal length, none empty."""
    parts = min(count, pieces)
    return [(count * n // parts, count * (n + 1) // parts) for n in range(parts)]


def sorted_rows(x: NDArray[Any], sums: AxisSums) -> NDArray[Any]:
    """Flat rows with the sources of each side by side; as they are if there is one source."""
    if sums.stride == 1:
        return x
    from ._edge_loops import sort

    rows = x.size // sums.n_source
    y = np.empty(rows * sums.pitch, dtype=x.dtype)
    residues = fixed(np.array(sums.residues, dtype=np.int64))

    def piece(item: tuple[int, int]) -> None:
        sort(x, y, residues, sums.stride, sums.n_source, sums.length, *item)

    run(piece, split(rows, num_threads() if x.size > _SORTED_AT_ONCE else 1))
    return fixed(y)
