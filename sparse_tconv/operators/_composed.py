"""Operators that are made of others."""

from __future__ import annotations

from typing import Any

from scipy.sparse import csr_array

from ._operator import Operator


class Composed(Operator):
    """An operator whose matrix is made of those of its parts, by ``_matrix_in``."""

    def _matrix(self, max_bytes: Any) -> csr_array:
        return self._matrix_in(self.dtype, max_bytes)
