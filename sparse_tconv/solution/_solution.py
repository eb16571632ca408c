"""What a solver answers: the model, how it was found, and how the solver ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from numpy.typing import NDArray


class ConvergenceWarning(UserWarning):
    """An iteration stopped, or a factorization ended, short of the tolerance asked for.

    Examples
    --------
    >>> import warnings
    >>> from sparse_tconv import Conv, inverse
    >>> op = Conv([1.0, 2.0, 1.0], (40,), channels=False)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     answer = inverse.solve(op, range(38), damp=1e-4, method="lsmr", maxiter=1)
    >>> [warning.category.__name__ for warning in caught]
    ['ConvergenceWarning']
    """


class Status(Enum):
    """How a solver ended; the value is the message.

    Examples
    --------
    >>> from sparse_tconv import Conv, inverse
    >>> answer = inverse.solve(Conv([2.0, 1.0], (3,), channels=False), [1.0, 2.0], damp=0.1)
    >>> answer.status in {inverse.Status.CONVERGED, inverse.Status.DIRECT}
    True
    >>> inverse.Status.MAXITER.value
    'stopped at maxiter, before the tolerance was met'
    """

    CONVERGED = "converged: the tolerance is met"
    COMPLETED = "completed the iterations that were asked for"
    DIRECT = "solved directly, without iterating"
    MAXITER = "stopped at maxiter, before the tolerance was met"
    STAGNATED = "stopped where rounding allows no further progress, before the tolerance was met"
    STOPPED = "stopped by the callback"
    DISCREPANCY = "stopped where the residual is as small as the noise"
    INACCURATE = "solved directly, but the system is too ill-conditioned for the tolerance"


@dataclass(frozen=True, repr=False)
class Solution:
    """An answer to ``min |C x - y|^2 + damp^2 |L x|^2``.

    Attributes
    ----------
    x : ndarray, (..., *in_shape)
        The answer, in its n-d shape, with the batch axes of ``y``; the caller's own.
    status : Status
        How the solver ended; ``status.value`` says it in words.
    method : str
        What solved it: 'lsmr', 'spectral' and so on.
    iterations : int
        How many iterations it took; 0 for a direct method.
    residual_norm : float
        ``|C x - y|``, over the rows that the mask keeps.
    solution_norm : float
        ``|L x|``; ``|x|`` without a regularizer.
    damp : float
        The weight of the second term.
    chosen_by : str
        Where the regularization comes from: 'given', or the rule that chose it and how the rule
        knew the spectrum.
    rank : int, optional
        For a truncated expansion: how many singular values it kept.
    gap : float, optional
        For total variation: the most that the objective can be above its minimum.
    bounds : tuple of float, optional
        For total variation: the least and the greatest value that was allowed.
    deviance : float, optional
        For counts: twice what the log-likelihood is below that of means equal to the data.
    findings : tuple of str
        What speaks against trusting the answer, a line each; empty when nothing does.
    field : ndarray, optional
        From :func:`sparse_tconv.inverse.deblur`: all of what the data saw, x being a part of it.

    See Also
    --------
    sparse_tconv.inverse.solve : makes one.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.solution import Solution, Status
    >>> Solution(np.zeros((2, 3)), Status.MAXITER, "cgls", 10, 0.5, 2.0, damp=0.1)
    Solution: stopped at maxiter, before the tolerance was met
      x              (2, 3) float64
      method         cgls, 10 iterations
      residual norm  5.000e-01
      solution norm  2.000e+00
      damp           1.000e-01, given
    """

    x: NDArray[Any]
    status: Status
    method: str
    iterations: int
    residual_norm: float
    solution_norm: float
    damp: float = 0.0
    chosen_by: str = "given"
    rank: int | None = None
    gap: float | None = None
    bounds: tuple[float, float] | None = None
    deviance: float | None = None
    findings: tuple[str, ...] = ()
    field: NDArray[Any] | None = None

    @property
    def converged(self) -> bool:
        """Whether the answer is as exact as was asked for."""
        return self.status in (
            Status.CONVERGED,
            Status.COMPLETED,
            Status.DIRECT,
            Status.DISCREPANCY,
        )

    def __repr__(self) -> str:
        rows = self._rows()
        width = max(len(name) for name, _ in rows)
        lines = [f"  {name:<{width}}  {text}" for name, text in rows]
        return "\n".join([f"Solution: {self.status.value}", *lines])

    def _rows(self) -> list[tuple[str, str]]:
        plural = "" if self.iterations == 1 else "s"
        steps = f", {self.iterations} iteration{plural}" if self.iterations else ""
        chosen = f", {self.chosen_by}"
        return [
            ("x", f"{self.x.shape} {self.x.dtype}"),
            ("method", self.method + steps),
            ("residual norm", f"{self.residual_norm:.3e}"),
            ("solution norm", f"{self.solution_norm:.3e}"),
            ("damp", f"{self.damp:.3e}{chosen if self.rank is None else ''}"),
            *([] if self.rank is None else [("rank", f"{self.rank:,}{chosen}")]),
            *([] if self.gap is None else [("gap", f"{self.gap:.3e}")]),
            *([] if self.bounds is None else [("bounds", "{:.3g} to {:.3g}".format(*self.bounds))]),
            *([] if self.deviance is None else [("deviance", f"{self.deviance:.6g}")]),
            *(("finding", line) for line in self.findings),
        ]
