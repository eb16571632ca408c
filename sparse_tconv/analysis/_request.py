"""Which singular values were asked for, and the method that will find them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

from numpy.typing import NDArray

from .. import _validate as validate
from ..errors import GeometryError
from ..operators import ConvOperator
from ..spectral import METHODS, applicable
from ._extremes import LARGEST, SMALLEST, extreme_triplets, iteration
from ._sides import check_which
from ._triplets import Triplets

_ALL_WORK = 5e10  # multiplications in decompositions for all values: under a minute
_PROVED_SIDE = 4096  # up to which the answers of 'auto' are proved
_FEW_WORK = 2e8  # beyond it a few values come sooner by iteration: a tenth of a second


@dataclass(frozen=True)
class Request:
    """How many values from which end, the method, and whether they are to be proved."""

    count: int
    which: str
    method: str
    prove: bool

    @classmethod
    def of(cls, op: Any, k: Any, which: Any, method: Any) -> Request:
        """Check the arguments and choose the method."""
        few = applicable(op, partial(_few, op))
        check_which(which)
        limit = min(op.shape)
        count = limit if k is None else _count(k, limit)
        chosen = _method(op, count, which, method, few)
        return cls(count, which, chosen, method == "auto" and limit <= _PROVED_SIDE)

    def iterate(self, op: ConvOperator) -> Triplets:
        """The answer of an iteration."""
        method = iteration(op, self.which) if self.method in METHODS else self.method
        return extreme_triplets(op, self.count, self.which, method, self.prove)

    def decomposes(self, op: ConvOperator) -> bool:
        """Whether the whole matrix is decomposed in less than a minute, or all vectors are asked
        for.
        """
        work = prod(op.shape) * float(min(op.shape))
        return work <= _ALL_WORK or 8 * self.count > min(op.shape)

    def select(self, values: NDArray[Any]) -> NDArray[Any]:
        """The first or the last of values in descending order."""
        return values[: self.count] if self.which == "largest" else values[::-1][: self.count]


def _few(op: Any, method: str, work: float) -> bool:
    """Whether a structure is worth having for a few values; that of one axis is the whole matrix."""
    whole = method in ("mixed", "dense") or (method == "kronecker" and len(op.geometry.axes) == 1)
    return work <= (_FEW_WORK if whole else _ALL_WORK)


def _count(k: Any, limit: int) -> int:
    count = validate.integer("k", k, minimum=1)
    if count > limit:
        raise GeometryError(
            f"`k` must be between 1 and {limit}, the smaller side of `op`; got {count}. "
            f"Use {limit}."
        )
    return count


def _method(op: ConvOperator, count: int, which: str, method: Any, few: str | None) -> str:
    """The method asked for if it can answer, or the one that 'auto' means."""
    offered = LARGEST if which == "largest" else SMALLEST
    if not validate.is_word(method, ("auto",)):
        if not validate.is_word(method, (*METHODS, *offered)):
            listed = ", ".join(map(repr, ("auto", *METHODS, *offered)))
            raise GeometryError(
                f"`method` must be one of {listed} for the {which} values; got {validate.written(method)}. Leave "
                "it out to have it chosen."
            )
        return str(method)
    if few is not None:
        return few
    if 8 * count < min(op.shape):
        return iteration(op, which)
    # 'auto' of the structures raises with all their reasons if there is none
    return applicable(op, lambda _, work: work <= _ALL_WORK) or "auto"
