"""Try mistakes, alone and in pairs, until one gives the adjoint that was found."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from .._finding import Cause, Finding
from ._guess import Guess, Mistake
from ._nearness import factor, is_one, near

__all__ = ["Match", "factor_findings", "findings_of", "search"]

PAIR_BUDGET = 100_000_000  # products built while trying pairs


@dataclass(frozen=True)
class Match:
    """Mistakes that explain B, and the factor that is left."""

    mistakes: tuple[Mistake, ...]
    factor: complex | float


def search(
    right: Guess,
    found: sp.csr_array,
    mistakes: list[Mistake],
    rows: np.ndarray | None,
    rtol: float,
    *,
    pairs: bool = True,
) -> list[Match]:
    """Return all single mistakes that explain B; if there are none, all pairs of them.

    `rows` restricts the comparison to the interior where the border is not understood. A match
    with factor 1 is believed before one that needs a factor.
    """
    singles = _matches(right, found, ((m,) for m in mistakes), rows, rtol)
    if pairs and not singles and right.stencil.entries * len(mistakes) ** 2 / 2 <= PAIR_BUDGET:
        singles = _matches(right, found, itertools.combinations(mistakes, 2), rows, rtol)
    plain = [match for match in singles if is_one(match.factor, rtol)]
    return plain or singles


def findings_of(matches: list[Match], rtol: float) -> Iterator[Finding]:
    """Turn matches into findings, one for every cause."""
    told: set[Cause] = set()
    for match in matches:
        for mistake in match.mistakes:
            if mistake.cause not in told:
                told.add(mistake.cause)
                yield Finding(mistake.cause, _evidence(match, mistake), mistake.fix)
        if not is_one(match.factor, rtol) and not told & {Cause.SIGN, Cause.FACTOR}:
            finding = next(factor_findings(match.factor, rtol))
            told.add(finding.cause)
            yield finding


def factor_findings(c: complex | float, rtol: float) -> Iterator[Finding]:
    """Say that B is c times what it should be."""
    if is_one(-c, rtol):
        yield Finding(Cause.SIGN, "B is minus the right adjoint.", "Change the sign.")
    elif not is_one(c, rtol):
        yield Finding(
            Cause.FACTOR,
            f"B is {c:.10g} times the right adjoint.",
            f"Divide the adjoint by {c:.10g}, or scale the forward to match.",
        )


def _evidence(match: Match, mistake: Mistake) -> str:
    others = [m.cause for m in match.mistakes if m is not mistake]
    return f"together with '{others[0]}', {mistake.evidence}" if others else mistake.evidence


def _matches(
    right: Guess,
    found: sp.csr_array,
    combinations: Iterable[tuple[Mistake, ...]],
    rows: np.ndarray | None,
    rtol: float,
) -> list[Match]:
    """Return the combinations of which B is a multiple, but that are no multiple of A^H."""
    whole = right.matrix()
    due = _restricted(whole, rows)
    seen = _restricted(found, rows)
    matches = []
    for mistakes in combinations:
        wrong = right
        for mistake in mistakes:
            wrong = mistake.make(wrong)
        matrix = wrong.matrix()
        if rows is not None and matrix.shape != whole.shape:
            continue  # it has another interior
        matrix = _restricted(matrix, rows)
        c = factor(matrix, seen, rtol)
        if c is None or near(matrix, due, rtol):
            continue
        # A mistake that only scales A^H (a flip of an odd kernel) is believed at factor 1 only.
        if factor(matrix, due, rtol) is None or is_one(c, rtol):
            matches.append(Match(mistakes, c))
    return matches


def _restricted(matrix: sp.csr_array, rows: np.ndarray | None) -> sp.csr_array:
    return matrix if rows is None else sp.csr_array(matrix[rows])
