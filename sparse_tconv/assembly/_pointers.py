"""Row pointers from the numbers of entries in the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 1 << 14  # rows whose pointers are summed in one go


def add_up(counts: NDArray[Any]) -> None:
    """Replace each number by the sum of those up to it: nothing of their size is made beside them."""
    done = 0
    for start in range(0, counts.size, _AT_ONCE):
        part = counts[start : start + _AT_ONCE]
        part[...] = np.cumsum(part) + done
        done = int(part[-1])
