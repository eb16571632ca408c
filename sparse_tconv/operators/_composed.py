"""Operators that are made of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scipy.sparse import csr_array

from ._operator import Operator
from ._terms import Terms


class Composed(Operator):
    """An operator whose matrix is made of those of its parts, by ``_matrix_in``."""

    def _matrix(self, max_bytes: Any) -> csr_array:
        return self._matrix_in(self.dtype, max_bytes)


class Around(Composed):
    """An operator with the entries of another, `of`, in other places."""

    of: Operator

    @property
    def flops(self) -> int | None:
        """Those of the operator."""
        return self.of.flops

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        return self.of.norm_bound(leaf)

    def terms(self) -> Terms | None:
        return self.of.terms()

    def _parts(self) -> tuple[Operator, ...]:
        return (self.of,)
