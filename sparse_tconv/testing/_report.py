"""The answer of a dot test: numbers, where they come from, and a truth value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ._finding import Finding
from ._space import Space

__all__ = ["AdjointReport", "side_text", "table"]


@dataclass(frozen=True)
class AdjointReport:
    """What `dot_test` saw; true when nothing is wrong.

    Attributes
    ----------
    gap : float
        Largest ``|<A x, y> - <x, B y>| / max(|A x| |y|, |x| |B y|, nu |x| |y|)`` over all probes,
        nu a lower bound of the norm of A from the random ones. NaN when a callable gave no answer.
    bound : float
        What rounding can explain: ``8 eps sqrt(terms)``, or the `rtol` that was asked for.
    smallest_error : float
        The smallest ``|A^H - B|_F / |A|_F`` that the random probes were sure to see (but for one
        chance in a million). An error below it can hide; `exact_test` on a small twin has no such
        limit.
    worst : str
        The probes of the largest gap.
    terms : int
        Most entries seen in a row or column of A.
    eps : float
        Rounding unit of the coarsest dtype that took part.
    trials, seed : int
        Random probes on each side, and the seed that makes them again: ``rng=report.seed``.
    domain, codomain : str
        Shape and dtype of both sides.
    findings : tuple of Finding
        Everything wrong, in words; empty when the report is true.

    Examples
    --------
    >>> from sparse_tconv import Conv, testing
    >>> report = testing.dot_test(Conv([1.0, 2.0], (4,), channels=False))
    >>> report.passed
    True
    """

    gap: float
    bound: float
    smallest_error: float
    worst: str
    terms: int
    eps: float
    trials: int
    seed: int
    domain: str
    codomain: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        rows = [
            ("forward", f"{self.domain} -> {self.codomain}"),
            ("gap", f"{self.gap:.2e}  at {self.worst}"),
            ("bound", f"{self.bound:.2e}  terms {self.terms}, eps {self.eps:.2e}"),
            ("smallest error", f"{self.smallest_error:.2e}  |A^H - B| / |A| sure to be seen"),
            ("probes", f"{self.trials} random on each side and structured ones, seed {self.seed}"),
            *_limits(self),
            *(("finding", str(finding)) for finding in self.findings),
        ]
        return table("AdjointReport", self.passed, rows)


def _limits(report: AdjointReport) -> list[tuple[str, str]]:
    """Say what a passed test could not see, when that is not merely rounding."""
    if not report.smallest_error > 1e-6:
        return []
    return [
        (
            "hidden",
            f"an error below {report.smallest_error:.1e} of |A|, a few wrong entries for instance, "
            f"drowns in the rounding of eps {report.eps:.1e}: run exact_test on a small twin",
        )
    ]


def table(title: str, passed: bool, rows: Sequence[tuple[str, str]]) -> str:
    """Lay out a report as two aligned columns."""
    width = max((len(name) for name, _ in rows), default=0)
    lines = [f"  {name:<{width}}  {text}" for name, text in rows]
    return "\n".join([f"{title}: {'passed' if passed else 'FAILED'}", *lines])


def side_text(space: Space | None) -> str:
    """Shape and dtype of one side."""
    if space is None:
        return "?"
    reals = " as reals" if space.doubled else ""
    kind = "torch." if space.torch else ""
    return f"{space.shape} {kind}{np.dtype(space.dtype)}{reals}"
