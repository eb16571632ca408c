"""Where the entries of a convolution matrix are: symbolic, weightless, decided on one axis at a
time.
"""

from __future__ import annotations

from ._axis_pattern import AxisPattern, Progression, Region, axis_pattern, written_taps
from ._folded import FoldedPatches, patches
from ._matrix_pattern import Block, MatrixPattern, fold_outer, row_order
from ._patch import Patch, Patches
from ._rows import Rows, forward_rows, rows_with_entries, transposed_rows

__all__ = [
    "AxisPattern",
    "Block",
    "FoldedPatches",
    "MatrixPattern",
    "Patch",
    "Patches",
    "Progression",
    "Region",
    "Rows",
    "axis_pattern",
    "fold_outer",
    "forward_rows",
    "patches",
    "row_order",
    "rows_with_entries",
    "transposed_rows",
    "written_taps",
]
