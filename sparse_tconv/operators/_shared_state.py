"""What an operator shares with its transpose and its conjugates, whatever computes for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..assembly import check_signs
from ..geometry import ConvGeometry
from ..threads import lock


class SharedState(ABC):
    """A geometry, a read-only weight, and what multiplies by their C.

    Parameters
    ----------
    geometry : ConvGeometry
        The geometry of C.
    weight : array
        The weight; copied, but where nobody can ever write to it.
    engine : str
        The engine asked for, or 'auto'.
    """

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any], engine: str) -> None:
        check_signs(geometry, weight.dtype)
        self.geometry = geometry
        self.weight = weight if _is_frozen(weight) else np.array(weight, order="C")
        self.weight.flags.writeable = False
        self.asked = engine
        self._lock = lock()

    @property
    def is_complex(self) -> bool:
        """Whether conjugation does anything to the weight."""
        return self.weight.dtype.kind == "c"

    @property
    @abstractmethod
    def engine_name(self) -> str:
        """The engine that computes in the weight's dtype."""

    @abstractmethod
    def multiply(self, x: NDArray[Any], transposed: bool, conjugated: bool) -> NDArray[Any]:
        """C, C^T or a conjugate of them times a batch of samples with channel axes."""

    @abstractmethod
    def matrix(self, transposed: bool, conjugated: bool) -> csr_array:
        """C, C^T or a conjugate of them, around arrays that are kept."""


def _is_frozen(array: NDArray[Any]) -> bool:
    """Whether an array lies in bytes, which nobody can write to: a model's weight, which many nodes
    may share.
    """
    root: Any = array
    while isinstance(root, np.ndarray):
        root = root.base
    return isinstance(root, bytes) and array.flags.c_contiguous and array.flags.aligned
