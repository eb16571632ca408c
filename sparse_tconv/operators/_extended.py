"""Products that write out their samples as far as the kernel reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import numpy as np

from .._memory import check_fits, shortage_told
from ..geometry import ConvGeometry

_REMEDY = "Pass fewer samples, or pad less."


@contextmanager
def extending(
    geometry: ConvGeometry, batch: int, numbers: int, dtype: np.dtype[np.generic]
) -> Iterator[None]:
    """Refuse samples whose extension, with so many numbers of a product, memory does not hold:
    before anything is allocated, and where the system gives less than it was thought to have.
    """
    extents = tuple(axis.extent for axis in geometry.axes)
    nbytes = (batch * geometry.x_channels * prod(extents) + numbers) * dtype.itemsize
    check_fits("x", f"{batch} that extend to {extents}", nbytes, _REMEDY)
    with shortage_told("x", _REMEDY):
        yield
