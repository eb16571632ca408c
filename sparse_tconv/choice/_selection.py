"""The engine of an operator for one dtype: chosen when it is made, and where none was named, changed
once when compiled loops pay.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engines import engine_class
from ..geometry import ConvGeometry
from ._estimates import choose, is_small, overridden, rival
from ._readiness import readiness


class Selection:
    """The name of the engine that computes.

    Parameters
    ----------
    asked : str
        The engine asked for, or 'auto'.
    geometry : ConvGeometry
        The geometry of C.
    dtype : dtype
        What is computed in.
    """

    def __init__(self, asked: str, geometry: ConvGeometry, dtype: np.dtype[Any]) -> None:
        self.asked, self.geometry, self.dtype = asked, geometry, dtype
        self.name = choose(asked, geometry, dtype)
        self.fixed = asked != "auto" or is_small(geometry, dtype)
        if not self.fixed:
            self.fixed = overridden(geometry, dtype)
        self._pins, self._grants = readiness.pins, readiness.grants
        self._rival: Any = self  # not asked for yet
        self._own: float | None = None
        self._uncounted = 0

    @property
    def compiled(self) -> bool:
        """Whether its products are compiled loops that nobody named."""
        return not self.fixed and bool(engine_class(self.name).loops(self.geometry, self.dtype))

    def turns(self, batch: int) -> bool:
        """Count a product to come; whether the engine has become another one for it."""
        if self._pins != readiness.pins:  # set_compiled was called
            return self._again()
        if self.fixed or self._rival is None:
            return False
        if self._grants != readiness.grants and self._again():
            return True
        self._uncounted += batch
        if self._rival is self:
            if not readiness.worth_estimating(self._seconds() * batch):
                return False
            hopeless = self.compiled or readiness.hopeless
            self._rival = None if hopeless else rival(self.name, self.geometry, self.dtype)
        if self._rival is None:
            return False
        saved, loops = self._rival
        samples, self._uncounted = self._uncounted, 0
        return readiness.saves(saved * samples, loops) and self._again()

    def _seconds(self) -> float:
        """Estimated time of a sample by the engine that computes."""
        if self._own is None:
            self._own = engine_class(self.name).seconds(self.geometry, self.dtype, 1)
        return self._own

    def gives_up(self, error: Exception) -> bool:
        """Compiled loops have failed: whether another engine computes instead."""
        if not self.compiled or isinstance(error, MemoryError):
            return False
        readiness.give_up(error)
        return self._again()

    def _again(self) -> bool:
        """Choose anew; whether it is another engine."""
        before = self.name
        self._pins, self._grants = readiness.pins, readiness.grants
        self._rival, self._own = self, None
        self.name = choose(self.asked, self.geometry, self.dtype)
        return self.name != before
