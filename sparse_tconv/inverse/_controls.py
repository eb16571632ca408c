"""How a solver is to run, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from ..solution import Status
from ._bounds import Bounds
from ._diagonal import Diagonal
from ._progress import Progress


@dataclass(frozen=True, eq=False)
class Controls:
    """Everything about a run that is not the problem.

    Attributes
    ----------
    rtol, maxiter
        When to stop.
    x0 : (count, columns) array, optional
        Where to start; zero if None. Not to be written to.
    bounds : Bounds, optional
        Between which x must be.
    preconditioner : LinearOperator, optional
        Roughly the inverse of the normal equations' matrix.
    max_bytes : int, optional
        What a factorization may need.
    diagonal : Diagonal, optional
        The problem in a basis that makes it diagonal, if that was looked for.
    progress : Progress
        Told of every iteration.
    """

    rtol: float
    maxiter: int
    x0: NDArray[Any] | None
    bounds: Bounds | None
    preconditioner: Any
    max_bytes: int | None
    diagonal: Diagonal | None
    progress: Progress


class Answer(NamedTuple):
    """A flat x, how the solver ended, and after how many iterations."""

    x: NDArray[Any]
    status: Status
    iterations: int
