"""The kernel in the one layout that everything below the operators computes with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry import ConvGeometry


def correlation_kernel(geometry: ConvGeometry, weight: NDArray[Any]) -> NDArray[Any]:
    """A kernel of ``geometry.weight_shape`` with channel axes, ready to correlate: a view where
    possible.
    """
    kernel = weight if geometry.channels else weight[None, None]
    return np.flip(kernel, axis=tuple(range(2, kernel.ndim))) if geometry.flip else kernel


def from_correlation_kernel(geometry: ConvGeometry, kernel: NDArray[Any]) -> NDArray[Any]:
    """The inverse (and transpose) of :func:`correlation_kernel`."""
    weight = np.flip(kernel, axis=tuple(range(2, kernel.ndim))) if geometry.flip else kernel
    return weight if geometry.channels else weight[0, 0]
