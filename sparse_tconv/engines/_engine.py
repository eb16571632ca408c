"""What an engine is: one way to multiply by C."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..geometry import ConvGeometry


class Engine(ABC):
    """Products with the C of one geometry and one kernel, over batches.

    Arrays are C-contiguous and of the kernel's dtype, with a batch axis in front and always with a
    channel axis: ``x`` is (batch, x_channels, *size), ``y`` is (batch, y_channels, *size). Inputs
    are never modified, results are fresh; nothing is conjugated. Several threads may call at once.

    Parameters
    ----------
    geometry : ConvGeometry
        The geometry of C.
    weight : array of ``geometry.weight_shape``
        The kernel, as the user gave it; kept, not copied.
    """

    name: ClassVar[str]
    # An optional package it needs, and the extra that brings it.
    package: ClassVar[str | None] = None
    extra: ClassVar[str | None] = None

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any]) -> None:
        self.geometry = geometry
        self.weight = weight
        # Shapes of one sample that C takes, and of one that it gives, with their channel axes.
        self.x_shape = geometry.x_channels, *(axis.n_in for axis in geometry.axes)
        self.y_shape = geometry.y_channels, *(axis.n_out for axis in geometry.axes)

    @classmethod
    @abstractmethod
    def refuses(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str | None:
        """Why this engine cannot compute with C in `dtype`, as a clause; None if it can."""

    @classmethod
    def loops(cls, geometry: ConvGeometry, dtype: np.dtype[Any]) -> tuple[Any, ...]:
        """The compiled functions that its products call; none of most engines."""
        return ()

    @classmethod
    @abstractmethod
    def seconds(cls, geometry: ConvGeometry, dtype: np.dtype[Any], batch: int) -> float:
        """Estimated time of one product of C^T with a batch."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes that the engine holds beside the kernel."""

    @abstractmethod
    def forward(self, x: NDArray[Any]) -> NDArray[Any]:
        """C x."""

    @abstractmethod
    def transpose(self, y: NDArray[Any]) -> NDArray[Any]:
        """C^T y."""
